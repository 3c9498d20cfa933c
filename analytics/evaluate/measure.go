package evaluate

import (
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/count"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Finding is how one event was found.
type Finding struct {
	// Found says that a report of an episode that was raised after the start and
	// not after the end of the event held a cell that the event had reached by then.
	// An event that is everywhere is found by any report.
	Found   bool
	Delay   time.Duration // from the start to the first such report
	Jaccard float64       // of the reported cells with those reached, in the report of the highest score until the end; NaN when not found or everywhere
	Rings   float64       // from the peak of that report to the middle of the event, in cells; NaN as Jaccard
	Whole   bool          // a report until the end is about the whole area

	Raised  int // episodes that were raised during the event
	Overlap int // of which so many had a report that overlaps
}

// Find holds an event against the episodes of its kind that are about the city.
func Find(t Truth, episodes []Episode) Finding {
	f := Finding{Jaccard: math.NaN(), Rings: math.NaN()}
	var best *Report
	for i := range episodes {
		e := &episodes[i]
		if e.Kind != t.Kind || e.Category != store.AboutCity || !e.RaisedAt.After(t.Start) || e.RaisedAt.After(t.End) {
			continue
		}
		f.Raised++
		overlaps := false
		for j := range e.Reports {
			r := &e.Reports[j]
			if r.At.After(t.End) || !overlap(&t, r) {
				continue
			}
			overlaps, f.Whole = true, f.Whole || r.Whole
			if delay := r.At.Sub(t.Start); !f.Found || delay < f.Delay {
				f.Delay = delay
			}
			f.Found = true
			if best == nil || r.Score > best.Score {
				best = r
			}
		}
		if overlaps {
			f.Overlap++
		}
	}
	if best != nil {
		if !t.Whole {
			reached := t.at(best.At)
			f.Jaccard, f.Rings = jaccard(reached, best.Cells), rings(middle(reached), best.Peak)
		}
	}
	return f
}

func overlap(t *Truth, r *Report) bool {
	return t.Whole || intersection(t.at(r.At), r.Cells) > 0
}

func intersection(a, b []grid.Cell) (n int) {
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			n, i, j = n+1, i+1, j+1
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return n
}

// jaccard is the share of two ascending sets that both hold.
func jaccard(a, b []grid.Cell) float64 {
	both := intersection(a, b)
	if all := len(a) + len(b) - both; all > 0 {
		return float64(both) / float64(all)
	}
	return 0
}

// middle returns the cell that holds the mean of the centers of cells, 0 for none.
func middle(cells []grid.Cell) grid.Cell {
	if len(cells) == 0 {
		return 0
	}
	var lat, lon, n float64
	for _, c := range cells {
		p, err := c.Center()
		if err != nil {
			continue // an invalid cell is nowhere
		}
		lat, lon, n = lat+p.LatDegrees, lon+p.LonDegrees, n+1
	}
	if n == 0 {
		return 0
	}
	c, err := grid.CellAt(grid.Point{LatDegrees: lat / n, LonDegrees: lon / n}, cells[0].Resolution())
	if err != nil {
		return 0
	}
	return c
}

// farRings is the greatest distance that is measured.
const farRings = 40

// rings returns how many steps from cell to cell lie between two cells, NaN when
// they are not of one resolution or more than farRings apart.
func rings(a, b grid.Cell) float64 {
	if a == 0 || b == 0 || a.Resolution() != b.Resolution() {
		return math.NaN()
	}
	for k := 0; k <= farRings; k = 2*k + 2 {
		disk, err := a.Disk(min(k, farRings))
		if err != nil {
			return math.NaN()
		}
		for ring, cells := range disk {
			if slices.Contains(cells, b) {
				return float64(ring)
			}
		}
	}
	return math.NaN()
}

// Quality is how events of one type were found.
type Quality struct {
	Type       string  `json:"type"`
	Replicates int     `json:"replicates"`
	Found      float64 `json:"sensitivity"`        // share that was found, with spatial overlap
	FoundSE    float64 `json:"sensitivity_se"`     // its standard error
	Within2h   float64 `json:"detected_within_2h"` // share found two hours after the start
	// MedianMinutes from the start to the report, of those found.
	MedianMinutes *float64 `json:"median_minutes"`
	Jaccard       *float64 `json:"median_jaccard"`
	Rings         *float64 `json:"median_rings"`
	// PPV is the share of the episodes raised during the events that overlap them.
	PPV      *float64 `json:"ppv"`
	Episodes float64  `json:"episodes_an_event"`   // raised during an event, of any place
	Whole    float64  `json:"found_as_whole_area"` // share of those found with a report about the whole area
	Chance   float64  `json:"chance"`              // share found in the same hours without the event
	// Published is the sensitivity of the EBP column of benchmark_spatial.json,
	// and Scan that of the same scan on these very counts: hourly, any alarm in the
	// city counting, its threshold set on the quiet weeks in hindsight.
	Published   *float64 `json:"published_sensitivity"`
	Scan        *float64 `json:"scan_sensitivity"`
	ScanOverlap *float64 `json:"scan_sensitivity_with_overlap"`
}

// Measure sums up findings of one type. chance are those of the same hours without
// the events; it may be empty.
func Measure(kind string, found, chance []Finding) Quality {
	q := Quality{Type: kind, Replicates: len(found)}
	var minutes, overlaps, away []float64
	raised, right, whole := 0, 0, 0
	for _, f := range found {
		raised, right = raised+f.Raised, right+f.Overlap
		if !f.Found {
			continue
		}
		minutes = append(minutes, f.Delay.Minutes())
		if f.Delay <= 2*time.Hour {
			q.Within2h++
		}
		if f.Whole {
			whole++
		}
		overlaps, away = keepNumbers(overlaps, f.Jaccard), keepNumbers(away, f.Rings)
	}
	if n := float64(len(found)); n > 0 {
		q.Found, q.Within2h = float64(len(minutes))/n, q.Within2h/n
		q.Episodes = float64(raised) / n
		q.FoundSE = math.Sqrt(q.Found * (1 - q.Found) / n)
	}
	q.MedianMinutes, q.Jaccard, q.Rings = median(minutes), median(overlaps), median(away)
	if raised > 0 {
		ppv := float64(right) / float64(raised)
		q.PPV = &ppv
	}
	if len(minutes) > 0 {
		q.Whole = float64(whole) / float64(len(minutes))
	}
	for _, f := range chance {
		if f.Found {
			q.Chance += 1 / float64(len(chance))
		}
	}
	return q
}

func keepNumbers(all []float64, v float64) []float64 {
	if math.IsNaN(v) {
		return all
	}
	return append(all, v)
}

// median returns the middle of the numbers, the mean of both when there are two,
// nil for none.
func median(all []float64) *float64 {
	if len(all) == 0 {
		return nil
	}
	s := slices.Sorted(slices.Values(all))
	m := (s[(len(s)-1)/2] + s[len(s)/2]) / 2
	return &m
}

// Quiet is what was raised in weeks in which nothing was made to happen.
type Quiet struct {
	Weeks   float64 `json:"weeks"`
	Alerts  int     `json:"alerts"`           // hotspots that were raised
	PerWeek float64 `json:"episodes_a_week"`  // of Alerts
	Low     float64 `json:"low_95"`           // of PerWeek, exact Poisson interval
	High    float64 `json:"high_95"`          //
	Merged  int     `json:"merged_episodes"`  // with those raised 3 h after one another or less as one
	Whole   int     `json:"whole_area"`       // of Alerts, about the whole area
	MeanT   float64 `json:"mean_threshold"`   // log-likelihood ratio
	LowestT float64 `json:"lowest_threshold"` // of the districts
	TopT    float64 `json:"highest_threshold"`
}

// mergeGap is the longest time between alarms of one false episode, as in
// benchmark_spatial.json.
const mergeGap = 3 * time.Hour

// merged counts episodes of which those raised mergeGap after one another or less
// are one. They must be in order.
func merged(episodes []Episode) (n int) {
	var last time.Time
	for _, e := range episodes {
		if last.IsZero() || e.RaisedAt.Sub(last) > mergeGap {
			n++
		}
		last = e.RaisedAt
	}
	return n
}

// PoissonInterval returns the exact 95 % interval (Garwood 1936) of the mean of a
// Poisson count.
func PoissonInterval(n int) (low, high float64) {
	return bisect(0, float64(n), func(mean float64) bool { return count.PoissonTail(n, mean) >= poissonEach }),
		bisect(float64(n), 2*float64(n)+20, func(mean float64) bool { return count.PoissonHead(n, mean) <= poissonEach })
}

// poissonEach is the chance of what lies beyond each end of a 95 % interval.
const poissonEach = 0.025

// bisect returns where f, false below and true above, changes between two numbers.
func bisect(low, high float64, f func(float64) bool) float64 {
	if f(low) {
		return low
	}
	for range 60 {
		mid := (low + high) / 2
		if f(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	return high
}
