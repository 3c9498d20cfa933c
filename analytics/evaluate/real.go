package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Request is one event that people reported.
type Request struct {
	ID    string            `json:"id,omitempty"` // the source's own, "" for none
	Kind  sensors.KindKey   `json:"kind"`
	At    time.Time         `json:"at"`
	Point grid.Point        `json:"point"`
	Attrs map[string]string `json:"attrs,omitempty"` // what else the source says; may be nil
}

// RealOptions tune an evaluation on real days. The zero Options work.
type RealOptions struct {
	Seed uint64         // 0 means 20261125
	Zone *time.Location // whose days are learned and judged; nil means UTC
	// Slot returns the hour of the week whose habits hold at a time, holidays
	// included; nil means the hour of the week in Zone.
	Slot       func(time.Time) int
	Resolution int // of the cells; 0 means 8
	// LearnDays is how many of the days with requests are learned before any is
	// judged; 0 means half of them, rounded up.
	LearnDays int
	// Repeat is in what time after a request another one of the same kind at the
	// same point repeats it and does not count; 0 means an hour, below 0 none does.
	Repeat     time.Duration
	Busiest    int      // so many kinds with most requests get clusters injected; 0 means 3
	Replicates int      // clusters of each design and kind; 0 means 40
	Curve      int      // of which so many are measured at other thresholds; 0 means 12, below 0 none
	Shuffles   int      // of the judged days, their requests' places exchanged; 0 means 20
	Designs    []Design // nil means RealDesigns()
	// Detector are the options of the detector; nil means ProductOptions.
	Detector *hotspot.Options
	// Progress is told what is being done, nil is no one.
	Progress io.Writer
}

func (o RealOptions) withDefaults() (RealOptions, error) {
	o.Seed, o.Resolution = cmp.Or(o.Seed, 20261125), cmp.Or(o.Resolution, 8)
	o.Zone, o.Repeat = cmp.Or(o.Zone, time.UTC), cmp.Or(o.Repeat, time.Hour)
	o.Busiest, o.Replicates = cmp.Or(o.Busiest, 3), cmp.Or(o.Replicates, 40)
	o.Curve, o.Shuffles = cmp.Or(o.Curve, 12), cmp.Or(o.Shuffles, 20)
	if o.Slot == nil {
		zone := o.Zone
		o.Slot = func(t time.Time) int {
			t = t.In(zone)
			return (int(t.Weekday())+6)%7*24 + t.Hour()
		}
	}
	if o.Designs == nil {
		o.Designs = RealDesigns()
	}
	if o.Detector == nil {
		opts, err := ProductOptions()
		if err != nil {
			return o, err
		}
		o.Detector = &opts
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// RealResult is what an evaluation on real days found. The Published of its
// Injections is that of the design before it was scaled (see Scaling).
type RealResult struct {
	Result
	Kinds    []RealKind    `json:"kinds"`
	ByKind   []RealQuality `json:"injections_by_kind,omitempty"`
	Scaled   []Scaling     `json:"scaled,omitempty"`
	Hotspots []RealHotspot `json:"hotspots"` // in order of when they were raised, per kind

	zone *time.Location
}

// RealKind is what was found of one kind on the real days alone. Real causes are
// among what was raised, so what chance alone would raise is measured on the same
// days with the places of each day's requests exchanged at random (the null of the
// space-time permutation scan; Kulldorff et al. 2005).
type RealKind struct {
	Kind      sensors.KindKey `json:"kind"`
	Learned   int             `json:"requests_learned"`
	Judged    int             `json:"requests_judged"`
	Repeats   int             `json:"repeats_left_out"`
	Weeks     float64         `json:"weeks"` // judged
	Hotspots  int             `json:"hotspots"`
	Whole     int             `json:"whole_area"` // of Hotspots
	PerWeek   float64         `json:"episodes_a_week"`
	Low       float64         `json:"low_95"` // of PerWeek, exact Poisson interval
	High      float64         `json:"high_95"`
	Shuffled  int             `json:"shuffled_hotspots"` // in ShuffledWeeks
	OfWhole   int             `json:"shuffled_whole_area"`
	ShufWeeks float64         `json:"shuffled_weeks"`
	ByChance  float64         `json:"shuffled_episodes_a_week"`
	// What the detector knows when judging begins: hours that it has learned, the
	// variance of a cell's hourly count over its mean, and the log-likelihood ratio
	// from which places stand out.
	Hours      int     `json:"hours_learned"`
	Dispersion float64 `json:"dispersion"`
	Threshold  float64 `json:"threshold"`
}

// Real lets the product's detector learn the first days of real requests, one
// detector a kind as in service, and judge the others: alone, with the places of
// requests exchanged, and with clusters injected. Requests may come in any order
// and are not changed. A silence of more than a week counts as nobody watching,
// a shorter one as quiet. It returns an error when there are not enough days.
func Real(ctx context.Context, requests []Request, opts RealOptions) (*RealResult, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s, err := newScene(requests, o)
	if err != nil {
		return nil, err
	}
	res := &RealResult{Result: Result{Design: designReal, Seed: o.Seed}, zone: o.Zone}
	s.settings(&res.Result)
	var busy []*watch
	for i, k := range s.kinds {
		fmt.Fprintf(o.Progress, "%s: %d requests\n", k.key, len(k.requests))
		w, err := s.watch(ctx, i)
		if err != nil {
			return nil, err
		}
		chance, err := w.shuffled(ctx)
		if err != nil {
			return nil, err
		}
		res.Kinds = append(res.Kinds, w.summary(chance))
		res.Hotspots = append(res.Hotspots, w.hotspots(chance)...)
		if len(busy) < o.Busiest && len(w.starts()) > 0 {
			busy = append(busy, w)
		}
	}
	if err := res.inject(ctx, busy, o); err != nil {
		return nil, err
	}
	return res, nil
}
