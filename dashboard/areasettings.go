package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// areaSettingPath and areaCheckPath take bodies of their own size.
const (
	areaSettingPath = "/settings/areas"
	areaCheckPath   = "/settings/areas/check"
	maxAreaBytes    = store.MaxSettingBytes
)

type areaSettingView struct {
	Areas     int   `json:"areas" doc:"How many there are"`
	Saved     bool  `json:"saved" doc:"They were saved here; otherwise those of the server's files hold"`
	InForce   int64 `json:"in_force" doc:"Version that the server began with, 0 for that of its files"`
	Pending   bool  `json:"pending" doc:"They are in force from the next start of the server on: observations, rules and reports share the areas they began with"`
	FileAreas int   `json:"file_areas" doc:"How many the files of the server have"`
	LastChange
}

type areaSettingOutput struct {
	ETag string `header:"ETag"`
	Body areaSettingView
}

type areaTextInput struct {
	AreaNaming
	RawBody []byte `contentType:"application/geo+json" doc:"GeoJSON feature collection of polygons"`
}

type putAreasInput struct {
	AreaNaming
	RawBody []byte `contentType:"application/geo+json" doc:"GeoJSON feature collection of polygons"`
	IfMatch string `header:"If-Match" doc:"ETag of the areas that were seen; left out for the first change" example:"\"1\""`
	By      Person `query:"by" required:"true" minLength:"1" maxLength:"100" doc:"Who changes them" example:"王芳"`
	Note    string `query:"note" maxLength:"1000" doc:"Why"`
}

type areaCheckOutput struct{ Body areaCheckView }

func (s *Server) areaSettingOperations(api huma.API) {
	read := operation("get-area-setting", areaSettingPath, settingsTag, "Which areas are saved", "")
	read.Errors = append(read.Errors, http.StatusNotImplemented)
	huma.Register(api, read, s.getAreaSetting)
	geo := geoOperation("get-saved-areas", "/settings/areas.geojson", settingsTag, "Saved areas with their boundaries", "As they were saved last, also when they are not in force yet. WGS 84.")
	geo.Errors = append(geo.Errors, http.StatusNotImplemented)
	huma.Register(api, geo, s.getSavedAreas)
	check := command(http.MethodPost, "check-areas", areaCheckPath, "Check areas",
		"What is wrong and what is odd about them, which cells they cover, and which devices would belong to another area. Nothing is saved.")
	check.MaxBodyBytes, check.BodyReadTimeout = maxAreaBytes, importTimeout
	huma.Register(api, check, s.checkAreas)
	put := command(http.MethodPut, "save-areas", areaSettingPath, "Save areas",
		"In force from the next start of the server on. Refused while a finding is a fault.", http.StatusPreconditionFailed)
	put.MaxBodyBytes, put.BodyReadTimeout = maxAreaBytes, importTimeout
	huma.Register(api, put, s.putAreas)
	huma.Register(api, command(http.MethodDelete, "reset-areas", areaSettingPath, "Go back to the areas of the server's files", "In force from the next start of the server on.",
		http.StatusPreconditionFailed), s.resetAreas)
}

func (s *Server) areaSettings() (*AreaSettings, error) {
	if s.deps.Settings.Areas == nil || s.deps.Settings.Store == nil {
		return nil, notKept("areas")
	}
	return s.deps.Settings.Areas, nil
}

// ReadSavedAreas returns the areas that people saved, nil when those of the files
// hold, and the version of the setting.
func ReadSavedAreas(ctx context.Context, settings store.Settings) (*grid.Areas, store.Setting, error) {
	kept, err := settings.Setting(ctx, AreaSection, DistrictKey)
	if err != nil || kept.Reset() {
		return nil, kept, err
	}
	areas, err := grid.ReadAreas(bytes.NewReader(kept.Value))
	return areas, kept, err
}

// lastAreas are the areas as they were saved last.
func (s *Server) lastAreas(ctx context.Context, set *AreaSettings) (*grid.Areas, store.Setting, error) {
	saved, kept, err := ReadSavedAreas(ctx, s.deps.Settings.Store)
	if err == nil && saved == nil {
		saved = set.File
	}
	return saved, kept, err
}

func (s *Server) viewAreaSetting(ctx context.Context, set *AreaSettings) (areaSettingView, error) {
	areas, kept, err := s.lastAreas(ctx, set)
	if err != nil {
		return areaSettingView{}, err
	}
	wanted := kept.Version
	if kept.Reset() {
		wanted = 0
	}
	return areaSettingView{Areas: len(areas.All()), Saved: !kept.Reset(), InForce: set.Version, Pending: wanted != set.Version,
		FileAreas: len(set.File.All()), LastChange: viewSetting(kept)}, nil
}

func (s *Server) areaAnswer(ctx context.Context, set *AreaSettings) (*areaSettingOutput, error) {
	v, err := s.viewAreaSetting(ctx, set)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &areaSettingOutput{Body: v}
	if v.Version > 0 {
		out.ETag = etag(v.Version)
	}
	return out, nil
}

func (s *Server) getAreaSetting(ctx context.Context, _ *struct{}) (*areaSettingOutput, error) {
	set, err := s.areaSettings()
	if err != nil {
		return nil, err
	}
	return s.areaAnswer(ctx, set)
}

func (s *Server) getSavedAreas(ctx context.Context, _ *struct{}) (*geoOutput, error) {
	set, err := s.areaSettings()
	if err != nil {
		return nil, err
	}
	areas, _, err := s.lastAreas(ctx, set)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	text, err := grid.WriteAreas(areas)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &geoOutput{ContentType: geoJSON, CacheControl: "no-store", Body: text}, nil
}

