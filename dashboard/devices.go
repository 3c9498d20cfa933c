package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type pointView struct {
	Lat float64 `json:"lat" doc:"Latitude in degrees, WGS 84"`
	Lon float64 `json:"lon" doc:"Longitude in degrees, WGS 84"`
}

type placeView struct {
	Lat   float64 `json:"lat" minimum:"-90" maximum:"90" doc:"Latitude in degrees in the named datum"`
	Lon   float64 `json:"lon" minimum:"-180" maximum:"180" doc:"Longitude in degrees in the named datum"`
	Datum string  `json:"datum,omitempty" enum:"wgs84,gcj02,bd09" default:"wgs84" doc:"Geodetic datum of lat and lon"`
}

type deviceView struct {
	ID       sensors.DeviceID `json:"id" example:"noise-0012"`
	Name     string           `json:"name"`
	Place    *placeView       `json:"place,omitempty" doc:"Registered place as it was stated; left out when it moves or none is known"`
	WGS84    *pointView       `json:"wgs84,omitempty" doc:"The registered place in WGS 84"`
	Cell     string           `json:"cell" doc:"H3 index of resolution 10 of the registered place, empty for none"`
	Area     grid.AreaCode    `json:"area" doc:"Responsibility area: as stated, else that of the registered place"`
	Auto     bool             `json:"auto" doc:"Entered by itself on its first observation, not by a person"`
	LastSeen *time.Time       `json:"last_seen" doc:"When its newest observation was received; null when it never spoke"`
	Version  int64            `json:"version" doc:"Grows with every change that people make; the ETag in quotes"`
	State    sensors.State    `json:"state" enum:"online,offline,silent" doc:"silent: never heard of; offline: overdue by three of its intervals, or said to be gone"`

	Condition condition  `json:"condition" enum:"offline,odd,late,silent,online" doc:"offline and silent as in state; odd: an alert about its quality is open; late: silent for longer than its interval. Of several the first"`
	Since     *time.Time `json:"since" doc:"Since when it is in this condition; null when nobody can tell"`
	Stated
	Health healthView        `json:"health"`
	Alerts []deviceAlertView `json:"alerts" nullable:"false" doc:"Open alerts about its quality"`
}

// Stated is what people state about a device beside its name and place.
type Stated struct {
	Profile     string            `json:"profile,omitempty" doc:"Key of the device profile that reads its messages" example:"milesight-em300-sld"`
	Kinds       []sensors.KindKey `json:"kinds,omitempty" nullable:"false" doc:"Kinds that it may send; left out means any"`
	Owner       string            `json:"owner,omitempty" doc:"Who is answerable for it"`
	AreaStated  string            `json:"area_stated,omitempty" doc:"Code of the responsibility area, when it is not that of the place"`
	Installed   string            `json:"installed,omitempty" format:"date" doc:"Day of installation"`
	Maintenance []maintenanceView `json:"maintenance,omitempty" nullable:"false"`
	Interval    float64           `json:"interval_seconds,omitempty" minimum:"0" doc:"Longest that it is silent when all is well; left out: an hour, a day for a device of events alone"`
	Tags        []string          `json:"tags,omitempty" nullable:"false"`
}

type maintenanceView struct {
	From time.Time `json:"from" doc:"Included"`
	To   time.Time `json:"to" doc:"Not included"`
	Note string    `json:"note,omitempty"`
}

type healthView struct {
	Offline        string     `json:"offline,omitempty" enum:"said,overdue" doc:"Why it is offline: its connection or network said so, or nothing was heard for three intervals"`
	Presence       string     `json:"presence,omitempty" enum:"online,offline" doc:"What was said last about its connection"`
	PresenceAt     *time.Time `json:"presence_at,omitempty"`
	FirstSeen      *time.Time `json:"first_seen,omitempty"`
	BatteryPercent *float64   `json:"battery_percent,omitempty"`
	SignalDBm      *float64   `json:"signal_dbm,omitempty"`
	Reported       *placeView `json:"reported,omitempty" doc:"Where it says that it is"`
	Note           string     `json:"note,omitempty" doc:"Its last fault in its own words"`
	NoteAt         *time.Time `json:"note_at,omitempty"`
	Observations   int64      `json:"observations" doc:"Ever taken in"`
	Bad            int64      `json:"bad" doc:"Messages and parts of messages that were refused"`
	BadShare       float64    `json:"bad_share" doc:"Share of the bad in all, 0 to 1"`
	PerMinute      float64    `json:"per_minute" doc:"Observations a minute in the last hour"`
	Maintenance    bool       `json:"under_maintenance" doc:"Somebody works on it now"`
}

type deviceOutput struct {
	ETag string `header:"ETag" doc:"The version in quotes: give it as If-Match to change the device"`
	Body deviceView
}

type deviceInput struct {
	ID string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
}

