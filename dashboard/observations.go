package dashboard

import (
	"context"
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type observationsInput struct {
	Device string    `query:"device" doc:"Narrow to one device"`
	Kind   string    `query:"kind" doc:"Narrow to one kind by its key"`
	Cell   string    `query:"cell" doc:"Narrow to one H3 cell"`
	From   time.Time `query:"from" doc:"Beginning of phenomenon time, included; everything when left out"`
	To     time.Time `query:"to" doc:"End of phenomenon time, not included; everything when left out"`
	Limit  int       `query:"limit" minimum:"1" maximum:"5000" default:"200"`
	Cursor string    `query:"cursor" doc:"The next of the page before"`
}

// ObservationView is one observation.
type ObservationView struct {
	Device   sensors.DeviceID `json:"device"`
	Kind     sensors.KindKey  `json:"kind"`
	Value    float64          `json:"value" doc:"In the unit of the kind"`
	Time     time.Time        `json:"time" doc:"Phenomenon time: when it was measured"`
	Received time.Time        `json:"received" doc:"When it was taken in"`
	ID       string           `json:"id" doc:"The source's own name for the event, empty for none"`
	Lat      float64          `json:"lat" doc:"Latitude in degrees, WGS 84"`
	Lon      float64          `json:"lon" doc:"Longitude in degrees, WGS 84"`
	Stated   *placeView       `json:"stated,omitempty" doc:"The place as the source stated it; left out when its registered place was taken"`
	Cell     string           `json:"cell" doc:"H3 index of resolution 10"`
	Area     grid.AreaCode    `json:"area" doc:"Code of the responsibility area, empty outside every area"`
	Attrs    json.RawMessage  `json:"attrs" doc:"What else the source said: an object, or null"`
}

type observationsOutput struct {
	Body struct {
		Observations []ObservationView `json:"observations" nullable:"false" doc:"Newest first"`
		Next         string            `json:"next" doc:"Give this as cursor for the next page; empty after the last"`
	}
}

type countsInput struct {
	From time.Time `query:"from" doc:"Beginning of phenomenon time, included; everything when left out"`
	To   time.Time `query:"to" doc:"End of phenomenon time, not included; everything when left out"`
}

type countsOutput struct {
	Body struct {
		Counts map[sensors.KindKey]int64 `json:"counts" doc:"Stored observations by kind"`
		Total  int64                     `json:"total"`
		From   time.Time                 `json:"from"`
		To     time.Time                 `json:"to"`
	}
}

func (s *Server) observationOperations(api huma.API) {
	huma.Register(api, operation("list-observations", "/observations", "history", "Raw observations", "Newest first, by pages."), s.listObservations)
	huma.Register(api, operation("count-observations", "/counts", "history", "Observations by kind", "How many observations the store holds."), s.countObservations)
}

func (s *Server) listObservations(ctx context.Context, in *observationsInput) (*observationsOutput, error) {
	q := store.ObservationQuery{
		Device: sensors.DeviceID(in.Device), Kind: sensors.KindKey(in.Kind),
		From: in.From.UTC(), To: in.To.UTC(), Limit: in.Limit, Cursor: in.Cursor,
	}
	var err error
	if q.Cell, err = cellOf(in.Cell); err != nil {
		return nil, err
	}
	if in.Kind != "" {
		if _, err := s.kind(q.Kind); err != nil {
			return nil, err
		}
	}
	page, next, err := s.deps.Series.Observations(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &observationsOutput{}
	out.Body.Next = next
	out.Body.Observations = make([]ObservationView, len(page))
	for i := range page {
		out.Body.Observations[i] = viewObservation(&page[i])
	}
	return out, nil
}

func viewObservation(o *grid.Placed) ObservationView {
	v := ObservationView{
		Device: o.Device, Kind: o.Kind, Value: o.Value, Time: o.At.UTC(), Received: o.Received.UTC(), ID: o.ID,
		Lat: o.Point.LatDegrees, Lon: o.Point.LonDegrees, Cell: o.Cell.String(), Area: o.Area,
	}
	if o.Position.Known() {
		v.Stated = viewPlace(o.Position)
	}
	if json.Valid([]byte(o.Attrs)) {
		v.Attrs = json.RawMessage(o.Attrs)
	}
	return v
}

func (s *Server) countObservations(ctx context.Context, in *countsInput) (*countsOutput, error) {
	from, to := store.Bounds(in.From, in.To)
	counts, err := s.deps.Series.Counts(ctx, from, to)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &countsOutput{}
	out.Body.From, out.Body.To, out.Body.Counts = from, to, map[sensors.KindKey]int64{}
	for kind, n := range counts {
		out.Body.Counts[kind] = n
		out.Body.Total += n
	}
	return out, nil
}