func (s *Server) checkAreas(ctx context.Context, in *areaTextInput) (*areaCheckOutput, error) {
	set, err := s.areaSettings()
	if err != nil {
		return nil, err
	}
	areas, err := in.readAreas(in.RawBody)
	if err != nil {
		return &areaCheckOutput{Body: areaCheckView{Findings: unreadable(err), Areas: []areaCoverView{}, Moved: []movedView{},
			Added: []grid.AreaCode{}, Removed: []grid.AreaCode{}, Reshaped: []grid.AreaCode{}, Gaps: []string{}, Overlaps: []sharedView{}, Cells: []levelView{}}}, nil
	}
	before, _, err := s.lastAreas(ctx, set)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	v, err := s.viewAreaCheck(ctx, before, areas)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &areaCheckOutput{Body: v}, nil
}

func (s *Server) putAreas(ctx context.Context, in *putAreasInput) (*areaSettingOutput, error) {
	set, err := s.areaSettings()
	if err != nil {
		return nil, err
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	areas, err := in.readAreas(in.RawBody)
	if err != nil {
		return nil, invalid(err)
	}
	var faults []error
	for _, f := range grid.CheckAreas(areas) {
		if f.Fault {
			faults = append(faults, &huma.ErrorDetail{Message: f.Matter, Location: "body", Value: viewFinding(f)})
		}
	}
	if len(faults) > 0 {
		return nil, huma.Error422UnprocessableEntity(fmt.Sprintf("the areas have %d faults", len(faults)), faults...)
	}
	text, err := grid.WriteAreas(areas)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.saveAreas(ctx, set, store.Setting{Version: version, Value: text, By: string(in.By), Note: in.Note})
}

func (s *Server) resetAreas(ctx context.Context, in *ChangeBack) (*areaSettingOutput, error) {
	set, err := s.areaSettings()
	if err != nil {
		return nil, err
	}
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	return s.saveAreas(ctx, set, store.Setting{Version: version, By: string(in.By), Note: in.Note})
}

func (s *Server) saveAreas(ctx context.Context, set *AreaSettings, change store.Setting) (*areaSettingOutput, error) {
	change.Section, change.Key, change.At = AreaSection, DistrictKey, s.deps.Now()
	_, err := s.deps.Settings.Store.SaveSetting(ctx, change)
	if isConflict(err) {
		v, err := s.viewAreaSetting(ctx, set)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, changedMeanwhile("the areas", v, v.Version)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.areaAnswer(ctx, set)
}

type areaFindingView struct {
	Matter       string        `json:"matter" enum:"unreadable,self_intersection,hole_outside,overlap,outside_parent,parent_missing,too_small,too_many_corners,too_large,code_unusual"`
	Fault        bool          `json:"fault" doc:"It must be mended before areas can be saved"`
	Area         grid.AreaCode `json:"area" doc:"Empty for all together"`
	Other        grid.AreaCode `json:"other" doc:"The second of two"`
	At           *pointView    `json:"at" doc:"Where; null when it is everywhere"`
	SquareMeters float64       `json:"square_meters"`
	Message      string        `json:"message" doc:"What cannot be read; empty otherwise"`
}

func viewFinding(f grid.AreaFinding) areaFindingView {
	v := areaFindingView{Matter: f.Matter, Fault: f.Fault, Area: f.Area, Other: f.Other, SquareMeters: f.SquareMeters}
	if f.At != (grid.Point{}) {
		v.At = &pointView{Lat: f.At.LatDegrees, Lon: f.At.LonDegrees}
	}
	return v
}

type levelView struct {
	Resolution int `json:"resolution"`
	Cells      int `json:"cells"`
}

type areaCoverView struct {
	Code  grid.AreaCode `json:"code"`
	Names sensors.Names `json:"names"`
	Cells []levelView   `json:"cells" nullable:"false" doc:"Finest first; those of its parts are theirs"`
}

type sharedView struct {
	Cell  string          `json:"cell"`
	Areas []grid.AreaCode `json:"areas" nullable:"false"`
}

type movedView struct {
	Device sensors.DeviceID `json:"device"`
	From   grid.AreaCode    `json:"from"`
	To     grid.AreaCode    `json:"to" doc:"Empty: it would be outside of every area"`
}

type areaCheckView struct {
	Findings []areaFindingView `json:"findings" nullable:"false" doc:"Faults first"`
	Cells    []levelView       `json:"cells" nullable:"false" doc:"Of the district, finest first"`
	Areas    []areaCoverView   `json:"areas" nullable:"false"`
	Gaps     []string          `json:"gaps" nullable:"false" maxItems:"2000" doc:"Cells of resolution 10 that are enclosed by areas but in none"`
	GapCount int               `json:"gap_count"`
	Overlaps []sharedView      `json:"overlaps" nullable:"false" maxItems:"2000" doc:"Cells whose middle is in two or more areas of one level"`
	Shared   int               `json:"overlap_count"`

	Added    []grid.AreaCode `json:"added" nullable:"false" doc:"Beside the areas as they were saved last"`
	Removed  []grid.AreaCode `json:"removed" nullable:"false"`
	Reshaped []grid.AreaCode `json:"reshaped" nullable:"false" doc:"Their boundary, name or parent is another"`

	Devices    int             `json:"devices" doc:"That have a place"`
	MovedCount int             `json:"moved_count" doc:"Devices that would belong to another area"`
	OutCount   int             `json:"out_count" doc:"Of them, those that would be outside of every area"`
	Moved      []movedView     `json:"moved" nullable:"false" maxItems:"500" doc:"The first of them by name"`
	GeoJSON    json.RawMessage `json:"geojson,omitempty" doc:"The areas in WGS 84, as they would be saved; left out when they cannot be read"`
}
