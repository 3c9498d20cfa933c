package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type issuedOutput struct {
	Body struct {
		User     string   `json:"user" doc:"User name at the broker"`
		Password string   `json:"password" doc:"Shown this once: only a hash of it is kept"`
		Topics   []string `json:"topics" nullable:"false" doc:"Filters of the topics that it may publish on and read"`
	}
}

type issueInput struct {
	Body struct {
		User     string   `json:"user" minLength:"1" maxLength:"128" example:"chirpstack"`
		Prefixes []string `json:"prefixes,omitempty" nullable:"false" maxItems:"100" doc:"Topic prefixes, whole levels; left out to change only the password" example:"[\"application/7\"]"`
		By       Person   `json:"by" minLength:"1" maxLength:"100" doc:"Who issues it" example:"王芳"`
	}
}

type credentialView struct {
	User   string           `json:"user"`
	Device sensors.DeviceID `json:"device,omitempty" doc:"Left out for a gateway or network server"`
	Topics []string         `json:"topics" nullable:"false" doc:"Filters of the topics that it may publish on and read"`
}

type credentialsInput struct {
	After string `query:"after" doc:"List the users after this one"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type credentialsOutput struct {
	Body struct {
		Credentials []credentialView `json:"credentials" nullable:"false"`
		Next        string           `json:"next" doc:"Give this as after for the next page; empty after the last"`
	}
}

type revokeInput struct {
	User string `path:"user"`
	By   Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who revokes it" example:"王芳"`
}

type deviceCredentialInput struct {
	ID string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
	By Person `query:"by" maxLength:"100" doc:"Who asks for it; it is kept with the changes of the device"`
}

type deviceCredentialsOutput struct {
	Body struct {
		Credentials []credentialView `json:"credentials" nullable:"false" doc:"One, or none while no password is issued"`
	}
}

func (s *Server) credentialOperations(api huma.API) {
	const tag = "credentials"
	issues := []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusNotImplemented}
	change := func(method, id, path, summary, description string) huma.Operation {
		op := operation(id, path, tag, summary, description)
		op.Method = method
		op.Errors = append(op.Errors, issues...)
		if method == http.MethodPost {
			op.DefaultStatus = http.StatusCreated
		}
		return op
	}
	huma.Register(api, change(http.MethodPost, "issue-device-credential", "/devices/{id}/credentials", "Issue a device's password",
		"Issues a user name and a password with which the device publishes under its own topic alone. Asked again it issues another: the one before stops working."), s.issueDevice)
	huma.Register(api, change(http.MethodDelete, "revoke-device-credential", "/devices/{id}/credentials", "Revoke a device's password", ""), s.revokeDevice)
	one := operation("list-device-credentials", "/devices/{id}/credentials", tag, "What a device may publish with", "")
	one.Errors = append(one.Errors, http.StatusNotImplemented)
	huma.Register(api, one, s.deviceCredential)
	list := operation("list-credentials", "/credentials", tag, "Credentials", "Who may publish, in the order of users. Passwords are not kept.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listCredentials)
	huma.Register(api, change(http.MethodPost, "issue-credential", "/credentials", "Issue the password of a gateway or network server",
		"Issues a password for a user who publishes below topic prefixes. Asked again for the same user it issues another: the one before stops working."), s.issue)
	huma.Register(api, change(http.MethodDelete, "revoke-credential", "/credentials/{user}", "Revoke a password", ""), s.revoke)
}

// credentials returns an error when none are kept here.
func (s *Server) credentials() (Credentials, error) {
	if s.deps.Credentials == nil {
		return nil, huma.Error501NotImplemented("no credentials are kept here")
	}
	return s.deps.Credentials, nil
}

func (s *Server) issueDevice(ctx context.Context, in *deviceCredentialInput) (*issuedOutput, error) {
	id := sensors.DeviceID(in.ID)
	if _, err := s.deps.Devices.Device(ctx, id); err != nil {
		return nil, s.problem(ctx, err)
	}
	out, err := s.issueFor(ctx, sensors.Credential{User: in.ID, Device: id})
	if err == nil {
		err = s.problem(ctx, s.deps.Devices.NoteDevice(ctx, id, string(in.By), store.PasswordIssued))
	}
	return out, err
}

