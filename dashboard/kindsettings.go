package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// kindBody is what of a kind may be changed.
type kindBody struct {
	Names     sensors.Names `json:"names"`
	UnitLabel sensors.Names `json:"unit_label" doc:"The unit as people write it; the unit itself stays, because stored values would change their meaning"`
	Scale     [2]float64    `json:"scale" nullable:"false" doc:"Values at the two ends of the legend, in the unit"`
}

type kindSettingView struct {
	Key     sensors.KindKey `json:"key"`
	Kind    kindBody        `json:"kind" doc:"As it is shown"`
	File    kindBody        `json:"file" doc:"As the files of the server have it"`
	Changed bool            `json:"changed"`
	// Pending says what a restart would still change.
	Pending bool `json:"pending" doc:"Shown already, but alerts and reports call it so from the next start of the server on"`
	LastChange
}

type kindSettingOutput struct {
	ETag string `header:"ETag"`
	Body kindSettingView
}

type kindSettingsOutput struct {
	Body struct {
		Kinds []kindSettingView `json:"kinds" nullable:"false"`
	}
}

type putKindInput struct {
	Key     sensors.KindKey `path:"key" example:"noise"`
	IfMatch string          `header:"If-Match" doc:"ETag of the kind that was seen; left out for the first change" example:"\"1\""`
	Body    struct {
		Kind kindBody `json:"kind"`
		ChangedBy
	}
}

type resetKindInput struct {
	Key sensors.KindKey `path:"key" example:"noise"`
	ChangeBack
}

func (s *Server) kindSettingOperations(api huma.API) {
	list := operation("list-kind-settings", "/settings/kinds", settingsTag, "Kinds as people changed them", "What a kind is called and how it is shown; all else of it stays as the files have it.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listKindSettings)
	huma.Register(api, command(http.MethodPut, "change-kind", "/settings/kinds/{key}", "Change what a kind is called and how it is shown",
		"Pages show it at once; alerts and reports call it so from the next start of the server on.", http.StatusNotFound, http.StatusPreconditionFailed), s.putKind)
	huma.Register(api, command(http.MethodDelete, "reset-kind", "/settings/kinds/{key}", "Take the changes of a kind back", "",
		http.StatusNotFound, http.StatusPreconditionFailed), s.resetKind)
}

// ReadKindChanges reads what people changed of kinds. A change that cannot be read is
// left out and told of.
func ReadKindChanges(ctx context.Context, settings store.Settings) (map[sensors.KindKey]sensors.KindChange, []error, error) {
	kept, err := settings.ListSettings(ctx, KindSection)
	if err != nil {
		return nil, nil, err
	}
	changes := make(map[sensors.KindKey]sensors.KindChange, len(kept))
	var unread []error
	for key, s := range kept {
		var c sensors.KindChange
		if err := json.Unmarshal(s.Value, &c); err != nil {
			unread = append(unread, fmt.Errorf("kind %s: %w", key, err))
			continue
		}
		changes[sensors.KindKey(key)] = c
	}
	return changes, unread, nil
}

// shownKinds is the catalogue as pages show it now: the one in force with what was
// changed since the server began.
func (s *Server) shownKinds(ctx context.Context) *sensors.Catalog {
	set := s.deps.Settings
	if set.Kinds == nil || set.Store == nil {
		return s.deps.Kinds
	}
	changes, unread, err := ReadKindChanges(ctx, set.Store)
	if err != nil {
		s.log.Warn("changed kinds not read, they are shown as at the start", "error", err)
		return s.deps.Kinds
	}
	for _, err := range unread {
		s.log.Warn("a changed kind cannot be read and is shown as the files have it", "error", err)
	}
	return WithKindChanges(set.Kinds, changes)
}

// WithKindChanges returns the catalogue with what people changed, without what does
// not fit it any more.
func WithKindChanges(catalog *sensors.Catalog, changes map[sensors.KindKey]sensors.KindChange) *sensors.Catalog {
	for key, change := range changes {
		if changed, err := catalog.With(map[sensors.KindKey]sensors.KindChange{key: change}); err == nil {
			catalog = changed
		}
	}
	return catalog
}

func viewKindBody(k sensors.Kind) kindBody { return kindBody(k.Change()) }

func (s *Server) listKindSettings(ctx context.Context, _ *struct{}) (*kindSettingsOutput, error) {
	set := s.deps.Settings
	if set.Kinds == nil || set.Store == nil {
		return nil, notKept("kinds")
	}
	shown := s.shownKinds(ctx)
	out := &kindSettingsOutput{}
	out.Body.Kinds = []kindSettingView{}
	for _, file := range set.Kinds.All() {
		v, err := s.viewKindSetting(ctx, shown, file)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		out.Body.Kinds = append(out.Body.Kinds, v)
	}
	return out, nil
}

func (s *Server) viewKindSetting(ctx context.Context, shown *sensors.Catalog, file sensors.Kind) (kindSettingView, error) {
	kept, err := s.deps.Settings.Store.Setting(ctx, KindSection, string(file.Key))
	if err != nil {
		return kindSettingView{}, err
	}
	now, _ := shown.Kind(file.Key)
	running, _ := s.deps.Kinds.Kind(file.Key)
	return kindSettingView{Key: file.Key, Kind: viewKindBody(now), File: viewKindBody(file), Changed: now != file, Pending: now != running,
		LastChange: viewSetting(kept)}, nil
}

func (s *Server) putKind(ctx context.Context, in *putKindInput) (*kindSettingOutput, error) {
	set := s.deps.Settings
	if set.Kinds == nil || set.Store == nil {
		return nil, notKept("kinds")
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	change := sensors.KindChange(in.Body.Kind)
	if _, known := set.Kinds.Kind(in.Key); !known {
		return nil, huma.Error404NotFound(fmt.Sprintf("the catalogue has no kind %q", in.Key))
	}
	if _, err := set.Kinds.With(map[sensors.KindKey]sensors.KindChange{in.Key: change}); err != nil {
		return nil, invalid(err)
	}
	value, err := json.Marshal(change)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.saveKind(ctx, in.Key, store.Setting{Version: version, Value: value, By: string(in.Body.By), Note: in.Body.Note})
}

func (s *Server) resetKind(ctx context.Context, in *resetKindInput) (*kindSettingOutput, error) {
	set := s.deps.Settings
	if set.Kinds == nil || set.Store == nil {
		return nil, notKept("kinds")
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if _, known := set.Kinds.Kind(in.Key); !known {
		return nil, huma.Error404NotFound(fmt.Sprintf("the catalogue has no kind %q", in.Key))
	}
	return s.saveKind(ctx, in.Key, store.Setting{Version: version, By: string(in.By), Note: in.Note})
}

func (s *Server) saveKind(ctx context.Context, key sensors.KindKey, change store.Setting) (*kindSettingOutput, error) {
	change.Section, change.Key, change.At = KindSection, string(key), s.deps.Now()
	_, saveErr := s.deps.Settings.Store.SaveSetting(ctx, change)
	if saveErr != nil && !isConflict(saveErr) {
		return nil, s.problem(ctx, saveErr)
	}
	file, _ := s.deps.Settings.Kinds.Kind(key)
	v, err := s.viewKindSetting(ctx, s.shownKinds(ctx), file)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if saveErr != nil {
		return nil, changedMeanwhile(fmt.Sprintf("kind %s", key), v, v.Version)
	}
	return &kindSettingOutput{ETag: etag(v.Version), Body: v}, nil
}
