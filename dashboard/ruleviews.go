package dashboard

import (
	"math"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// ruleBody is what of a rule may be changed: exactly one detector is there, that of
// the rule.
type ruleBody struct {
	Names      sensors.Names   `json:"names"`
	Severity   store.Severity  `json:"severity" enum:"notice,warning,critical" doc:"Of a new alert"`
	Threshold  *thresholdBody  `json:"threshold,omitempty"`
	Exceedance *exceedanceBody `json:"exceedance,omitempty"`
	Hotspot    *hotspotBody    `json:"hotspot,omitempty"`
	Change     *changeBody     `json:"change,omitempty"`
	Baseline   *baselineBody   `json:"baseline,omitempty"`
	Drift      *driftBody      `json:"drift,omitempty"`
	Silence    *silenceBody    `json:"silence,omitempty"`
	Outlier    *outlierBody    `json:"outlier,omitempty"`
}

type thresholdBody struct {
	Raise            float64  `json:"raise" doc:"Raised when readings stay at it or beyond, in the unit of the kind"`
	Clear            float64  `json:"clear" doc:"Closed when readings stay at it or on its good side"`
	Critical         *float64 `json:"critical,omitempty" doc:"Critical at it or beyond; left out for never"`
	HoldRaiseSeconds float64  `json:"hold_raise_seconds,omitempty" minimum:"0" maximum:"900"`
	HoldClearSeconds float64  `json:"hold_clear_seconds,omitempty" minimum:"0" maximum:"900"`
}

type exceedanceBody struct {
	MinCount         int64   `json:"min_count" minimum:"1"`
	Expected         float64 `json:"expected" doc:"Events a cell and 15 minutes where nothing is known"`
	PriorWindows     float64 `json:"prior_windows" doc:"Weight of expected, in windows"`
	PRaise           float64 `json:"p_raise" doc:"Raised when P(count or more) is below it"`
	PClear           float64 `json:"p_clear" doc:"Closed when it stays above it"`
	PCritical        float64 `json:"p_critical,omitempty" doc:"Critical when below it; 0 for never"`
	HoldClearSeconds float64 `json:"hold_clear_seconds,omitempty" minimum:"0" maximum:"900"`
}

type hotspotBody struct {
	Budget        float64   `json:"budget,omitempty" minimum:"0" doc:"False episodes a week that people accept; 0 means 1"`
	MinCount      int       `json:"min_count,omitempty" minimum:"0" doc:"Events that a place needs at least; 0 means 3"`
	PriorRate     float64   `json:"prior_rate,omitempty" minimum:"0" doc:"Events a cell and hour where nothing is known; 0 means 0.01"`
	StepSeconds   float64   `json:"step_seconds,omitempty" minimum:"0" doc:"How often it looks; 0 means 60. With another step it learns anew"`
	WindowSeconds []float64 `json:"window_seconds,omitempty" maxItems:"8" doc:"That it looks at; none means 5 min to 6 h. With others it learns anew"`
	Threshold     float64   `json:"threshold,omitempty" minimum:"0" doc:"Score that stands out, whatever the budget; 0 means by budget"`
}

type changeBody struct {
	OverSeconds      float64  `json:"over_seconds" minimum:"60" maximum:"900" doc:"Stretch that is looked at"`
	Raise            float64  `json:"raise" doc:"Raised when the change in that time stays at it or beyond"`
	Clear            float64  `json:"clear"`
	Critical         *float64 `json:"critical,omitempty"`
	HoldRaiseSeconds float64  `json:"hold_raise_seconds,omitempty" minimum:"0" maximum:"900"`
	HoldClearSeconds float64  `json:"hold_clear_seconds,omitempty" minimum:"0" maximum:"900"`
}

type baselineBody struct {
	Raise            float64 `json:"raise" doc:"In spreads of what is usual"`
	Clear            float64 `json:"clear"`
	Least            float64 `json:"least,omitempty" doc:"Raised only when it is at least so much beyond, in the unit of the kind"`
	Spread           float64 `json:"spread" doc:"Where nothing is known, in the unit of the kind"`
	Swing            float64 `json:"swing,omitempty" doc:"How far the hours of a day are apart where nothing is known"`
	HoldRaiseSeconds float64 `json:"hold_raise_seconds,omitempty" minimum:"0" maximum:"86400"`
	HoldClearSeconds float64 `json:"hold_clear_seconds,omitempty" minimum:"0" maximum:"86400"`
}

type driftBody struct {
	Allowance        float64 `json:"allowance,omitempty" minimum:"0" doc:"Half the shift to be found, in standard deviations; 0 means 0.5"`
	Limit            float64 `json:"limit,omitempty" minimum:"0" doc:"Of the sum, in standard deviations; 0 means 12"`
	HoldClearSeconds float64 `json:"hold_clear_seconds,omitempty" minimum:"0" maximum:"604800" doc:"0 means 24 h"`
}

type silenceBody struct {
	Chance float64 `json:"chance,omitempty" minimum:"0" doc:"How improbable it must be that a cell has no event for so long; 0 judges devices alone"`
}

type outlierBody struct {
	StuckSeconds     float64 `json:"stuck_seconds,omitempty" minimum:"0" maximum:"604800" doc:"Shortest time without a change that is a fault; 0 means 2 h"`
	HoldRaiseSeconds float64 `json:"hold_raise_seconds,omitempty" minimum:"0" maximum:"86400"`
	HoldClearSeconds float64 `json:"hold_clear_seconds,omitempty" minimum:"0" maximum:"86400"`
}

// viewRule is a rule as people see it.
func viewRule(r analytics.Rule) ruleBody {
	v := ruleBody{Names: r.Names, Severity: r.Severity}
	if t := r.Threshold; t != nil {
		v.Threshold = &thresholdBody{t.Raise, t.Clear, t.Critical, t.HoldRaise.Seconds(), t.HoldClear.Seconds()}
	}
	if e := r.Exceedance; e != nil {
		v.Exceedance = &exceedanceBody{e.MinCount, e.Expected, e.PriorWindows, e.PRaise, e.PClear, e.PCritical, e.HoldClear.Seconds()}
	}
	if h := r.Hotspot; h != nil {
		v.Hotspot = &hotspotBody{h.Budget, h.MinCount, h.PriorRate, h.Step.Seconds(), nil, h.Threshold}
		for _, w := range h.Windows {
			v.Hotspot.WindowSeconds = append(v.Hotspot.WindowSeconds, w.Seconds())
		}
	}
	if c := r.Change; c != nil {
		v.Change = &changeBody{c.Over.Seconds(), c.Raise, c.Clear, c.Critical, c.HoldRaise.Seconds(), c.HoldClear.Seconds()}
	}
	if b := r.Baseline; b != nil {
		v.Baseline = &baselineBody{b.Raise, b.Clear, b.Least, b.Spread, b.Swing, b.HoldRaise.Seconds(), b.HoldClear.Seconds()}
	}
	if d := r.Drift; d != nil {
		v.Drift = &driftBody{d.Allowance, d.Limit, d.HoldClear.Seconds()}
	}
	if q := r.Silence; q != nil {
		v.Silence = &silenceBody{q.Chance}
	}
	if o := r.Outlier; o != nil {
		v.Outlier = &outlierBody{o.Stuck.Seconds(), o.HoldRaise.Seconds(), o.HoldClear.Seconds()}
	}
	return v
}

// rule is what people want of the rule of a name and kind.
func (v *ruleBody) rule(of analytics.Rule) analytics.Rule {
	r := analytics.Rule{Name: of.Name, Kind: of.Kind, Names: v.Names, Severity: v.Severity}
	if t := v.Threshold; t != nil {
		r.Threshold = &analytics.Threshold{Raise: t.Raise, Clear: t.Clear, Critical: t.Critical, HoldRaise: secondsOf(t.HoldRaiseSeconds), HoldClear: secondsOf(t.HoldClearSeconds)}
	}
	if e := v.Exceedance; e != nil {
		r.Exceedance = &analytics.Exceedance{MinCount: e.MinCount, Expected: e.Expected, PriorWindows: e.PriorWindows, PRaise: e.PRaise, PClear: e.PClear,
			PCritical: e.PCritical, HoldClear: secondsOf(e.HoldClearSeconds)}
	}
	if h := v.Hotspot; h != nil {
		r.Hotspot = &analytics.Hotspot{Budget: h.Budget, MinCount: h.MinCount, PriorRate: h.PriorRate, Step: secondsOf(h.StepSeconds), Threshold: h.Threshold}
		for _, w := range h.WindowSeconds {
			r.Hotspot.Windows = append(r.Hotspot.Windows, secondsOf(w))
		}
	}
	if c := v.Change; c != nil {
		r.Change = &analytics.Change{Over: secondsOf(c.OverSeconds), Raise: c.Raise, Clear: c.Clear, Critical: c.Critical,
			HoldRaise: secondsOf(c.HoldRaiseSeconds), HoldClear: secondsOf(c.HoldClearSeconds)}
	}
	if b := v.Baseline; b != nil {
		r.Baseline = &analytics.Baseline{Raise: b.Raise, Clear: b.Clear, Least: b.Least, Spread: b.Spread, Swing: b.Swing,
			HoldRaise: secondsOf(b.HoldRaiseSeconds), HoldClear: secondsOf(b.HoldClearSeconds)}
	}
	if d := v.Drift; d != nil {
		r.Drift = &analytics.Drift{Allowance: d.Allowance, Limit: d.Limit, HoldClear: secondsOf(d.HoldClearSeconds)}
	}
	if q := v.Silence; q != nil {
		r.Silence = &analytics.Silence{Chance: q.Chance}
	}
	if o := v.Outlier; o != nil {
		r.Outlier = &analytics.Outlier{Stuck: secondsOf(o.StuckSeconds), HoldRaise: secondsOf(o.HoldRaiseSeconds), HoldClear: secondsOf(o.HoldClearSeconds)}
	}
	return r
}

// secondsOf is a number of seconds to the millisecond.
func secondsOf(s float64) time.Duration {
	return time.Duration(math.Round(s*1e3)) * time.Millisecond
}
