package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type unknownInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type unknownView struct {
	ID        sensors.DeviceID `json:"id"`
	Rejects   int64            `json:"rejects" doc:"How many of its observations were refused"`
	FirstSeen time.Time        `json:"first_seen"`
	LastSeen  time.Time        `json:"last_seen"`
	Topic     string           `json:"topic" doc:"Of its last message"`
	Reason    string           `json:"reason" enum:"unknown_device,no_position" doc:"Why that was refused: the register is closed and it is not in it, or nobody says where it stands"`
}

type unknownOutput struct {
	Body struct {
		Devices []unknownView `json:"devices" nullable:"false" doc:"Last heard first"`
	}
}

type adoptInput struct {
	ID   string      `path:"id" example:"noise-0012"`
	Body *DeviceBody `required:"false"`
}

type adoptManyInput struct {
	Body struct {
		By      Person `json:"by,omitempty" maxLength:"100" doc:"Who adopts them" example:"王芳"`
		Devices []struct {
			ID sensors.DeviceID `json:"id" example:"noise-0012"`
			DeviceBody
		} `json:"devices" nullable:"false" minItems:"1" maxItems:"500" doc:"What is left out of a device that entered itself is taken back"`
	}
}

// adoption is what became of one of many devices.
type adoption string

const (
	adopted    adoption = "adopted"
	adoptTaken adoption = "taken"   // somebody has entered it already
	adoptGhost adoption = "unknown" // it has never spoken
	adoptBad   adoption = "invalid" // it cannot be entered so
)

type adoptedView struct {
	ID      sensors.DeviceID `json:"id"`
	Outcome adoption         `json:"outcome" enum:"adopted,taken,unknown,invalid" doc:"taken: somebody has entered it already, and it stays as that one made it; unknown: it has never spoken; invalid: it cannot be entered so"`
	Detail  string           `json:"detail" doc:"Why, for a person; empty when it was adopted"`
	Device  *deviceView      `json:"device" doc:"As it is now; null for one that is not in the register"`
}

type adoptManyOutput struct {
	Body struct {
		Adopted int           `json:"adopted" doc:"How many of them"`
		Devices []adoptedView `json:"devices" nullable:"false" doc:"In the order of the request"`
	}
}

func (s *Server) adoptOperations(api huma.API) {
	const tag = "devices"
	huma.Register(api, operation("list-unknown-devices", "/devices/unknown", tag, "Devices that nobody entered",
		"Devices whose observations were refused because the register is closed and they are not in it, or because nobody says where they stand."), s.unknownDevices)
	adopt := operation("adopt-device", "/devices/{id}/adopt", tag, "Adopt a device",
		"Enters a device that spoke without being in the register, or that entered itself. A body says more about it; without one it stays as it is. Of two people who adopt it the second is refused with 412.")
	adopt.Method, adopt.MaxBodyBytes = http.MethodPost, 64<<10
	adopt.Errors = append(adopt.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge)
	huma.Register(api, adopt, s.adoptDevice)
	many := operation("adopt-devices", "/devices/adopt", tag, "Adopt many devices",
		"Each on its own: one that cannot be adopted does not hold up the others, and the answer says what became of each. Sent again it changes nothing more.")
	many.Method = http.MethodPost
	many.Errors = append(many.Errors, http.StatusForbidden)
	huma.Register(api, many, s.adoptDevices)
}

func (s *Server) unknownDevices(ctx context.Context, in *unknownInput) (*unknownOutput, error) {
	found, err := s.deps.Devices.UnknownDevices(ctx, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &unknownOutput{}
	out.Body.Devices = make([]unknownView, len(found))
	for i, u := range found {
		out.Body.Devices[i] = unknownView(u)
	}
	return out, nil
}

func (s *Server) adoptDevice(ctx context.Context, in *adoptInput) (*deviceOutput, error) {
	id := sensors.DeviceID(in.ID)
	present, err := s.adoptable(ctx, id, s.strangers())
	if err != nil {
		return nil, s.adoptProblem(ctx, &present, err)
	}
	d, by := present, ""
	if in.Body != nil {
		if d, err = s.stated(in.ID, in.Body); err != nil {
			return nil, err
		}
		by = string(in.Body.By)
	}
	return s.changeDevice(ctx, by, d, present.Version)
}

func (s *Server) adoptProblem(ctx context.Context, present *sensors.Device, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return s.changedMeanwhile(ctx, present)
	}
	return s.problem(ctx, err)
}

