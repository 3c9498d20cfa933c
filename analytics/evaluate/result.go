package evaluate

import (
	"fmt"
	"math"

	"github.com/urbangrid/urbangrid/analytics/count"
)

// Result is what an evaluation found. Its arrays are of flat objects, so that a
// table can be made of each.
type Result struct {
	Design     string    `json:"design"` // spatial, recorded or real
	Seed       uint64    `json:"seed"`
	Checks     []Check   `json:"checks,omitempty"`
	Quiet      []Quiet   `json:"quiet,omitempty"`
	Injections []Quality `json:"injections,omitempty"`
	Faults     []Fault   `json:"faults,omitempty"`
	Curve      []Point   `json:"amoc,omitempty"`
	Settings   []Setting `json:"settings,omitempty"`
}

// Check is a promise and whether it is kept.
type Check struct {
	Promise string  `json:"promise"`
	Want    string  `json:"want"`
	Got     float64 `json:"got"`
	Kept    bool    `json:"kept"`
}

// Setting is a number that the result depends on.
type Setting struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Says  string  `json:"says"`
}

func newResult(design string, seed uint64) *Result { return &Result{Design: design, Seed: seed} }

func (r *Result) set(name string, value float64, says string) {
	r.Settings = append(r.Settings, Setting{name, value, says})
}

// The targets of the issue.
const (
	maxFalseAWeek = 1.3
	minJaccard    = 0.5
	jaccardDesign = "k1_RR5_6h"
)

// check adds whether what was measured so far reaches the targets.
func (r *Result) check() {
	r.Checks = nil
	for _, q := range r.Quiet {
		r.Checks = append(r.Checks, q.check())
	}
	for _, q := range r.Injections {
		if q.Published != nil {
			least := *q.Published - 2*seOfTwo(q.Found, *q.Published, float64(q.Replicates), 120)
			r.Checks = append(r.Checks, Check{q.Type + ": sensitivity with spatial overlap", fmt.Sprintf("at least %.3f (published %.3f less 2 SE)", least, *q.Published), q.Found, q.Found >= least})
		}
		if q.Type == jaccardDesign && q.Jaccard != nil {
			r.Checks = append(r.Checks, Check{q.Type + ": median Jaccard", fmt.Sprintf("at least %g", minJaccard), *q.Jaccard, *q.Jaccard >= minJaccard})
		}
	}
	for _, f := range r.Faults {
		r.Checks = append(r.Checks, Check{f.Type + ": city alerts at the faulty cells", fmt.Sprintf("as many as without the fault (%d) within chance", f.Chance), float64(f.Overlapping), f.Kept})
	}
}

// enoughWeeks is how many quiet weeks there must be for what was raised in them to be
// held against maxFalseAWeek as it is.
const enoughWeeks = 20

// check holds what was raised for nothing against the target. Fewer weeks than
// enoughWeeks vary too much by chance for that: they break the promise only with more
// than a detector that keeps to it exactly raises in 97.5 % of such times (the exact
// Poisson test, one-sided).
func (q *Quiet) check() Check {
	c := Check{"false episodes a week on quiet replay", fmt.Sprintf("at most %g", maxFalseAWeek), q.PerWeek, q.PerWeek <= maxFalseAWeek}
	if q.Weeks < enoughWeeks {
		mean := maxFalseAWeek * q.Weeks
		allowed := int(mean)
		for count.PoissonTail(allowed+1, mean) >= poissonEach {
			allowed++
		}
		c.Want += fmt.Sprintf(", of which chance makes up to %d in %g weeks", allowed, q.Weeks)
		c.Kept = q.Alerts <= allowed
	}
	return c
}

// AddFaults adds what faults led to, and checks that none was taken for the city.
func (r *Result) AddFaults(faults []Fault) {
	r.Faults = append(r.Faults, faults...)
	r.check()
}

// seOfTwo is the standard error of the difference of two shares of n and m trials.
func seOfTwo(p, q, n, m float64) float64 {
	return math.Sqrt(p*(1-p)/n + q*(1-q)/m)
}

// Kept reports whether every promise that was checked is kept.
func (r *Result) Kept() bool {
	for _, c := range r.Checks {
		if !c.Kept {
			return false
		}
	}
	return true
}
