package dashboard

import (
	"context"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

const (
	// maxHistory is the longest time of one answer: a playback asks for a few hours
	// at once and for the next while it plays.
	maxHistory = 6 * time.Hour
	// historiesAtOnce bounds the memory of answers that are being made: each may
	// hold store.MaxCube values. Who comes beyond waits.
	historiesAtOnce = 2
	// maxHistoryValues bounds frames times cells of one answer.
	maxHistoryValues = 1_500_000
)

// historySteps divide the live windows, or are divided by them.
var historySteps = []int{60, 300, 900}

type historyInput struct {
	Kind        string    `query:"kind" required:"true" doc:"Key of the kind" example:"noise"`
	Resolution  int       `query:"resolution" minimum:"7" maximum:"10" default:"9" doc:"H3 resolution of the cells"`
	From        time.Time `query:"from" required:"true" doc:"Moment of the first frame, a whole minute"`
	To          time.Time `query:"to" required:"true" doc:"Moment of the last frame; at most 6 hours after from"`
	StepSeconds int       `query:"step_seconds" minimum:"60" maximum:"900" default:"300" doc:"Time from frame to frame: 60, 300 or 900"`
}

// historyFrame is what the cells showed at one moment, in columns as those of
// the live view.
type historyFrame struct {
	At     time.Time `json:"at"`
	Index  []int32   `json:"i" nullable:"false" doc:"Places in cells in ascending order; each but the first is the distance from its predecessor"`
	Values []float64 `json:"v" nullable:"false" doc:"A measure: the mean of the window before, to a thousandth; an event: how many there were in it"`
	Counts []int64   `json:"n" nullable:"false" doc:"Observations in the window"`
}

type historyBody struct {
	Kind          sensors.KindKey `json:"kind"`
	Resolution    int             `json:"resolution"`
	Unit          string          `json:"unit" doc:"UCUM code of v: 1 for an event"`
	WindowSeconds float64         `json:"window_seconds" doc:"How far back each frame looks, as the live cells do"`
	StepSeconds   float64         `json:"step_seconds"`
	Cells         []string        `json:"cells" nullable:"false" doc:"H3 indices in ascending order"`
	Frames        []historyFrame  `json:"frames" nullable:"false" doc:"One a step, in ascending order; a cell without an observation in the window is not in it"`
}

type historyOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         historyBody
}

// Cubes answers one kind in many places and windows at once; store.Series says
// how.
type Cubes interface {
	Cube(ctx context.Context, q store.CubeQuery) (store.Cube, error)
}

func (s *Server) historyOperations(api huma.API) {
	op := operation("cell-history", "/cells/history", "history", "Cells as they were",
		"What the live cells would have shown at each of a run of moments, for playing it back.")
	op.Errors = append(op.Errors, http.StatusNotImplemented)
	huma.Register(api, op, s.cellHistory)
}

func (s *Server) cellHistory(ctx context.Context, in *historyInput) (*historyOutput, error) {
	if s.deps.Cubes == nil {
		return nil, huma.Error501NotImplemented("this server keeps no cells as they were")
	}
	kind, err := s.kind(sensors.KindKey(in.Kind))
	if err != nil {
		return nil, err
	}
	h, err := newHistory(kind, in)
	if err != nil {
		return nil, err
	}
	select {
	case s.histories <- struct{}{}:
		defer func() { <-s.histories }()
	case <-ctx.Done():
		return nil, s.problem(ctx, ctx.Err())
	}
	cube, err := s.deps.Cubes.Cube(ctx, h.query())
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if n := cube.Places() * h.frames; n > maxHistoryValues {
		return nil, huma.Error422UnprocessableEntity("so many cells and moments are too much at once: ask for fewer hours, longer steps or coarser cells")
	}
	out := &historyOutput{CacheControl: h.caching(s.deps.Now()), Body: h.body(&cube)}
	return out, nil
}

// history is a question for cells as they were.
type history struct {
	kind       sensors.Kind
	resolution int
	from       time.Time // of the first frame
	step       time.Duration
	frames     int
	slice      time.Duration // windows of the cube: they divide the step and the live window
}

func newHistory(kind sensors.Kind, in *historyInput) (history, error) {
	h := history{kind: kind, resolution: in.Resolution, from: in.From.UTC(), step: time.Duration(in.StepSeconds) * time.Second}
	long := in.To.Sub(in.From)
	switch {
	case !slices.Contains(historySteps, in.StepSeconds):
		return h, huma.Error422UnprocessableEntity("step_seconds is none of 60, 300 and 900")
	case !grid.OneMinute.Start(h.from).Equal(h.from):
		return h, huma.Error422UnprocessableEntity("from is not a whole minute")
	case long < 0:
		return h, huma.Error422UnprocessableEntity("to lies before from")
	case long > maxHistory:
		return h, huma.Error422UnprocessableEntity("to lies more than six hours after from: ask for the rest in a further request")
	}
	h.frames = int(long/h.step) + 1
	h.slice = min(h.step, analytics.LiveWindow(kind.Type))
	return h, nil
}

// query asks for everything that the frames look back on.
func (h history) query() store.CubeQuery {
	q := store.CubeQuery{Kind: h.kind.Key, By: store.ByCell, Resolution: h.resolution}
	if h.kind.Type == sensors.Measure {
		q.With = []store.Aggregate{store.Sum}
	}
	last := h.at(h.frames - 1)
	for t := h.from.Add(-analytics.LiveWindow(h.kind.Type)); !t.After(last); t = t.Add(h.slice) {
		q.Bounds = append(q.Bounds, t)
	}
	return q
}

func (h history) at(frame int) time.Time { return h.from.Add(time.Duration(frame) * h.step) }

// caching lets browsers keep what can hardly change any more: late observations
// are the exception and show with the next question after that.
func (h history) caching(now time.Time) string {
	if now.Sub(h.at(h.frames-1)) > time.Hour {
		return "private, max-age=600"
	}
	return "no-store"
}

func (h history) body(cube *store.Cube) historyBody {
	b := historyBody{
		Kind: h.kind.Key, Resolution: h.resolution, Unit: unitOf(h.kind, h.kind.Type == sensors.Event),
		WindowSeconds: analytics.LiveWindow(h.kind.Type).Seconds(), StepSeconds: h.step.Seconds(),
		Cells: make([]string, len(cube.Cells)), Frames: make([]historyFrame, h.frames),
	}
	for i, c := range cube.Cells {
		b.Cells[i] = c.String()
	}
	for i := range b.Frames {
		b.Frames[i] = h.frame(cube, i)
	}
	return b
}

// frame adds up the windows of the cube that one frame looks back on.
func (h history) frame(cube *store.Cube, n int) historyFrame {
	f := historyFrame{At: h.at(n), Index: []int32{}, Values: []float64{}, Counts: []int64{}}
	first := int(time.Duration(n) * h.step / h.slice)
	windows := int(analytics.LiveWindow(h.kind.Type) / h.slice)
	last := 0
	for place := range cube.Places() {
		count, sum := int64(0), 0.0
		for w := first; w < first+windows; w++ {
			k := cube.Index(place, w)
			count += cube.Count[k]
			if cube.Sum != nil {
				sum += cube.Sum[k]
			}
		}
		if count == 0 {
			continue
		}
		f.Index = append(f.Index, int32(place-last)) // at most maxHistoryValues
		last = place
		f.Counts = append(f.Counts, count)
		if cube.Sum == nil {
			f.Values = append(f.Values, float64(count))
		} else {
			f.Values = append(f.Values, math.Round(sum/float64(count)*1000)/1000)
		}
	}
	return f
}
