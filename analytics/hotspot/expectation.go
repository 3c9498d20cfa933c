package hotspot

import (
	"math"
	"time"
)

// Expectation says how many events are ordinary:
//
//	μ(cell, t) = rate(cell) · profile(group, hour of the week) · level
//
// The rate of a cell is a Gamma posterior: a prior that all cells share together
// with what the cell itself has shown over its exposure, so that it is wide in the
// first hour and sharp after weeks. Profiles have mean 1 and shrink from the hour
// of the week towards the hour of the day and from the group towards the whole
// area; the level is what the last days were against that. Hours in which a cell
// was in a hotspot teach nothing (see learn).
//
// Exposure is measured in profile hours: an hour of the profile's value v counts v.
type expectation struct {
	priorRate   float64 // events a cell and profile hour
	priorWeight float64 // profile hours that the prior is worth

	groups              int
	events              []float64         // [group·168+slot] events learned
	watched             []float64         // [group·168+slot] hours learned, each as much as the share of its events that was watched
	exposure            []float64         // [group] profile hours learned of every cell that missed none
	cells               []float64         // [group] how many cells it has
	profile             []float64         // [group·168+slot]
	level               float64           // events over expectation of the last days
	levelGot, levelWant float64           // what the level is made of
	phi                 ratio             // over-dispersion of a cell's hour: variance over mean
	city                [maxWindows]ratio // squared coefficient of variation of the area's windows beyond chance
	recent              []hourTotal       // of the last hours learned, newest last
}

// ratio is a quotient of two fading sums.
type ratio struct{ Num, Den float64 }

func (r *ratio) fade(f float64) { r.Num, r.Den = r.Num*f, r.Den*f }

// What shrinks what: events that a prior profile is worth, and hours after which
// the level has forgotten half.
const (
	profileWeight   = 12.0
	levelWeight     = 200.0
	levelHalfLife   = 3 * 24.0
	minLevel        = 0.2
	maxLevel        = 5.0
	maxDispersion   = 50.0
	priorDispersion = 1.2       // until counts say otherwise
	dispersionNeeds = 200.0     // expected events that the prior of the dispersion is worth
	cityPrior       = 0.25      // squared coefficient of variation of the whole area, to begin with
	cityPriorWeight = 6.0       // hours it is worth
	cityMemory      = 14 * 24.0 // hours in which what was seen of it loses weight to 1/e
)

func newExpectation(o Options, cells []float64) expectation {
	e := expectation{
		priorRate: o.PriorRate, priorWeight: o.PriorHours, groups: o.Groups,
		events:   make([]float64, o.Groups*hoursOfWeek),
		watched:  make([]float64, o.Groups*hoursOfWeek),
		exposure: make([]float64, o.Groups),
		cells:    cells,
		profile:  make([]float64, o.Groups*hoursOfWeek),
		level:    1,
	}
	for i := range e.profile {
		e.profile[i] = 1
	}
	return e
}

// dispersion is the variance of a cell's hourly count over its mean, at least 1.
func (e *expectation) dispersion() float64 {
	d := (e.phi.Num + priorDispersion*dispersionNeeds) / (e.phi.Den + dispersionNeeds)
	return min(max(d, 1), maxDispersion)
}

// cityVariation is the squared coefficient of variation of what makes all cells
// high or low together in a window: what the expectation cannot know, such as the
// weather, and what it does not know yet.
func (e *expectation) cityVariation(window int) float64 {
	c := e.city[window]
	return max((c.Num+cityPrior*cityPriorWeight)/(c.Den+cityPriorWeight), 0)
}

// rate returns the mean and the variance of a cell's rate in events a profile
// hour, level left out.
func (e *expectation) rate(group int, learned, missed float64) (mean, variance float64) {
	shape := e.priorRate*e.priorWeight + learned
	hours := e.priorWeight + max(e.exposure[group]-missed, 0)
	return shape / hours, shape / (hours * hours)
}

// profileHours integrates the profile of each group over the window of the given
// length that ends at end, in profile hours.
func (e *expectation) profileHours(into []float64, end time.Time, length time.Duration, slot func(time.Time) int) {
	clear(into)
	for from := end.Add(-length); from.Before(end); {
		next := from.Truncate(time.Hour).Add(time.Hour)
		if next.After(end) {
			next = end
		}
		hours, s := next.Sub(from).Hours(), slot(from)
		for g := range into {
			into[g] += hours * e.profile[g*hoursOfWeek+s]
		}
		from = next
	}
}

// fade lets what was learned lose weight.
func (e *expectation) fade(f float64) {
	for i := range e.events {
		e.events[i] *= f
	}
	for i := range e.watched {
		e.watched[i] *= f
	}
	for i := range e.exposure {
		e.exposure[i] *= f
	}
	e.phi.fade(f)
}

