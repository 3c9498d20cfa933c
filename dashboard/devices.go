package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
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
	State    sensors.State    `json:"state" enum:"online,offline,silent" doc:"silent: never heard of; offline: overdue by three of its intervals, or said to be gone"`
	Stated
	Health healthView `json:"health"`
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

type deviceOutput struct{ Body deviceView }

type devicesOutput struct {
	Body struct {
		Devices []deviceView     `json:"devices" nullable:"false"`
		Next    sensors.DeviceID `json:"next" doc:"Give this as after for the next page; empty after the last"`
	}
}

type devicesInput struct {
	After   string `query:"after" doc:"List the devices after this id"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"200"`
	State   string `query:"state" enum:"online,offline,silent" doc:"Only devices in this state"`
	Area    string `query:"area" doc:"Only devices of this responsibility area"`
	Profile string `query:"profile" doc:"Only devices with this profile"`
	Q       string `query:"q" maxLength:"200" doc:"Only devices with this text in id, name, owner or a tag, small letters and capitals alike"`
	Auto    string `query:"auto" enum:"true,false" doc:"Only devices that entered themselves, or only those that a person entered"`
}

type deviceInput struct {
	ID string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
}

type deviceBody struct {
	Name  string     `json:"name,omitempty" maxLength:"200"`
	Place *placeView `json:"place,omitempty" required:"false" doc:"Left out for a device that moves"`
	Stated
}

