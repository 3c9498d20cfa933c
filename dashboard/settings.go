package dashboard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics/rulebook"
	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Settings are what people change here. Each field may be nil: then that cannot be
// changed, or seen, here.
type Settings struct {
	Store    store.Settings // of kinds and areas, and of who changed what
	Rules    *rulebook.Book
	Previews *rulebook.Previews
	Kinds    *sensors.Catalog // as the files of the server have them
	Areas    *AreaSettings
	Channels *notify.Notifier
	System   *System
}

// AreaSettings are the areas as the server began with them.
type AreaSettings struct {
	File    *grid.Areas // as the files of the server have them
	Version int64       // of the setting that is in force, 0 for none
}

// The sections of settings that belong to this package.
const (
	KindSection = "kind"
	AreaSection = "areas"
	// DistrictKey is the one key of AreaSection: a GeoJSON text as grid.WriteAreas
	// writes it.
	DistrictKey = "district"
)

// ChangedBy is who changes a setting, and why.
type ChangedBy struct {
	By   Person `json:"by" minLength:"1" maxLength:"100" doc:"Who changes it" example:"王芳"`
	Note string `json:"note,omitempty" maxLength:"1000" doc:"Why"`
}

// LastChange is who changed a setting last.
type LastChange struct {
	Version int64      `json:"version" doc:"0 when nobody ever changed it; the ETag in quotes"`
	By      string     `json:"by" doc:"Who changed it last, empty when nobody did"`
	Note    string     `json:"note"`
	At      *time.Time `json:"at" doc:"null when nobody did"`
}

func viewSetting(s store.Setting) LastChange {
	return LastChange{Version: s.Version, By: s.By, Note: s.Note, At: orNull(s.At)}
}

// settingTag is the ETag of a setting, "" for one that nobody ever changed.
func settingTag(s store.Setting) string {
	if s.Version == 0 {
		return ""
	}
	return etag(s.Version)
}

type settingChangesInput struct {
	Section string `query:"section" enum:"rule,kind,areas,channel,credential,channel_test,delivery," doc:"Narrow to one section"`
	Key     string `query:"key" maxLength:"200" doc:"Narrow to one rule, kind, channel or user of a credential"`
	Before  int64  `query:"before" doc:"Only changes with a smaller id: the next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"50"`
}

type settingChangeView struct {
	ID      int64     `json:"id"`
	Section string    `json:"section" enum:"rule,kind,areas,channel,credential,channel_test,delivery"`
	Key     string    `json:"key"`
	Version int64     `json:"version"`
	By      string    `json:"by"`
	Note    string    `json:"note"`
	At      time.Time `json:"at"`
	Reset   bool      `json:"reset" doc:"It was taken away: what the files of the server say holds again"`
	Before  string    `json:"before" doc:"The text that held before, empty for that of the files. Areas are left out: they are large"`
	After   string    `json:"after" doc:"The text that holds from then on"`
}

type settingChangesOutput struct {
	Body struct {
		Changes []settingChangeView `json:"changes" nullable:"false" doc:"Newest first"`
		Next    int64               `json:"next" doc:"Give this as before for the next page; 0 after the last"`
	}
}

// settingsTag groups the operations of the settings.
const settingsTag = "settings"

func (s *Server) settingsOperations(api huma.API) {
	list := operation("list-setting-changes", "/settings/changes", settingsTag, "Who changed what",
		"Changes of rules, kinds, areas and channels with what held before and after, and what people did beside them: "+
			"passwords of gateways that were issued and revoked (credential), channels that were tested (channel_test) and messages that were sent again (delivery). Secrets are never in it.")
	list.Errors = append(list.Errors, http.StatusNotImplemented)
	huma.Register(api, list, s.listSettingChanges)
	s.ruleOperations(api)
	s.rulePreviewOperations(api)
	s.kindSettingOperations(api)
	s.areaSettingOperations(api)
	s.channelOperations(api)
	s.systemOperations(api)
}

// notKept is the answer where a part of the settings is missing.
func notKept(what string) error {
	return huma.Error501NotImplemented(what + " cannot be changed here")
}

func (s *Server) listSettingChanges(ctx context.Context, in *settingChangesInput) (*settingChangesOutput, error) {
	if s.deps.Settings.Store == nil {
		return nil, notKept("settings")
	}
	found, err := s.deps.Settings.Store.SettingChanges(ctx, store.SettingQuery{Section: in.Section, Key: in.Key, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &settingChangesOutput{}
	out.Body.Changes = make([]settingChangeView, len(found))
	for i, c := range found {
		v := settingChangeView{ID: c.ID, Section: c.Section, Key: c.Key, Version: c.Version, By: c.By, Note: c.Note, At: c.At, Reset: c.Reset()}
		if c.Section != AreaSection {
			v.Before, v.After = string(c.Before), string(c.Value)
		}
		out.Body.Changes[i] = v
	}
	if len(found) == in.Limit {
		out.Body.Next = found[len(found)-1].ID
	}
	return out, nil
}

// changedMeanwhile tells the second of two who change a setting what the first did.
func changedMeanwhile(what string, present any, version int64) error {
	c := conflict{message: what + " was changed meanwhile", about: "as it is now", part: "present", present: present}
	if version != 0 {
		c.tag = etag(version)
	}
	return c.problem()
}

// command describes a PUT, POST or DELETE of a setting.
func command(method, id, path, summary, description string, errs ...int) huma.Operation {
	op := operation(id, path, settingsTag, summary, description)
	op.Method = method
	op.Errors = append(op.Errors, http.StatusForbidden, http.StatusNotImplemented)
	op.Errors = append(op.Errors, errs...)
	return op
}

// invalid is the answer to what can never be saved.
func invalid(err error) error { return huma.Error422UnprocessableEntity(err.Error()) }

// isConflict reports whether somebody else was first.
func isConflict(err error) bool { return errors.Is(err, store.ErrConflict) }