// refit makes profiles from what was learned. An hour of the week is what was seen
// in it over what the group's mean rate makes of the time that it was watched.
func (e *expectation) refit() {
	mean := make([]float64, e.groups) // events a watched hour, of each group
	for g := range mean {
		part := e.events[g*hoursOfWeek : (g+1)*hoursOfWeek]
		if hours := sum(e.watched[g*hoursOfWeek : (g+1)*hoursOfWeek]); hours > 0 {
			mean[g] = sum(part) / hours
		}
	}
	var got, want [hoursOfWeek]float64 // of all groups
	var hourGot, hourWant [24]float64
	for s := range hoursOfWeek {
		for g := range e.groups {
			got[s] += e.events[g*hoursOfWeek+s]
			want[s] += mean[g] * e.watched[g*hoursOfWeek+s]
		}
		hourGot[s%24] += got[s]
		hourWant[s%24] += want[s]
	}
	for s := range hoursOfWeek {
		hourly := (hourGot[s%24] + profileWeight) / (hourWant[s%24] + profileWeight)
		daily := (got[s] + profileWeight*hourly) / (want[s] + profileWeight)
		for g := range e.groups {
			i := g*hoursOfWeek + s
			e.profile[i] = (e.events[i] + profileWeight*daily) / (mean[g]*e.watched[i] + profileWeight)
		}
	}
}

// refitPrior makes the prior of the cells' rates from the rates that cells have
// shown: the moments of a Gamma distribution, shrunk towards what the options
// say until there is much to go by. shown is called with a function that it
// gives each active cell's learned events and exposure.
func (e *expectation) refitPrior(o Options, shown func(yield func(group int, learned, exposure float64))) {
	var hours, cells float64
	for g, n := range e.cells {
		hours += n * e.exposure[g]
		cells += n
	}
	if hours == 0 || cells == 0 {
		return
	}
	each := hours / cells
	mean := (sum(e.events) + o.PriorRate*o.PriorHours) / (hours + o.PriorHours)
	// The variance of learned/exposure over cells is that of the rates plus
	// mean/exposure of chance; cells without events count with rate 0.
	var squares, active float64
	shown(func(_ int, learned, exposure float64) {
		if exposure > 0 {
			d := learned/exposure - mean
			squares += d * d
			active++
		}
	})
	variance := (squares+(cells-active)*mean*mean)/cells - mean/each
	weight := o.PriorHours
	if variance > 0 {
		weight = mean / variance // of the Gamma(mean·weight, weight) with these moments
	} else if each > o.PriorHours {
		weight = maxPriorWeight
	}
	// A day of watching is worth as much as what the options say.
	trust := each / (each + 24)
	e.priorRate = mean
	e.priorWeight = math.Exp(trust*math.Log(min(max(weight, minPriorWeight), maxPriorWeight)) + (1-trust)*math.Log(o.PriorHours))
}

const (
	minPriorWeight = 0.5
	maxPriorWeight = 500
)

// hourTotal is what all cells together had in an hour, and should have had.
type hourTotal struct{ Got, Want float64 }

// learnDispersion takes in how far an hour was from what was expected of it: each
// cell, and all of them together in the windows that end with it.
func (e *expectation) learnDispersion(h hourSum, windows []time.Duration) {
	e.phi.Num += h.squares
	e.phi.Den += h.expects
	e.recent = append(e.recent, hourTotal{h.got, h.expects})
	if over := len(e.recent) - int(maxWindow/time.Hour); over > 0 {
		e.recent = e.recent[over:]
	}
	keep := math.Exp(-1 / cityMemory)
	for w, window := range windows {
		var got, want float64
		for i := range min(max(int(window/time.Hour), 1), len(e.recent)) {
			t := e.recent[len(e.recent)-1-i]
			got, want = got+t.Got, want+t.Want
		}
		e.city[w].fade(keep)
		if want > 0 {
			r := min(got/want-1, 1)
			e.city[w].Num += r*r - min(e.dispersion()/want, cityPrior)
			e.city[w].Den++
		}
	}
}

// learnLevel takes in one more hour of the whole area.
func (e *expectation) learnLevel(got, want float64) {
	keep := math.Exp2(-1 / levelHalfLife)
	e.levelGot, e.levelWant = e.levelGot*keep+got, e.levelWant*keep+want
	e.level = min(max((e.levelGot+levelWeight)/(e.levelWant+levelWeight), minLevel), maxLevel)
}

func sum(all []float64) (total float64) {
	for _, v := range all {
		total += v
	}
	return total
}
