package dashboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// MuteScope is what a mute narrows to.
type MuteScope struct {
	Kind   sensors.KindKey  `json:"kind,omitempty" doc:"Key of a kind"`
	Area   grid.AreaCode    `json:"area,omitempty" doc:"Code of a responsibility area: also the areas within it by the codes of the standard"`
	Device sensors.DeviceID `json:"device,omitempty"`
	Cell   string           `json:"cell,omitempty" doc:"H3 index of resolution 10 or coarser: also the cells within it" example:"89309930a0bffff"`
	Rule   string           `json:"rule,omitempty" doc:"Key of a rule; not for maintenance"`
	All    bool             `json:"all,omitempty" doc:"Says that nothing is meant to narrow it"`
}

type muteView struct {
	ID      string            `json:"id" format:"uuid"`
	Purpose store.MutePurpose `json:"purpose" enum:"mute,maintenance"`
	MuteScope
	From      time.Time  `json:"from" doc:"Included"`
	To        time.Time  `json:"to" doc:"Not included; the same as from when it was ended before it began"`
	Reason    string     `json:"reason"`
	By        string     `json:"by" doc:"Who asked for it"`
	CreatedAt time.Time  `json:"created_at"`
	InForce   bool       `json:"in_force" doc:"It is in force now"`
	EndedBy   string     `json:"ended_by" doc:"Who ended it before its time, empty while nobody has"`
	EndedAt   *time.Time `json:"ended_at" doc:"When that was; null while nobody has"`
}

type muteOutput struct{ Body muteView }

type addMuteInput struct {
	Key  string `header:"Idempotency-Key" maxLength:"100" doc:"The same mute with the same key is added once; another one with it is refused with 422"`
	Body struct {
		Purpose store.MutePurpose `json:"purpose" enum:"mute,maintenance" doc:"mute: alerts are raised, but nobody is notified; maintenance: observations are not judged at all"`
		MuteScope
		From   time.Time `json:"from,omitzero" required:"false" doc:"Left out means from now on"`
		To     time.Time `json:"to" doc:"At most a year after from"`
		Reason string    `json:"reason" minLength:"1" maxLength:"1000" example:"路面施工"`
		By     Person    `json:"by" minLength:"1" maxLength:"100" example:"王芳"`
	}
}

type mutesInput struct {
	InForce bool   `query:"in_force" doc:"Only those that are in force now"`
	NotOver bool   `query:"not_over" doc:"Only those that are in force now or will be"`
	Ended   bool   `query:"ended" doc:"Only those that somebody ended before their time"`
	Before  string `query:"before" maxLength:"100" doc:"List mutes older than the one of this id"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type mutesOutput struct {
	Body struct {
		Mutes []muteView `json:"mutes" nullable:"false" doc:"Newest first"`
		Next  string     `json:"next" doc:"Give this as before for the next page; empty after the last"`
	}
}

type endMuteInput struct {
	ID string `path:"id" maxLength:"100"`
	By Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who ends it" example:"王芳"`
}