// DeviceBody is what a person states about a device.
type DeviceBody struct {
	Name  string     `json:"name,omitempty" maxLength:"200"`
	Place *placeView `json:"place,omitempty" required:"false" doc:"Left out for a device that moves"`
	Stated
	By Person `json:"by,omitempty" maxLength:"100" doc:"Who states it; it is kept with the changes" example:"王芳"`
}

type putDeviceInput struct {
	ID      string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
	IfMatch string `header:"If-Match" doc:"ETag of the device that is replaced: refused when somebody else changed it meanwhile. Left out it is replaced whatever it is" example:"\"1\""`
	IfNone  string `header:"If-None-Match" enum:"*" doc:"Refused when the device is there already"`
	Body    DeviceBody
}

type placementView struct {
	From  time.Time  `json:"from" doc:"Since when it was registered there"`
	Place *placeView `json:"place,omitempty" doc:"Left out when its place was taken away"`
}

type placesOutput struct {
	Body struct {
		Places []placementView `json:"places" nullable:"false" doc:"Newest first"`
	}
}

func (s *Server) deviceOperations(api huma.API) {
	const tag = "devices"
	s.deviceListOperations(api)
	one := operation("get-device", "/devices/{id}", tag, "One device", "")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.getDevice)
	places := operation("list-device-places", "/devices/{id}/places", tag, "Where a device stood", "The history of its registered places. What was observed stays where it happened.")
	huma.Register(api, places, s.devicePlaces)
	put := operation("put-device", "/devices/{id}", tag, "Enter or replace a device",
		"States everything that people say about a device: what is left out is taken back. Observations without a position are given its place. What was observed before stays where it is. "+
			"Of two people who change the same version the second is refused with 412 and shown the device as it is.")
	put.Method, put.MaxBodyBytes = http.MethodPut, 64<<10
	put.Errors = append(put.Errors, http.StatusForbidden, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge)
	huma.Register(api, put, s.putDevice)
	s.adoptOperations(api)
	s.deviceHistoryOperations(api)
}

// filterPage is how many devices are looked at at once when not all are wanted.
const filterPage = 1000

func (s *Server) getDevice(ctx context.Context, in *deviceInput) (*deviceOutput, error) {
	d, err := s.deps.Devices.Device(ctx, sensors.DeviceID(in.ID))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.deviceAnswer(ctx, &d)
}

