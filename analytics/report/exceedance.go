package report

import (
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/count"
)

// exceedance is a window against its upper bound. Only those with an alarm are told.
type exceedance struct {
	window                    int // of the period
	observed, expected, upper float64
	p                         float64 // NaN of EARS, which has none
	alarm, ears               bool
	day                       calendar.DayType
}

// watch is what windows are judged with: their starts, of which the first ones are
// history, and the calendar.
type watch struct {
	every   Step
	bounds  []time.Time
	history int
	days    *calendar.Calendar
	zone    *time.Location
}

// exceed judges the windows of the period: by Farrington where there is data half
// as far back as that looks, else by EARS where nine windows like it are known.
func (a *analysis) exceed(l *line, w watch) {
	opts, reach := farringtonOf(w.every)
	all := l.values(0)
	usual := w.usual(all)
	for i := range a.x {
		t := w.history + i
		var e exceedance
		var ok bool
		if t-l.begin >= reach/2 {
			e, ok = w.byFarrington(all, usual, t, opts)
		} else {
			e, ok = w.byEARS(all, t)
		}
		if !ok {
			continue
		}
		a.judged++
		a.ears = a.ears || e.ears
		if e.alarm {
			e.window, e.day = i, w.days.Day(w.bounds[t])
			a.exceeds = append(a.exceeds, e)
		}
	}
}

// usual are the values without those of holidays and of days that are worked instead:
// they are no past of a day like others. Weeks stay what they are.
func (w watch) usual(all []float64) []float64 {
	if w.every == Week {
		return all
	}
	out := slices.Clone(all)
	for i := range out {
		if d := w.days.Day(w.bounds[i]); d == calendar.Holiday || d == calendar.Adjusted {
			out[i] = math.NaN()
		}
	}
	return out
}

// like is the newest window at or before t that is on the day of the week whose
// habits hold at t, at the same time: that of a holiday is on a Sunday, that of a
// day worked instead on a Wednesday. It is below 0 where there is none.
func (w watch) like(t int) int {
	perDay := 1
	switch w.every {
	case Week:
		return t
	case Hour:
		perDay = 24
	}
	habit := w.days.Slot(w.bounds[t]) / 24 // Monday is 0
	own := (int(w.bounds[t].In(w.zone).Weekday()) + 6) % 7
	return t - (own-habit+7)%7*perDay
}

// byFarrington holds a window against its own past, one of an unusual day against
// that of the day that it is like. It returns false where the past says too little.
// usual is as it was when it returns.
func (w watch) byFarrington(all, usual []float64, t int, opts count.FarringtonOptions) (exceedance, bool) {
	at := w.like(t)
	if at < 0 || math.IsNaN(all[t]) {
		return exceedance{}, false
	}
	own := usual[at]
	usual[at] = all[t]
	f, err := count.FarringtonFlexible(usual[:at+1], at, opts)
	usual[at] = own
	if err != nil {
		return exceedance{}, false // ErrNotEnough: the window is not judged
	}
	return exceedance{observed: all[t], expected: f.Expected, upper: f.Upper, p: f.P, alarm: f.Alarm}, true
}

// What EARS needs: C2 looks at seven windows, with two between them and the present.
// Fewer events than earsCases in earsWithin windows raise no alarm, as of Farrington.
const (
	earsWindows = 10
	earsCases   = 5
	earsWithin  = 4
)

// byEARS holds a window against the seven of nine to three windows before: days,
// weeks, or the same hour of days. It returns false where one of them is not known.
func (w watch) byEARS(all []float64, t int) (exceedance, bool) {
	stride := 1
	if w.every == Hour {
		stride = 24
	}
	x := make([]float64, 0, earsWindows)
	for k := earsWindows - 1; k >= 0; k-- {
		at := t - k*stride
		if at < 0 || math.IsNaN(all[at]) {
			return exceedance{}, false
		}
		x = append(x, all[at])
	}
	e := count.C2(x, count.EARSOptions{})[earsWindows-1]
	cases := 0.0
	for _, v := range all[max(0, t-earsWithin+1) : t+1] {
		if !math.IsNaN(v) {
			cases += v
		}
	}
	return exceedance{observed: all[t], expected: e.Mean, upper: e.Upper, p: math.NaN(), alarm: e.Alarm && cases >= earsCases, ears: true}, true
}
