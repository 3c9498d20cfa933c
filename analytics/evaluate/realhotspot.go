package evaluate

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// RealHotspot is a hotspot of the real days with what a person needs to judge it.
type RealHotspot struct {
	ID       string          `json:"id"`
	Kind     sensors.KindKey `json:"kind"`
	Whole    bool            `json:"whole_area"`
	Since    time.Time       `json:"since"` // begin of the window in which it was first seen
	RaisedAt time.Time       `json:"raised_at"`
	Until    time.Time       `json:"until"` // when it last stood out, or judging ended

	// As of the report of the highest score.
	At        time.Time     `json:"at"`
	Window    time.Duration `json:"window_ns"`
	Count     float64       `json:"count"` // in the best disk and Window
	Expected  float64       `json:"expected"`
	Score     float64       `json:"score"` // log-likelihood ratio
	Threshold float64       `json:"threshold"`
	Peak      string        `json:"peak,omitempty"` // center of the best disk
	Center    *grid.Point   `json:"center,omitempty"`
	Cells     []string      `json:"cells,omitempty"`
	Extent    float64       `json:"extent_km2,omitempty"`

	// Recurrence is how seldom quiet history reaches the score, as the detector says;
	// nil when it has not had a quiet week yet.
	Recurrence *float64 `json:"recurrence_weeks"`
	// ByChance is the same from the judged days with places exchanged: their weeks
	// over the hotspots there that reach the score; nil when none does.
	ByChance *float64 `json:"shuffled_recurrence_weeks"`

	Repeats  int             `json:"repeats"` // of Requests, which were not counted
	Points   int             `json:"points"`  // different positions of Requests
	Shares   []RealShare     `json:"shares,omitempty"`
	Requests []ListedRequest `json:"requests,omitempty"` // in cells that it ever held, Since to Until; none when Whole
}

// ListedRequest is a request of a hotspot.
type ListedRequest struct {
	Request
	Repeats int `json:"repeats"` // later ones at the same point that were not counted
}

// RealShare is how many of the requests of a hotspot share the most frequent value
// of an attribute.
type RealShare struct {
	Name  string  `json:"name"`
	Value string  `json:"value"`
	Share float64 `json:"share"`
}

// hotspots returns what was raised on the judged days alone, in order. chance is
// what is raised when places are exchanged.
func (w *watch) hotspots(chance []Episode) []RealHotspot {
	lives := make(map[string][]hotspot.Change)
	for _, c := range w.changes {
		lives[c.ID] = append(lives[c.ID], c)
	}
	var out []RealHotspot
	for _, e := range w.since(w.alone) {
		h := w.describe(lives[e.ID])
		h.ByChance = w.recurrence(h.Score, chance)
		out = append(out, h)
	}
	slices.SortStableFunc(out, func(a, b RealHotspot) int { return a.RaisedAt.Compare(b.RaisedAt) })
	return out
}

// recurrence returns the shuffled weeks for each hotspot there that reaches a
// score, nil when none does.
func (w *watch) recurrence(score float64, chance []Episode) *float64 {
	n := 0
	for _, e := range chance {
		if slices.ContainsFunc(e.Reports, func(r Report) bool { return r.Score >= score }) {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	weeks := w.scene.weeks() * float64(w.scene.opts.Shuffles) / float64(n)
	return &weeks
}

// describe makes one of the changes of a hotspot, at least one of them active.
func (w *watch) describe(life []hotspot.Change) RealHotspot {
	var best *hotspot.Change
	held := make(map[grid.Cell]bool)
	until := w.scene.end()
	for i := len(life) - 1; i >= 0 && life[i].Phase != hotspot.Active; i-- {
		until = life[i].At
	}
	for i := range life {
		c := &life[i]
		if c.Phase != hotspot.Active {
			continue
		}
		for _, cell := range c.Cells {
			held[cell] = true
		}
		if best == nil || c.Score > best.Score {
			best = c
		}
	}
	h := RealHotspot{ID: best.ID, Kind: w.key, Whole: best.Whole, Since: best.Since, RaisedAt: best.RaisedAt, Until: until,
		At: best.At, Window: best.Window, Count: best.Count, Expected: best.Expected, Score: best.Score, Threshold: best.Threshold}
	if best.Recurrence > 0 {
		weeks := best.Recurrence.Hours() / (7 * 24)
		h.Recurrence = &weeks
	}
	if best.Whole {
		return h
	}
	h.Peak = best.Peak.String()
	if center, err := best.Peak.Center(); err == nil { // a hotspot without it is better than none
		h.Center = &center
	}
	for _, c := range best.Cells {
		h.Cells = append(h.Cells, c.String())
		h.Extent += areaKM2(c)
	}
	w.list(&h, held)
	return h
}

// list adds the requests in cells that a hotspot held.
func (w *watch) list(h *RealHotspot, held map[grid.Cell]bool) {
	cells := w.scene.lattice.Cells()
	points := make(map[grid.Point]bool)
	values := make(map[string]map[string]int)
	for _, r := range w.between(h.Since, h.Until) {
		if !held[cells[r.cell]] {
			continue
		}
		h.Requests = append(h.Requests, ListedRequest{r.Request, r.repeats})
		h.Repeats += r.repeats
		points[r.Point] = true
		for name, value := range r.Attrs {
			if values[name] == nil {
				values[name] = make(map[string]int)
			}
			values[name][value]++
		}
	}
	h.Points = len(points)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		best := slices.MinFunc(slices.Collect(maps.Keys(values[name])), func(a, b string) int {
			return cmp.Or(cmp.Compare(values[name][b], values[name][a]), strings.Compare(a, b))
		})
		h.Shares = append(h.Shares, RealShare{name, best, float64(values[name][best]) / float64(len(h.Requests))})
	}
}

// areaKM2 is the area of a cell, 0 when it is none: of its boundary in a plane that
// touches the Earth there.
func areaKM2(c grid.Cell) float64 {
	corners, err := c.Boundary()
	if err != nil {
		return 0
	}
	const kmPerDegree = 111.195 // on a sphere of 6371 km
	twice := 0.0
	for i, p := range corners {
		q := corners[(i+1)%len(corners)]
		shrink := math.Cos((p.LatDegrees + q.LatDegrees) / 2 * math.Pi / 180)
		twice += ((p.LonDegrees-corners[0].LonDegrees)*(q.LatDegrees-corners[0].LatDegrees) -
			(q.LonDegrees-corners[0].LonDegrees)*(p.LatDegrees-corners[0].LatDegrees)) * shrink
	}
	return math.Abs(twice) / 2 * kmPerDegree * kmPerDegree
}