func (s *Server) muteOperations(api huma.API) {
	const tag = "mutes"
	list := operation("list-mutes", "/mutes", tag, "Mutes and maintenance windows", "Newest first.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listMutes)
	add := operation("add-mute", "/mutes", tag, "Mute alerts, or announce maintenance",
		"At least one of kind, area, device, cell and rule says what is meant, or all says that everything is. Those that are given must all match.")
	add.Method, add.DefaultStatus = http.MethodPost, http.StatusCreated
	add.Errors = append(add.Errors, http.StatusForbidden, http.StatusNotImplemented)
	huma.Register(api, add, s.addMute)
	end := operation("end-mute", "/mutes/{id}", tag, "End a mute now",
		"It stays in the list, with who ended it. One that is over, or that somebody else was first to end, stays as it is: the answer says who that was.")
	end.Method = http.MethodDelete
	end.Errors = append(end.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusNotImplemented)
	huma.Register(api, end, s.endMute)
}

// mutes returns an error when none are kept here.
func (s *Server) mutes() (Mutes, error) {
	if s.deps.Mutes == nil {
		return nil, huma.Error501NotImplemented("no mutes are kept here")
	}
	return s.deps.Mutes, nil
}

func (s *Server) viewMute(m store.Mute) muteView {
	now := s.deps.Now()
	return muteView{
		ID: m.ID, Purpose: m.Purpose,
		MuteScope: MuteScope{Kind: m.Kind, Area: m.Area, Device: m.Device, Cell: m.Cell.String(), Rule: m.Rule, All: m.All},
		From:      m.From.UTC(), To: m.To.UTC(), Reason: m.Reason, By: m.By, CreatedAt: m.CreatedAt.UTC(),
		InForce: !now.Before(m.From) && now.Before(m.To), EndedBy: m.EndedBy, EndedAt: orNull(m.EndedAt),
	}
}

func (s *Server) listMutes(ctx context.Context, in *mutesInput) (*mutesOutput, error) {
	kept, err := s.mutes()
	if err != nil {
		return nil, err
	}
	q := store.MuteQuery{Ended: in.Ended, Before: in.Before, Limit: in.Limit}
	if in.InForce || in.NotOver {
		q.From = s.deps.Now()
	}
	if in.InForce {
		q.To = q.From.Add(time.Microsecond)
	}
	found, err := kept.ListMutes(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &mutesOutput{}
	out.Body.Mutes = make([]muteView, len(found))
	for i, m := range found {
		out.Body.Mutes[i] = s.viewMute(m)
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}

func (s *Server) addMute(ctx context.Context, in *addMuteInput) (*muteOutput, error) {
	kept, err := s.mutes()
	if err != nil {
		return nil, err
	}
	now := s.deps.Now()
	b := &in.Body
	m := store.Mute{
		ID: newMuteID(), Purpose: b.Purpose, Kind: b.Kind, Area: b.Area, Device: b.Device, Rule: b.Rule, All: b.All,
		From: b.From, To: b.To, Reason: b.Reason, By: string(b.By), CreatedAt: now, Key: in.Key,
	}
	if in.Key != "" {
		if m.Wish, err = digest(b); err != nil {
			return nil, s.problem(ctx, err)
		}
	}
	if m.From.IsZero() {
		m.From = now
	}
	if err := s.knownScope(ctx, &m, b.Cell); err != nil {
		return nil, err
	}
	if !m.To.After(now) {
		return nil, huma.Error422UnprocessableEntity("the mute would be over already")
	}
	m, err = kept.AddMute(ctx, m)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &muteOutput{Body: s.viewMute(m)}, nil
}

// digest stands for what a request asked for.
func digest(body any) (string, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16]), nil
}

// knownScope reads the cell into m and refuses what nothing is called: a slip of
// the pen would mute nothing, and nobody would notice.
func (s *Server) knownScope(ctx context.Context, m *store.Mute, cell string) error {
	refuse := func(field, message string, value any) error {
		return huma.Error422UnprocessableEntity(message, &huma.ErrorDetail{Message: message, Location: "body." + field, Value: value})
	}
	if cell != "" {
		c, err := grid.ParseCell(cell)
		if err != nil {
			return refuse("cell", err.Error(), cell)
		}
		m.Cell = c
	}
	if m.Kind != "" {
		if _, ok := s.deps.Kinds.Kind(m.Kind); !ok {
			return refuse("kind", fmt.Sprintf("no kind is called %q", m.Kind), m.Kind)
		}
	}
	if m.Area != "" && !s.knownArea(m.Area) {
		return refuse("area", fmt.Sprintf("no area has the code %q or lies in one that has", m.Area), m.Area)
	}
	if m.Device != "" {
		switch _, err := s.deps.Devices.Device(ctx, m.Device); {
		case errors.Is(err, store.ErrNotFound):
			return refuse("device", fmt.Sprintf("no device is called %q", m.Device), m.Device)
		case err != nil:
			return s.problem(ctx, err)
		}
	}
	return nil
}

func (s *Server) knownArea(code grid.AreaCode) bool {
	return s.deps.Areas != nil && slices.ContainsFunc(s.deps.Areas.All(), func(a grid.Area) bool {
		return store.AreaWithin(a.Code, code)
	})
}

func (s *Server) endMute(ctx context.Context, in *endMuteInput) (*muteOutput, error) {
	kept, err := s.mutes()
	if err != nil {
		return nil, err
	}
	m, err := kept.EndMute(ctx, in.ID, string(in.By), s.deps.Now())
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &muteOutput{Body: s.viewMute(m)}, nil
}

// newMuteID returns an id that is greater than those before.
func newMuteID() string {
	// The error is that of the random source, which crypto/rand never returns.
	id, _ := uuid.NewV7()
	return id.String()
}
