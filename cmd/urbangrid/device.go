package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func newDeviceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Enter, list and let in devices",
		Long: `Works on the register of a running server: what is entered counts from the next
observation on.`,
	}
	cmd.AddCommand(newDeviceImportCommand(), newDeviceExportCommand(), newDeviceCredentialsCommand())
	return cmd
}

// apiURL is the address of a path of the API of the server at base.
func apiURL(base, path string, query url.Values) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", fmt.Errorf("--http is %q, want an address such as %s", base, localHTTP)
	}
	u = u.JoinPath("/api/v1/" + path)
	u.RawQuery = query.Encode()
	return u.String(), nil
}

// problem is the API's answer to what it cannot do.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Errors []struct {
		Message  string `json:"message"`
		Location string `json:"location"`
	} `json:"errors"`
}

func (p *problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("the server answers %d %s", p.Status, p.Title)
	}
	return p.Detail
}

// askAPI does a request and returns the body of a good answer, which the caller
// closes. Errors: *problem for what the server says.
func askAPI(req *http.Request) (io.ReadCloser, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("is a server running there? %w", err)
	}
	if resp.StatusCode < 300 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	p := &problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, p); err != nil {
		p.Detail = fmt.Sprintf("%s answers %s: is it an UrbanGrid server?", req.URL.Host, resp.Status)
	}
	return nil, p
}

type credentialOptions struct {
	http     string
	prefixes []string
	revoke   bool
	by       string
}

func newDeviceCredentialsCommand() *cobra.Command {
	var o credentialOptions
	cmd := &cobra.Command{
		Use:   "credentials NAME",
		Short: "Issue or revoke the password of a device, a gateway or a network server",
		Long: `Issues a password and prints it this once; the server keeps a hash alone. Asked
again it issues another, and the one before stops working.

NAME is the id of a device, which may publish below urbangrid/v1/NAME/ alone.
With --prefix it is the user name of a gateway or network server, which may
publish below the prefixes.`,
		Example: "  urbangrid device credentials noise-0012\n  urbangrid device credentials chirpstack --prefix application/7 --prefix application/8",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return deviceCredentials(cmd.Context(), cmd.OutOrStdout(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.http, "http", localHTTP, "server that issues")
	f.StringArrayVar(&o.prefixes, "prefix", nil, "topic prefix of a gateway or network server; may be given many times")
	f.StringVar(&o.by, "by", account(), "who does it, as the server keeps it")
	f.BoolVar(&o.revoke, "revoke", false, "revoke the password instead")
	return cmd
}

// account is the name of the person at this machine, as far as it knows one.
func account() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

const apiTimeout = 30 * time.Second

func deviceCredentials(ctx context.Context, out io.Writer, name string, o credentialOptions) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	path, method, body := "devices/"+url.PathEscape(name)+"/credentials", http.MethodPost, ""
	switch {
	case o.revoke && len(o.prefixes) > 0:
		return errors.New("--revoke needs no --prefix")
	case o.revoke:
		path, method = "credentials/"+url.PathEscape(name), http.MethodDelete
	case len(o.prefixes) > 0:
		b, err := json.Marshal(map[string]any{"user": name, "prefixes": o.prefixes, "by": o.by})
		if err != nil {
			return err
		}
		path, body = "credentials", string(b)
	}
	var query url.Values
	if body == "" {
		query = url.Values{"by": {o.by}}
	}
	address, err := apiURL(o.http, path, query)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	answer, err := askAPI(req)
	if err != nil {
		return err
	}
	defer answer.Close()
	if o.revoke {
		_, err = fmt.Fprintf(out, "The password of %s is revoked.\n", name)
		return err
	}
	var issued struct {
		User, Password string
		Topics         []string
	}
	if err := json.NewDecoder(answer).Decode(&issued); err != nil {
		return fmt.Errorf("answer of the server: %w", err)
	}
	_, err = fmt.Fprintf(out, "user      %s\npassword  %s\ntopics    %s\n\nThe password is not shown again.\n",
		issued.User, issued.Password, strings.Join(issued.Topics, " "))
	return err
}
