// Package evaluate measures how well hotspots are found: what was made to happen
// is held against what was raised.
//
// [Measure] has the definitions and knows neither simulator nor detector. [Spatial]
// lets the product's detector watch simulated districts with known events in them,
// [Faults] with broken sensors, clocks and calendars, and [Amoc] at other thresholds.
// A [Result] is written as JSON, Markdown, CSV and SVG.
//
// Everything follows from a seed: the same seed and options give the same result.
package evaluate

import (
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Truth is something that was made to happen.
type Truth struct {
	Type  string
	Kind  sensors.KindKey
	Cells []grid.Cell // ascending; all that it ever touches
	// From says for each of Cells when it is reached; nil means all at Start.
	From  []time.Time
	Whole bool // it is everywhere: Cells is nil
	Start time.Time
	End   time.Time // exclusive
}

// at returns the cells that the event has reached at a time, ascending.
func (t *Truth) at(at time.Time) []grid.Cell {
	if t.From == nil {
		return t.Cells
	}
	var reached []grid.Cell
	for i, c := range t.Cells {
		if !t.From[i].After(at) {
			reached = append(reached, c)
		}
	}
	return reached
}

// Episode is one hotspot from when people were first told of it.
type Episode struct {
	ID       string
	Kind     sensors.KindKey
	Category store.AlertCategory
	RaisedAt time.Time
	Reports  []Report // what people were told, oldest first; at least one
}

// Report is what people are told of an episode at a time.
type Report struct {
	At    time.Time
	Score float64
	Whole bool
	Cells []grid.Cell // ascending; nil when Whole
	Peak  grid.Cell   // 0 when Whole
	Count float64
	Usual float64
}

// ProductOptions returns the options that the product's own rules give a detector
// of hotspots: those of the first rule about hotspots that comes with it.
func ProductOptions() (hotspot.Options, error) {
	rules, err := analytics.DefaultRules()
	if err != nil {
		return hotspot.Options{}, err
	}
	r, err := hotspotRule(rules)
	if err != nil {
		return hotspot.Options{}, err
	}
	h := r.Hotspot
	return hotspot.Options{Name: r.Name, Step: h.Step, Windows: h.Windows, MinCount: h.MinCount,
		Budget: h.Budget, Threshold: h.Threshold, PriorRate: h.PriorRate}, nil
}

func hotspotRule(rules []analytics.Rule) (analytics.Rule, error) {
	at := slices.IndexFunc(rules, func(r analytics.Rule) bool { return r.Hotspot != nil })
	if at < 0 {
		return analytics.Rule{}, fmt.Errorf("no rule is about hotspots")
	}
	return rules[at], nil
}

// recorder makes episodes of the changes of a detector.
type recorder struct {
	kind     sensors.KindKey
	episodes []Episode
	at       map[string]int
}

func newRecorder(kind sensors.KindKey) *recorder {
	return &recorder{kind: kind, at: make(map[string]int)}
}

func (r *recorder) take(changes []hotspot.Change) {
	for _, c := range changes {
		i, known := r.at[c.ID]
		if !known {
			i = len(r.episodes)
			r.at[c.ID] = i
			r.episodes = append(r.episodes, Episode{ID: c.ID, Kind: r.kind, Category: store.AboutCity, RaisedAt: c.RaisedAt})
		}
		if c.Phase != hotspot.Active {
			continue // it does not stand out any more: that says nothing of where it is
		}
		r.episodes[i].Reports = append(r.episodes[i].Reports,
			Report{At: c.At, Score: c.Score, Whole: c.Whole, Cells: c.Cells, Peak: c.Peak, Count: c.Count, Usual: c.Expected})
	}
}