// deviceAnswer is d with what is said against it.
func (s *Server) deviceAnswer(ctx context.Context, d *sensors.Device) (*deviceOutput, error) {
	alerts, err := s.openQualityAlerts(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &deviceOutput{ETag: etag(d.Version), Body: s.viewDeviceAt(d, s.placeOf(d.Position), alerts[d.ID])}, nil
}

func (s *Server) devicePlaces(ctx context.Context, in *deviceInput) (*placesOutput, error) {
	places, err := s.deps.Devices.DevicePlaces(ctx, sensors.DeviceID(in.ID))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &placesOutput{}
	out.Body.Places = make([]placementView, len(places))
	for i, p := range places {
		out.Body.Places[i] = placementView{From: p.From.UTC(), Place: viewPlace(p.Position)}
	}
	return out, nil
}

func (s *Server) putDevice(ctx context.Context, in *putDeviceInput) (*deviceOutput, error) {
	known, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	d, err := s.stated(in.ID, &in.Body)
	if err != nil {
		return nil, err
	}
	if in.IfMatch != "" || in.IfNone != "" {
		return s.changeDevice(ctx, string(in.Body.By), d, known)
	}
	if err := s.deps.Devices.PutDevices(ctx, string(in.Body.By), []sensors.Device{d}); err != nil {
		return nil, s.problem(ctx, err)
	}
	s.directory.touch()
	return s.getDevice(ctx, &deviceInput{ID: in.ID})
}

// stated is the device that the body states, or the problem with it.
func (s *Server) stated(id string, body *DeviceBody) (sensors.Device, error) {
	d, err := body.device(id)
	if err != nil {
		return d, huma.Error422UnprocessableEntity(err.Error())
	}
	faults := d.Faults(s.deps.Kinds)
	if len(faults) == 0 {
		return d, nil
	}
	details := make([]error, len(faults))
	for i, f := range faults {
		details[i] = &huma.ErrorDetail{Message: f.Detail, Location: "device." + f.Field}
	}
	return d, huma.Error422UnprocessableEntity("the device cannot be entered so", details...)
}

// changeDevice replaces the version known of a device, 0 for none.
func (s *Server) changeDevice(ctx context.Context, by string, d sensors.Device, known int64) (*deviceOutput, error) {
	kept, err := s.deps.Devices.ChangeDevice(ctx, by, d, known)
	if errors.Is(err, store.ErrConflict) {
		return nil, s.changedMeanwhile(ctx, &kept)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.directory.touch()
	return s.deviceAnswer(ctx, &kept)
}

// changedMeanwhile tells the second of two who change a device what the first
// made of it.
func (s *Server) changedMeanwhile(ctx context.Context, present *sensors.Device) error {
	if present.Version == 0 {
		return huma.Error412PreconditionFailed("the device is not in the register: leave out If-Match")
	}
	answer, err := s.deviceAnswer(ctx, present)
	if err != nil {
		return err
	}
	return conflict{
		message: "the device was changed meanwhile", about: "the device as it is",
		part: "device", present: answer.Body, tag: answer.ETag,
	}.problem()
}

// device is what the body states about the device of that id.
func (b *DeviceBody) device(id string) (sensors.Device, error) {
	d := sensors.Device{
		ID: sensors.DeviceID(id), Name: b.Name, Profile: b.Profile, Kinds: b.Kinds, Owner: b.Owner,
		Area: b.AreaStated, Interval: time.Duration(b.Interval * float64(time.Second)), Tags: b.Tags,
	}
	if b.Installed != "" {
		day, err := time.Parse(time.DateOnly, b.Installed)
		if err != nil {
			return d, fmt.Errorf("installed: %q is not a day such as 2026-03-31", b.Installed)
		}
		d.Installed = day
	}
	for _, m := range b.Maintenance {
		d.Maintenance = append(d.Maintenance, sensors.Maintenance{From: m.From.UTC(), To: m.To.UTC(), Note: m.Note})
	}
	if p := b.Place; p != nil {
		datum := sensors.WGS84
		if p.Datum != "" {
			var err error
			if datum, err = sensors.ParseDatum(p.Datum); err != nil {
				return d, err
			}
		}
		d.Position = sensors.Position{LatDegrees: p.Lat, LonDegrees: p.Lon, Datum: datum}
	}
	return d, nil
}

// placeOf is what follows from a registered place; a place that is not on Earth
// has no cell.
func (s *Server) placeOf(p sensors.Position) placedAt {
	at := placedAt{position: p}
	if !p.Known() {
		return at
	}
	at.wgs84 = grid.ToWGS84(p)
	if c, err := grid.CellAt(at.wgs84, grid.Resolution); err == nil {
		at.cell = c.String()
	}
	if s.deps.Areas != nil {
		at.area = s.deps.Areas.At(at.wgs84)
	}
	return at
}

// viewDeviceAt is d, which stands at, with what is said against it.
func (s *Server) viewDeviceAt(d *sensors.Device, at placedAt, alerts []deviceAlertView) deviceView {
	now := s.deps.Now()
	v := deviceView{
		ID: d.ID, Name: d.Name, Area: grid.AreaCode(d.Area), Auto: d.Auto, LastSeen: orNull(d.LastSeen), Version: d.Version,
		Stated: Stated{
			Profile: d.Profile, Kinds: d.Kinds, Owner: d.Owner, AreaStated: d.Area,
			Interval: d.Interval.Seconds(), Tags: d.Tags,
		},
		Alerts: append([]deviceAlertView{}, alerts...),
	}
	if !d.Installed.IsZero() {
		v.Installed = d.Installed.Format(time.DateOnly)
	}
	for _, m := range d.Maintenance {
		v.Maintenance = append(v.Maintenance, maintenanceView(m))
	}
	if d.Position.Known() {
		v.Place = viewPlace(d.Position)
		v.WGS84 = &pointView{Lat: at.wgs84.LatDegrees, Lon: at.wgs84.LonDegrees}
		v.Cell = at.cell
		if v.Area == "" {
			v.Area = at.area
		}
	}
	how, since := conditionOf(d, now, s.deps.Kinds, alerts)
	v.Condition, v.Since = how, orNull(since)
	v.State, v.Health.Offline = d.State(now, s.deps.Kinds)
	c := &d.Condition
	v.Health.PresenceAt, v.Health.FirstSeen, v.Health.NoteAt = orNull(c.PresenceAt), orNull(c.FirstSeen), orNull(c.NoteAt)
	v.Health.BatteryPercent, v.Health.SignalDBm, v.Health.Note = c.BatteryPercent, c.SignalDBm, c.Note
	v.Health.Observations, v.Health.Bad, v.Health.BadShare = c.Observations, c.Bad, c.BadShare()
	v.Health.PerMinute, v.Health.Maintenance = c.PerMinute(now), d.UnderMaintenance(now)
	v.Health.Reported = viewPlace(c.Reported)
	switch c.Presence {
	case sensors.Online:
		v.Health.Presence = "online"
	case sensors.Offline:
		v.Health.Presence = "offline"
	}
	return v
}

// viewPlace returns nil for no place.
func viewPlace(p sensors.Position) *placeView {
	if !p.Known() {
		return nil
	}
	return &placeView{Lat: p.LatDegrees, Lon: p.LonDegrees, Datum: p.Datum.String()}
}

func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
