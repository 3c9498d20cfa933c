package evaluate

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// RealDesigns returns what is made to happen on real days: the five designs of
// benchmark_spatial.json, a ramp and one that moves, each to be scaled to the rates
// there (see Scaling).
func RealDesigns() []Design {
	return slices.DeleteFunc(Designs(), func(d Design) bool {
		return d.Published == 0 && d.Name != "ramp_linear_k1_RR5_6h" && d.Name != "moving_k1_RR5_6h"
	})
}

// benchmarkRate is how many events the mean cell has in the mean hour in
// benchmark_spatial.json.
const benchmarkRate = 0.4285

// Scaling is how strong a design is made where events are rarer than in the
// benchmark: so that at its end, at full strength all the time, it is as surprising
// to someone who knows the rates. The surprise of c events where b are expected is
// the log-likelihood ratio of a scan, c·ln(c/b) − (c − b).
type Scaling struct {
	Type     string          `json:"type"`
	Kind     sensors.KindKey `json:"kind"`
	Surprise float64         `json:"surprise"`       // of the design in the benchmark
	Usual    float64         `json:"usual"`          // requests in its cells and duration without it, mean of the replicates
	Times    float64         `json:"times"`          // as many requests as usual; 0 for those that add
	Extra    float64         `json:"extra"`          // requests a cell and hour besides; 0 for those that multiply
	Added    float64         `json:"added_an_event"` // requests, mean of the replicates
}

// surprise is the log-likelihood ratio of c events where b are expected, above it.
func surprise(c, b float64) float64 { return c*math.Log(c/b) - (c - b) }

// scale returns a design that is as surprising where usual events are expected in
// its disk and duration as it is in the benchmark.
func (d Design) scale(usual float64) (Design, Scaling) {
	hours := d.Lasts.Hours() * float64(1+3*d.Rings*(d.Rings+1)) // of its cells
	b := benchmarkRate * hours
	c := b * d.Times
	if d.Times == 0 {
		c = b + d.Extra*hours
	}
	s := Scaling{Type: d.Name, Surprise: surprise(c, b), Usual: usual}
	high := usual + 1
	for surprise(high, usual) < s.Surprise {
		high *= 2
	}
	c = bisect(usual, high, func(c float64) bool { return surprise(c, usual) >= s.Surprise })
	if d.Times > 0 {
		s.Times = c / usual
	} else {
		s.Extra = (c - usual) / hours
	}
	d.Times, d.Extra = s.Times, s.Extra
	return d, s
}

// cluster is a design that happens on the real days.
type cluster struct {
	*happening
	day    int // in which it begins
	events []incident
}

// day returns the judged day that a time is in.
func (w *watch) day(at time.Time) int {
	day := 0
	for day+1 < len(w.begins) && !w.begins[day+1].at.After(at) {
		day++
	}
	return day
}

// cluster makes a design happen where and when a real request was made, which is
// drawn at random and the same for every design.
func (w *watch) cluster(d Design, starts []counted, replicate int) cluster {
	at := starts[w.random(streamStart, replicate).IntN(len(starts))]
	h := stage(w.scene.lattice, d, w.key, at.cell, at.At.Truncate(time.Minute), w.random(streamCluster, replicate))
	c := cluster{happening: h, day: w.day(at.At)}
	for hour := h.truth.Start.Truncate(time.Hour); hour.Before(h.truth.End); hour = hour.Add(time.Hour) {
		for _, cell := range h.truth.Cells {
			i, _ := w.scene.lattice.Index(cell) // it is one of them
			c.events = h.add(c.events, i, w.usual(i, hour), hour)
		}
	}
	return c
}

// usualIn is how many requests the cells of a cluster have by themselves while it
// lasts.
func (w *watch) usualIn(c cluster) (sum float64) {
	for hour := c.truth.Start.Truncate(time.Hour); hour.Before(c.truth.End); hour = hour.Add(time.Hour) {
		from, to := latest(hour, c.truth.Start), hour.Add(time.Hour)
		if to.After(c.truth.End) {
			to = c.truth.End
		}
		for _, cell := range c.truth.Cells {
			i, _ := w.scene.lattice.Index(cell) // it is one of them
			sum += w.usual(i, hour) * to.Sub(from).Hours()
		}
	}
	return sum
}

