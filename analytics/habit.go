package analytics

import (
	"encoding/binary"
	"errors"
	"math"
)

// habit is what is usual of one measure at one place or device: a robust level and
// spread of all times, and of each hour of the three types of day, shrunk towards
// it. The zero habit knows nothing.
//
// Levels and spreads are M-estimates that move with each step (Huber 1964,
// proposal 2, with the clip at 2 spreads): what is far off counts as 2 spreads and
// no more. An hour of few steps is uncertain by the swing between hours, which the
// rule states; a spread of few steps is held to the one that the rule states.
type habit struct {
	all   estimate
	hours [habitHours]estimate
}

type estimate struct {
	level, spread float32 // spread squared is a variance around what was expected
	weight        float32 // steps, at most the memory
}

const (
	dayTypes   = 3 // working days, Saturdays, Sundays with holidays
	habitHours = 24 * dayTypes

	allMemory  = 2016 // steps: a week
	hourMemory = 252  // steps: 21 days of an hour

	levelShrink  = 12 // steps that the level of all times is worth against that of an hour
	spreadShrink = 48 // steps that the spread of all times is worth against that of an hour
	priorSteps   = 24 // steps that the stated spread is worth
	firstSteps   = 12 // steps before anything is said

	clipAt = 2
	// consistent makes the clipped second moment that of a normal distribution:
	// 1/E[min(Z², 4)].
	consistent = 1.0864
	// openShare is how much a step counts that is learned while an alert is open.
	openShare = 0.1
)

// habitHour returns the hour whose habits hold, of a slot of the week.
func habitHour(slot int) int {
	switch day, hour := slot/24, slot%24; {
	case day < 5:
		return hour
	default:
		return (day-4)*24 + hour
	}
}

// usual is what is expected of a step.
type usual struct{ level, spread float64 }

// priors are what a rule states in the unit of its kind.
type priors struct{ spread, swing float64 }

// expect returns what is usual in an hour, and whether that is known well enough to
// say anything.
func (h *habit) expect(hour int, p priors) (u usual, known bool) {
	e, all := &h.hours[hour], &h.all
	n := float64(e.weight)
	open := levelShrink / (n + levelShrink)
	u.level = (1-open)*float64(e.level) + open*float64(all.level)
	variance := mix(float64(e.spread), n, h.variance(p), spreadShrink)
	u.spread = math.Sqrt(variance + open*open*p.swing*p.swing)
	return u, all.weight >= firstSteps
}

// variance is that of all times, held to what the rule states.
func (h *habit) variance(p priors) float64 {
	return mix(float64(h.all.spread), float64(h.all.weight), p.spread*p.spread, priorSteps)
}

// mix is the mean of two variances, the first given as a spread.
func mix(spread, weight, variance, worth float64) float64 {
	return (weight*spread*spread + worth*variance) / (weight + worth)
}

// learn takes in the value of a step. share is how much it counts, 0 to 1.
func (h *habit) learn(value float64, hour int, p priors, share float64) {
	e := &h.hours[hour]
	expected, _ := h.expect(hour, p)
	if h.all.weight == 0 {
		expected.level = value
	}
	n := float64(e.weight)
	within := math.Sqrt(mix(float64(e.spread), n, h.variance(p), spreadShrink))
	residual := value - expected.level
	if h.all.weight < firstSteps {
		h.all.move(value-float64(h.all.level), residual, math.Inf(1), allMemory, share)
	} else {
		h.all.move(value-float64(h.all.level), residual, clipAt*math.Hypot(within, p.swing), allMemory, share)
	}
	clip := clipAt * within
	if n < firstSteps { // the first hour of its kind is what it is
		clip = math.Inf(1)
	}
	e.move(value-float64(e.level), clamp(residual, clipAt*expected.spread), clip, hourMemory, share)
}

// move takes in how far a value was from the level, and from what was expected.
func (e *estimate) move(fromLevel, residual, clip, memory, share float64) {
	gain := share / math.Min(float64(e.weight)+1, memory)
	e.level += float32(gain * clamp(fromLevel, clip))
	second := clamp(residual, clip)
	square := second * second * consistent
	e.spread = float32(math.Sqrt((1-gain)*float64(e.spread)*float64(e.spread) + gain*square))
	e.weight = float32(math.Min(float64(e.weight)+share, memory))
}

func clamp(x, most float64) float64 { return math.Max(-most, math.Min(x, most)) }

// habitBytes is the length of a packed habit.
const habitBytes = (habitHours + 1) * 12

// pack writes a habit for a note.
func (h *habit) pack() []byte {
	b := make([]byte, 0, habitBytes)
	put := func(e *estimate) {
		for _, v := range [...]float32{e.level, e.spread, e.weight} {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
	}
	put(&h.all)
	for i := range h.hours {
		put(&h.hours[i])
	}
	return b
}

// unpackHabit reads what pack wrote.
func unpackHabit(b []byte) (*habit, error) {
	if len(b) != habitBytes {
		return nil, errors.New("a saved habit is of another length")
	}
	next := func() float32 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b))
		b = b[4:]
		return v
	}
	h := &habit{}
	read := func(e *estimate) { e.level, e.spread, e.weight = next(), next(), next() }
	read(&h.all)
	for i := range h.hours {
		read(&h.hours[i])
	}
	return h, nil
}
