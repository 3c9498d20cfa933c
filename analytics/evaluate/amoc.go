package evaluate

import (
	"context"
	"fmt"
	"slices"
)

// Point is one point of the curve of what is found against what is raised for
// nothing (activity monitoring operating characteristic; Fawcett and Provost
// 1999).
type Point struct {
	Type          string   `json:"type"`
	Threshold     float64  `json:"threshold"` // log-likelihood ratio
	PerWeek       float64  `json:"false_episodes_a_week"`
	Found         float64  `json:"sensitivity"`
	FoundSE       float64  `json:"sensitivity_se"`
	Within2h      float64  `json:"detected_within_2h"`
	MedianMinutes *float64 `json:"median_minutes"`
	Replicates    int      `json:"replicates"`
}

// AmocThresholds are the scores at which a curve is measured.
func AmocThresholds() []float64 { return []float64{8, 9.5, 11, 12.5, 15, 20} }

// Amoc measures the published designs at fixed thresholds instead of the product's
// own, everything else being as in Spatial.
func Amoc(ctx context.Context, opts SpatialOptions, thresholds []float64) ([]Point, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	designs := slices.DeleteFunc(slices.Clone(o.Designs), func(d Design) bool { return d.Published == 0 })
	found := make([][][]Finding, len(thresholds)) // by threshold and design
	alarms := make([]int, len(thresholds))
	for i := range found {
		found[i] = make([][]Finding, len(designs))
	}
	for n := range o.Towns {
		fmt.Fprintf(o.Progress, "curve, district %d of %d\n", n+1, o.Towns)
		l, err := learn(ctx, o, n)
		if err != nil {
			return nil, err
		}
		for i, threshold := range thresholds {
			detector := *o.Detector
			detector.Threshold = threshold
			calm, _, err := l.quietWeeks(o.QuietWeeks, &detector)
			if err != nil {
				return nil, err
			}
			alarms[i] += len(calm)
			for j, d := range designs {
				for m := range o.Replicates {
					if err := ctx.Err(); err != nil {
						return nil, err
					}
					at := l.draw(m)
					h := l.stage(d, benchKind, at.center, at.start, l.random(streamEvent, m))
					r := run{l: l, detector: detector, day: at.day, until: h.truth.End,
						play: play{town: l.Town, rng: l.random(streamReplicate, m), event: h}}
					episodes, err := r.episodes()
					if err != nil {
						return nil, err
					}
					found[i][j] = append(found[i][j], Find(h.truth, episodes))
				}
			}
		}
	}
	var curve []Point
	for j, d := range designs {
		for i, threshold := range thresholds {
			q := Measure(d.Name, found[i][j], nil)
			curve = append(curve, Point{Type: d.Name, Threshold: threshold, PerWeek: float64(alarms[i]) / float64(o.Towns*o.QuietWeeks),
				Found: q.Found, FoundSE: q.FoundSE, Within2h: q.Within2h, MedianMinutes: q.MedianMinutes, Replicates: q.Replicates})
		}
	}
	return curve, nil
}