type putDeviceInput struct {
	ID   string `path:"id" doc:"The name the device publishes under" example:"noise-0012"`
	Body deviceBody
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

type unknownInput struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"200"`
}

type unknownView struct {
	ID        sensors.DeviceID `json:"id"`
	Rejects   int64            `json:"rejects" doc:"How many of its observations were refused"`
	FirstSeen time.Time        `json:"first_seen"`
	LastSeen  time.Time        `json:"last_seen"`
	Topic     string           `json:"topic" doc:"Of its last message"`
}

type unknownOutput struct {
	Body struct {
		Devices []unknownView `json:"devices" nullable:"false" doc:"Last heard first"`
	}
}

type adoptInput struct {
	ID   string      `path:"id" example:"noise-0012"`
	Body *deviceBody `required:"false"`
}

func (s *Server) deviceOperations(api huma.API) {
	const tag = "devices"
	huma.Register(api, operation("list-devices", "/devices", tag, "Devices", "The register in the order of ids, by pages, with what is known of each device's health."), s.listDevices)
	one := operation("get-device", "/devices/{id}", tag, "One device", "")
	one.Errors = append(one.Errors, http.StatusNotFound)
	huma.Register(api, one, s.getDevice)
	places := operation("list-device-places", "/devices/{id}/places", tag, "Where a device stood", "The history of its registered places. What was observed stays where it happened.")
	huma.Register(api, places, s.devicePlaces)
	put := operation("put-device", "/devices/{id}", tag, "Enter or replace a device",
		"States everything that people say about a device: what is left out is taken back. Observations without a position are given its place. What was observed before stays where it is.")
	put.Method, put.MaxBodyBytes = http.MethodPut, 64<<10
	put.Errors = append(put.Errors, http.StatusForbidden, http.StatusRequestEntityTooLarge)
	huma.Register(api, put, s.putDevice)
	huma.Register(api, operation("list-unknown-devices", "/devices/unknown", tag, "Devices that nobody entered",
		"Devices whose observations were refused because the register is closed and they are not in it."), s.unknownDevices)
	adopt := operation("adopt-device", "/devices/{id}/adopt", tag, "Adopt a device",
		"Enters a device that spoke without being in the register, or that entered itself. A body says more about it; without one it stays as it is.")
	adopt.Method, adopt.MaxBodyBytes = http.MethodPost, 64<<10
	adopt.Errors = append(adopt.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusRequestEntityTooLarge)
	huma.Register(api, adopt, s.adoptDevice)
}

// filterPage is how many devices are looked at at once when not all are wanted.
const filterPage = 1000

func (s *Server) listDevices(ctx context.Context, in *devicesInput) (*devicesOutput, error) {
	page := in.Limit
	if in.State != "" || in.Area != "" || in.Profile != "" || in.Q != "" || in.Auto != "" {
		page = filterPage
	}
	out := &devicesOutput{}
	out.Body.Devices = []deviceView{}
	after := sensors.DeviceID(in.After)
	for {
		found, err := s.deps.Devices.ListDevices(ctx, after, page)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		for i := range found {
			if !in.matches(&found[i]) {
				continue
			}
			v := s.viewDevice(&found[i])
			if (in.State != "" && string(v.State) != in.State) || (in.Area != "" && string(v.Area) != in.Area) {
				continue
			}
			if out.Body.Devices = append(out.Body.Devices, v); len(out.Body.Devices) == in.Limit {
				out.Body.Next = v.ID
				return out, nil
			}
		}
		if len(found) < page {
			return out, nil
		}
		after = found[len(found)-1].ID
	}
}

// matches reports whether d passes the filters that need nothing but d.
func (in *devicesInput) matches(d *sensors.Device) bool {
	if in.Profile != "" && d.Profile != in.Profile || in.Auto != "" && strconv.FormatBool(d.Auto) != in.Auto {
		return false
	}
	if in.Q == "" {
		return true
	}
	q := strings.ToLower(in.Q)
	has := func(s string) bool { return strings.Contains(strings.ToLower(s), q) }
	return has(string(d.ID)) || has(d.Name) || has(d.Owner) || slices.ContainsFunc(d.Tags, has)
}

func (s *Server) getDevice(ctx context.Context, in *deviceInput) (*deviceOutput, error) {
	d, err := s.deps.Devices.Device(ctx, sensors.DeviceID(in.ID))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &deviceOutput{Body: s.viewDevice(&d)}, nil
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
	return s.enter(ctx, in.ID, in.Body)
}

func (s *Server) enter(ctx context.Context, id string, body deviceBody) (*deviceOutput, error) {
	d, err := body.device(id)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	if faults := d.Faults(s.deps.Kinds); len(faults) > 0 {
		details := make([]error, len(faults))
		for i, f := range faults {
			details[i] = &huma.ErrorDetail{Message: f.Detail, Location: "device." + f.Field}
		}
		return nil, huma.Error422UnprocessableEntity("the device cannot be entered so", details...)
	}
	if err := s.deps.Devices.PutDevice(ctx, d); err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.getDevice(ctx, &deviceInput{ID: id})
}

// device is what the body states about the device of that id.
func (b *deviceBody) device(id string) (sensors.Device, error) {
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
	d, err := s.deps.Devices.Device(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		d = sensors.Device{ID: id}
		err = s.spoke(ctx, id)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if in.Body != nil {
		return s.enter(ctx, in.ID, *in.Body)
	}
	if err := s.deps.Devices.PutDevice(ctx, d); err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.getDevice(ctx, &deviceInput{ID: in.ID})
}

// spoke returns nil when the device is among those that nobody entered.
func (s *Server) spoke(ctx context.Context, id sensors.DeviceID) error {
	unknown, err := s.deps.Devices.UnknownDevices(ctx, store.MaxUnknownDevices)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(unknown, func(u store.UnknownDevice) bool { return u.ID == id }) {
		return fmt.Errorf("device %q has not spoken: %w", id, store.ErrNotFound)
	}
	return nil
}

func (s *Server) viewDevice(d *sensors.Device) deviceView {
	now := s.deps.Now()
	v := deviceView{
		ID: d.ID, Name: d.Name, Area: grid.AreaCode(d.Area), Auto: d.Auto, LastSeen: orNull(d.LastSeen),
		Stated: Stated{
			Profile: d.Profile, Kinds: d.Kinds, Owner: d.Owner, AreaStated: d.Area,
			Interval: d.Interval.Seconds(), Tags: d.Tags,
		},
	}
	if !d.Installed.IsZero() {
		v.Installed = d.Installed.Format(time.DateOnly)
	}
	for _, m := range d.Maintenance {
		v.Maintenance = append(v.Maintenance, maintenanceView(m))
	}
	if d.Position.Known() {
		v.Place = viewPlace(d.Position)
		p := grid.ToWGS84(d.Position)
		v.WGS84 = &pointView{Lat: p.LatDegrees, Lon: p.LonDegrees}
		// A place that is not on Earth has no cell.
		if c, err := grid.CellAt(p, grid.Resolution); err == nil {
			v.Cell = c.String()
		}
		if v.Area == "" && s.deps.Areas != nil {
			v.Area = s.deps.Areas.At(p)
		}
	}
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
