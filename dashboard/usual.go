package dashboard

import (
	"context"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const (
	// usualDays is how many days back are compared.
	usualDays = 14
	// usualAround is how far from the same time of day other days are looked at.
	usualAround = 30 * time.Minute
	// usualLeast is the fewest past values that a band is made from.
	usualLeast = 8
	// usualEvery is the shortest window that is compared.
	usualEvery = 5 * time.Minute
)

type usualInput struct {
	Kind   string    `query:"kind" required:"true" doc:"Key of the kind" example:"noise"`
	Device string    `query:"device" doc:"Narrow to one device; at most one of device, cell and area"`
	Cell   string    `query:"cell" doc:"Narrow to one H3 cell of resolution 10 or coarser"`
	Area   string    `query:"area" doc:"Narrow to one responsibility area by its code"`
	From   time.Time `query:"from" required:"true" doc:"Beginning, included"`
	To     time.Time `query:"to" required:"true" doc:"End, not included; at most two days after from"`
	Every  string    `query:"every" doc:"Length of a window, at least 5m, which is also what is taken when left out" example:"10m"`
}

type usualPoint struct {
	At     time.Time `json:"at" doc:"Start of the window"`
	Low    float64   `json:"low" doc:"A tenth of the past values lies below"`
	Middle float64   `json:"middle" doc:"The median of the past values"`
	High   float64   `json:"high" doc:"A tenth of the past values lies above"`
}

type usualOutput struct {
	Body struct {
		Unit         string       `json:"unit" doc:"UCUM code of the values"`
		EverySeconds float64      `json:"every_seconds"`
		Days         int          `json:"days" doc:"Past days that there is data of, at most 14"`
		Points       []usualPoint `json:"points" nullable:"false" doc:"In ascending order; where there are fewer than 8 past values there is none"`
	}
}

func (s *Server) usualOperations(api huma.API) {
	huma.Register(api, operation("usual-series", "/series/usual", "history", "What is usual",
		"The range in which a series lay at the same time of day, give or take half an hour, on the 14 days before: a measure by its means, "+
			"events by how many there were, windows without one counting 0 from the first event on. It is a plain comparison with the past; "+
			"what alerts are judged by is learned: see /series/baseline."), s.usual)
}

func (s *Server) usual(ctx context.Context, in *usualInput) (*usualOutput, error) {
	every := in.Every
	if every == "" {
		every = usualEvery.String()
	}
	q, kind, err := s.seriesQuery(&seriesInput{Kind: in.Kind, Device: in.Device, Cell: in.Cell, Area: in.Area, From: in.From, To: in.To, Every: every})
	switch {
	case err != nil:
		return nil, err
	case q.Every < usualEvery || q.Every > time.Hour:
		return nil, huma.Error422UnprocessableEntity("every is not 5m to 1h")
	case q.To.Sub(q.From) > 48*time.Hour:
		return nil, huma.Error422UnprocessableEntity("to lies more than two days after from")
	}
	past := q
	past.From, past.To = q.From.AddDate(0, 0, -usualDays).Add(-usualAround), q.To.Add(-24*time.Hour+usualAround)
	lines, err := s.deps.Series.Points(ctx, past)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	p := newPast(lines, past, kind.Type == sensors.Event)
	out := &usualOutput{}
	out.Body.Unit, out.Body.EverySeconds, out.Body.Points = unitOf(kind, q.Agg == store.Count), q.Every.Seconds(), []usualPoint{}
	out.Body.Days = p.days(q.From)
	for at := q.From.Truncate(q.Every); at.Before(q.To); at = at.Add(q.Every) {
		values := p.around(at)
		if len(values) < usualLeast {
			continue
		}
		slices.Sort(values)
		out.Body.Points = append(out.Body.Points, usualPoint{
			At: at.UTC(), Low: quantile(values, 0.1), Middle: quantile(values, 0.5), High: quantile(values, 0.9),
		})
	}
	return out, nil
}

// past is a series by the starts of its windows.
type past struct {
	values map[int64]float64 // by Unix seconds
	first  time.Time         // start of the first window with a value, zero for none
	every  time.Duration
	counts bool // a window without a value after first counts 0
}

func newPast(lines []store.Line, q store.Query, counts bool) past {
	p := past{values: map[int64]float64{}, every: q.Every, counts: counts}
	for _, l := range lines {
		for _, point := range l.Points {
			p.values[point.Start.Unix()] = point.Value
			if p.first.IsZero() || point.Start.Before(p.first) {
				p.first = point.Start
			}
		}
	}
	return p
}

// days returns how many of the days before now lie after the first value.
func (p past) days(now time.Time) int {
	if p.first.IsZero() {
		return 0
	}
	return min(usualDays, int(now.Sub(p.first)/(24*time.Hour)))
}

// around returns the values near the time of day of at on the days before.
func (p past) around(at time.Time) []float64 {
	var out []float64
	for day := 1; day <= usualDays; day++ {
		then := at.Add(-time.Duration(day) * 24 * time.Hour) // China has no summer time
		for t := then.Add(-usualAround).Truncate(p.every); !t.After(then.Add(usualAround)); t = t.Add(p.every) {
			v, ok := p.values[t.Unix()]
			if ok || p.counts && !p.first.IsZero() && !t.Before(p.first) {
				out = append(out, v)
			}
		}
	}
	return out
}

// quantile returns the value at share q of ascending values, between two in
// proportion (Hyndman and Fan 1996, type 7).
func quantile(values []float64, q float64) float64 {
	at := q * float64(len(values)-1)
	k := int(at)
	if k+1 == len(values) {
		return values[k]
	}
	return values[k] + (at-float64(k))*(values[k+1]-values[k])
}