func (s *Server) adoptDevices(ctx context.Context, in *adoptManyInput) (*adoptManyOutput, error) {
	out := &adoptManyOutput{}
	out.Body.Devices = make([]adoptedView, len(in.Body.Devices))
	defer s.directory.touch() // also when the register fails on the way: some are adopted then
	strangers := s.strangers()
	for i := range in.Body.Devices {
		want := &in.Body.Devices[i]
		v, err := s.adoptOne(ctx, string(in.Body.By), want.ID, &want.DeviceBody, strangers)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		if out.Body.Devices[i] = v; v.Outcome == adopted {
			out.Body.Adopted++
		}
	}
	return out, nil
}

// adoptOne returns an error only when the register does not answer.
func (s *Server) adoptOne(ctx context.Context, by string, id sensors.DeviceID, body *DeviceBody, strangers func(context.Context) (map[sensors.DeviceID]bool, error)) (adoptedView, error) {
	v := adoptedView{ID: id}
	d, err := s.stated(string(id), body)
	if err != nil {
		v.Outcome, v.Detail = adoptBad, detailOf(err)
		return v, nil
	}
	kept, err := s.adoptable(ctx, id, strangers)
	if err == nil {
		kept, err = s.deps.Devices.ChangeDevice(ctx, by, d, kept.Version)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		v.Outcome, v.Detail = adoptGhost, "it has never spoken"
		return v, nil
	case errors.Is(err, store.ErrConflict):
		v.Outcome, v.Detail = adoptTaken, "somebody has entered it already"
	case err != nil:
		return v, err
	default:
		v.Outcome = adopted
	}
	view := s.viewDeviceAt(&kept, s.placeOf(kept.Position), nil)
	v.Device = &view
	return v, nil
}

// detailOf is a problem in one line, with what is wrong in detail.
func detailOf(err error) string {
	var problem *huma.ErrorModel
	if !errors.As(err, &problem) || len(problem.Errors) == 0 {
		return err.Error()
	}
	text := ""
	for i, e := range problem.Errors {
		if i > 0 {
			text += "; "
		}
		text += e.Message
	}
	return text
}

// adoptable returns the device as the register knows it, of version 0 when it
// merely spoke. Errors: store.ErrConflict, with the device, when somebody has
// entered it, store.ErrNotFound when it never spoke.
func (s *Server) adoptable(ctx context.Context, id sensors.DeviceID, strangers func(context.Context) (map[sensors.DeviceID]bool, error)) (sensors.Device, error) {
	d, err := s.deps.Devices.Device(ctx, id)
	if err == nil && !d.Auto {
		return d, fmt.Errorf("device %q is entered: %w", id, store.ErrConflict)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return d, err
	}
	known, err := strangers(ctx)
	if err == nil && !known[id] {
		err = fmt.Errorf("device %q has not spoken: %w", id, store.ErrNotFound)
	}
	return sensors.Device{ID: id}, err
}

// strangers returns a function that reads once which devices spoke without being
// in the register.
func (s *Server) strangers() func(context.Context) (map[sensors.DeviceID]bool, error) {
	var known map[sensors.DeviceID]bool
	return func(ctx context.Context) (map[sensors.DeviceID]bool, error) {
		if known != nil {
			return known, nil
		}
		found, err := s.deps.Devices.UnknownDevices(ctx, store.MaxUnknownDevices)
		if err != nil {
			return nil, err
		}
		known = make(map[sensors.DeviceID]bool, len(found))
		for i := range found {
			known[found[i].ID] = true
		}
		return known, nil
	}
}
