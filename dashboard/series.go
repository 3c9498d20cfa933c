package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

type seriesInput struct {
	Kind   string    `query:"kind" required:"true" doc:"Key of the kind" example:"noise"`
	Device string    `query:"device" doc:"Narrow to one device; at most one of device, cell and area"`
	Cell   string    `query:"cell" doc:"Narrow to one H3 cell of resolution 10 or coarser"`
	Area   string    `query:"area" doc:"Narrow to one responsibility area by its code"`
	From   time.Time `query:"from" doc:"Beginning, included; one hour before to when left out"`
	To     time.Time `query:"to" doc:"End, not included; now when left out"`
	Every  string    `query:"every" doc:"Length of a window in whole seconds: 10s, 1m, 1h, 1d, 1h30m or ISO 8601 as PT10S; left out: so that there are at most 500 windows. Windows are aligned to 1970-01-01T00:00:00Z." example:"1m"`
	Agg    string    `query:"agg" enum:"count,sum,mean,min,max,last" doc:"How a window becomes one value; left out: mean for a measure, count for an event"`
}

// seriesPoint is the start of a window and its value. On the wire it is a pair.
type seriesPoint store.Point

// MarshalJSON writes ["2026-11-22T08:00:00Z",57.3].
func (p seriesPoint) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 48), `["`...)
	b = p.Start.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `",`...)
	v, err := json.Marshal(p.Value)
	if err != nil {
		return nil, err
	}
	return append(append(b, v...), ']'), nil
}

// Schema describes the pair.
func (seriesPoint) Schema(huma.Registry) *huma.Schema {
	two := 2
	return &huma.Schema{
		Type: huma.TypeArray, MinItems: &two, MaxItems: &two,
		Description: "Start of the window and its value in the unit of the series",
		Extensions: map[string]any{"prefixItems": []any{
			map[string]any{"type": "string", "format": "date-time"},
			map[string]any{"type": "number"},
		}},
	}
}

type seriesKey struct {
	Kind   sensors.KindKey  `json:"kind"`
	Device sensors.DeviceID `json:"device,omitempty"`
	Cell   string           `json:"cell,omitempty"`
	Area   grid.AreaCode    `json:"area,omitempty"`
}

type lineView struct {
	Key    seriesKey     `json:"key"`
	Unit   string        `json:"unit" doc:"UCUM code of the values: 1 for a count, else that of the kind"`
	Points []seriesPoint `json:"points" nullable:"false" doc:"In ascending order; windows without an observation are left out"`
}

type seriesOutput struct {
	Body struct {
		Series       []lineView `json:"series" nullable:"false"`
		From         time.Time  `json:"from"`
		To           time.Time  `json:"to"`
		EverySeconds float64    `json:"every_seconds" doc:"Length of a window in seconds"`
		Agg          string     `json:"agg"`
	}
}

func (s *Server) seriesOperations(api huma.API) {
	huma.Register(api, operation("query-series", "/series", "history", "Series",
		"One kind over time: of a device, a cell, an area, or with none of them of the whole city."), s.querySeries)
}

func (s *Server) querySeries(ctx context.Context, in *seriesInput) (*seriesOutput, error) {
	q, kind, err := s.seriesQuery(in)
	if err != nil {
		return nil, err
	}
	lines, err := s.deps.Series.Points(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := &seriesOutput{}
	out.Body.From, out.Body.To, out.Body.EverySeconds, out.Body.Agg = q.From, q.To, q.Every.Seconds(), string(q.Agg)
	out.Body.Series = make([]lineView, len(lines))
	for i, l := range lines {
		v := lineView{
			Key:    seriesKey{Kind: l.Kind, Device: l.Device, Cell: l.Cell.String(), Area: l.Area},
			Unit:   unitOf(kind, q.Agg == store.Count),
			Points: make([]seriesPoint, len(l.Points)),
		}
		for j, p := range l.Points {
			v.Points[j] = seriesPoint(p)
		}
		out.Body.Series[i] = v
	}
	return out, nil
}

// seriesQuery reads the question and fills in what it leaves out.
func (s *Server) seriesQuery(in *seriesInput) (store.Query, sensors.Kind, error) {
	kind, err := s.kind(sensors.KindKey(in.Kind))
	if err != nil {
		return store.Query{}, kind, err
	}
	q := store.Query{
		Kind: kind.Key, Device: sensors.DeviceID(in.Device), Area: grid.AreaCode(in.Area),
		From: in.From.UTC(), To: in.To.UTC(), Agg: store.Aggregate(in.Agg),
	}
	if q.Cell, err = cellOf(in.Cell); err != nil {
		return q, kind, err
	}
	if in.To.IsZero() {
		q.To = s.deps.Now().UTC()
	}
	if in.From.IsZero() {
		q.From = q.To.Add(-time.Hour)
	}
	if !q.From.Before(q.To) {
		return q, kind, huma.Error422UnprocessableEntity("from is not before to")
	}
	if q.Agg == "" {
		q.Agg = store.Mean
		if kind.Type == sensors.Event {
			q.Agg = store.Count
		}
	}
	if q.Every = niceEvery(q.To.Sub(q.From)); in.Every != "" {
		if q.Every, err = parseEvery(in.Every); err != nil {
			return q, kind, huma.Error422UnprocessableEntity("invalid window", &huma.ErrorDetail{
				Message: err.Error(), Location: "query.every", Value: in.Every,
			})
		}
	}
	return q, kind, nil
}

// cellOf reads a cell of a question; "" is none.
func cellOf(s string) (grid.Cell, error) {
	if s == "" {
		return 0, nil
	}
	c, err := grid.ParseCell(s)
	if err != nil {
		return 0, huma.Error422UnprocessableEntity("invalid cell", &huma.ErrorDetail{Message: err.Error(), Location: "query.cell", Value: s})
	}
	return c, nil
}

// fitWindows is how many windows are enough for a chart.
const fitWindows = 500

// niceEvery returns the shortest of the window lengths that people think in
// with which span has at most fitWindows windows.
func niceEvery(span time.Duration) time.Duration {
	const day = 24 * time.Hour
	nice := []time.Duration{
		10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
		30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 7 * day,
	}
	for _, every := range nice {
		// A window may be cut at both ends.
		if span/every+2 <= fitWindows {
			return every
		}
	}
	return (span/fitWindows/day + 1) * day
}

var (
	isoDuration = regexp.MustCompile(`^P(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?$`)
	dayDuration = regexp.MustCompile(`^(\d{1,5})d$`)
)

// parseEvery reads a window length: as Go writes durations, in days, or in ISO
// 8601.
func parseEvery(s string) (time.Duration, error) {
	const day = 24 * time.Hour
	var d time.Duration
	if m := dayDuration.FindStringSubmatch(s); m != nil {
		d = number(m[1]) * day
	} else if m := isoDuration.FindStringSubmatch(s); m != nil {
		d = number(m[1])*day + number(m[2])*time.Hour + number(m[3])*time.Minute + number(m[4])*time.Second
	} else {
		var err error
		if d, err = time.ParseDuration(s); err != nil {
			return 0, fmt.Errorf("%.40q is not a duration like 10s, 1m, 1h or PT10S", s)
		}
	}
	if d < time.Second || d%time.Second != 0 {
		return 0, fmt.Errorf("a window is a positive number of whole seconds, not %s", d)
	}
	return d, nil
}

// number reads digits that a pattern has bounded, "" as 0.
func number(digits string) time.Duration {
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return time.Duration(n)
}