func (s *Server) deviceCredential(ctx context.Context, in *deviceInput) (*deviceCredentialsOutput, error) {
	kept, err := s.credentials()
	if err != nil {
		return nil, err
	}
	out := &deviceCredentialsOutput{}
	out.Body.Credentials = []credentialView{}
	c, err := credentialOf(ctx, kept, in.ID)
	if errors.Is(err, store.ErrNotFound) {
		return out, nil
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out.Body.Credentials = append(out.Body.Credentials, credentialView{User: c.User, Device: c.Device, Topics: topics(c)})
	return out, nil
}

func credentialOf(ctx context.Context, kept Credentials, id string) (sensors.Credential, error) {
	c, ok, err := kept.Credential(ctx, id)
	if err == nil && (!ok || c.Device != sensors.DeviceID(id)) {
		err = fmt.Errorf("credential of device %q: %w", id, store.ErrNotFound)
	}
	return c, err
}

func (s *Server) issue(ctx context.Context, in *issueInput) (*issuedOutput, error) {
	out, err := s.issueFor(ctx, sensors.Credential{User: in.Body.User, Prefixes: in.Body.Prefixes})
	if err == nil {
		err = s.logDeed(ctx, credentialDeed, in.Body.User, in.Body.By, map[string]any{"topics": out.Body.Topics})
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// issueFor issues c unless the name belongs to another than before: a gateway
// must not take a device's name, nor the other way round.
func (s *Server) issueFor(ctx context.Context, c sensors.Credential) (*issuedOutput, error) {
	kept, err := s.credentials()
	if err != nil {
		return nil, err
	}
	old, ok, err := kept.Credential(ctx, c.User)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if ok && old.Device != c.Device {
		return nil, huma.Error409Conflict(fmt.Sprintf("the user name %q is taken; revoke it first", c.User))
	}
	if len(c.Prefixes) == 0 {
		c.Prefixes = old.Prefixes
	}
	password, err := kept.Issue(ctx, c)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &issuedOutput{}
	out.Body.User, out.Body.Password, out.Body.Topics = c.User, password, topics(c)
	return out, nil
}

// topics are the filters of what c may publish on.
func topics(c sensors.Credential) []string {
	list := []string{}
	if c.Device != "" {
		list = append(list, "urbangrid/v1/"+string(c.Device)+"/#")
	}
	for _, p := range c.Prefixes {
		list = append(list, p+"/#")
	}
	return list
}

func (s *Server) revokeDevice(ctx context.Context, in *deviceCredentialInput) (*struct{}, error) {
	kept, err := s.credentials()
	if err != nil {
		return nil, err
	}
	if _, err := credentialOf(ctx, kept, in.ID); err != nil {
		return nil, s.problem(ctx, err)
	}
	if err := kept.RemoveCredential(ctx, in.ID); err != nil {
		return nil, s.problem(ctx, err)
	}
	return nil, s.problem(ctx, s.deps.Devices.NoteDevice(ctx, sensors.DeviceID(in.ID), string(in.By), store.PasswordRevoked))
}

func (s *Server) revoke(ctx context.Context, in *revokeInput) (*struct{}, error) {
	kept, err := s.credentials()
	if err != nil {
		return nil, err
	}
	if err := kept.RemoveCredential(ctx, in.User); err != nil {
		return nil, s.problem(ctx, err)
	}
	return nil, s.logDeed(ctx, credentialDeed, in.User, in.By, nil)
}

func (s *Server) listCredentials(ctx context.Context, in *credentialsInput) (*credentialsOutput, error) {
	kept, err := s.credentials()
	if err != nil {
		return nil, err
	}
	found, err := kept.ListCredentials(ctx, in.After, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &credentialsOutput{}
	out.Body.Credentials = make([]credentialView, len(found))
	for i, c := range found {
		out.Body.Credentials[i] = credentialView{User: c.User, Device: c.Device, Topics: topics(c)}
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].User
	}
	return out, nil
}