// scaled returns a design for a kind. Of one that moves, the disk in which it
// begins counts.
func (w *watch) scaled(d Design, starts []counted) (Design, Scaling) {
	still := d
	still.Moves = 0
	usual := 0.0
	for n := range w.scene.opts.Replicates {
		usual += w.usualIn(w.cluster(still, starts, n)) / float64(w.scene.opts.Replicates)
	}
	out, s := d.scale(usual)
	s.Kind = w.key
	for n := range w.scene.opts.Replicates {
		s.Added += float64(len(w.cluster(out, starts, n).events)) / float64(w.scene.opts.Replicates)
	}
	return out, s
}

// find lets a detector live through a cluster from the begin of its day and
// returns how it was found. threshold is that of the detector, 0 for its own.
func (w *watch) find(c cluster, threshold float64) (Finding, error) {
	opts := w.opts
	opts.Threshold = threshold
	episodes, err := w.run(c.day, opts, w.with(w.begins[c.day].at, c.truth.End, c.events), c.truth.End)
	if err != nil {
		return Finding{}, err
	}
	return Find(c.truth, episodes), nil
}

// RealQuality is how clusters of one design in one kind were found.
type RealQuality struct {
	Kind sensors.KindKey `json:"kind"`
	Quality
}

// inject makes every design happen in the kinds that are watched.
func (r *RealResult) inject(ctx context.Context, kinds []*watch, o RealOptions) error {
	if len(kinds) == 0 {
		return nil
	}
	thresholds := AmocThresholds()
	perWeek, err := episodesAWeek(ctx, kinds, thresholds)
	if err != nil {
		return err
	}
	for _, d := range o.Designs {
		var found, chance []Finding
		curve := make([][]Finding, len(thresholds))
		for _, w := range kinds {
			fmt.Fprintf(o.Progress, "%s in %s\n", d.Name, w.key)
			starts := w.starts()
			design, scaling := w.scaled(d, starts)
			r.Scaled = append(r.Scaled, scaling)
			t, err := w.trials(ctx, design, starts, thresholds, curve)
			if err != nil {
				return err
			}
			r.ByKind = append(r.ByKind, RealQuality{w.key, Measure(d.Name, t.found, t.chance)})
			found, chance = append(found, t.found...), append(chance, t.chance...)
		}
		q := Measure(d.Name, found, chance)
		if d.Published > 0 {
			q.Published = &d.Published
		}
		r.Injections = append(r.Injections, q)
		for i, threshold := range thresholds {
			if q := Measure(d.Name, curve[i], nil); q.Replicates > 0 && d.Published > 0 {
				r.Curve = append(r.Curve, Point{Type: d.Name, Threshold: threshold, PerWeek: perWeek[i],
					Found: q.Found, FoundSE: q.FoundSE, Within2h: q.Within2h, MedianMinutes: q.MedianMinutes, Replicates: q.Replicates})
			}
		}
	}
	return nil
}

// trials returns the findings of a scaled design, and adds those of the first
// replicates at other thresholds to curve.
func (w *watch) trials(ctx context.Context, d Design, starts []counted, thresholds []float64, curve [][]Finding) (trial, error) {
	t := trial{design: d}
	for n := range w.scene.opts.Replicates {
		if err := ctx.Err(); err != nil {
			return t, err
		}
		c := w.cluster(d, starts, n)
		f, err := w.find(c, w.opts.Threshold)
		if err != nil {
			return t, err
		}
		t.found, t.chance = append(t.found, f), append(t.chance, Find(c.truth, w.alone))
		if n >= w.scene.opts.Curve || d.Published == 0 {
			continue
		}
		for i, threshold := range thresholds {
			if f, err = w.find(c, threshold); err != nil {
				return t, err
			}
			curve[i] = append(curve[i], f)
		}
	}
	return t, nil
}

// episodesAWeek returns how many hotspots a kind has a week on the real days at
// each threshold, the mean of the kinds.
func episodesAWeek(ctx context.Context, kinds []*watch, thresholds []float64) ([]float64, error) {
	out := make([]float64, len(thresholds))
	for i, threshold := range thresholds {
		for _, w := range kinds {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			opts := w.opts
			opts.Threshold = threshold
			episodes, err := w.run(0, opts, w.incidents(w.begins[0].at, w.scene.end()), w.scene.end())
			if err != nil {
				return nil, err
			}
			out[i] += float64(len(w.since(episodes))) / (w.scene.weeks() * float64(len(kinds)))
		}
	}
	return out, nil
}
