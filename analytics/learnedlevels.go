package analytics

import (
	"math"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// normalTail is how many standard deviations from the mean a tenth lies beyond.
const normalTail = 1.2815515655446004

// settledHabit is the habit of a place, and how much it counts among others.
type settledHabit struct {
	*habit
	devices float64
}

// learned tells the level and the spread of steps.
func (r *baselineRule) learned(q LearnedRequest) Learned {
	known := Learned{Rule: r.Name, Habits: DayHabits, Full: allMemory * stepLength}
	habits, heard := r.habitsWithin(q.Cell)
	var longest float64
	for _, h := range habits {
		known.Observations += float64(h.all.weight)
		longest = max(longest, float64(h.all.weight))
	}
	known.For, known.Cells = time.Duration(longest*float64(stepLength)), len(habits)
	habits = wellKnown(habits)
	switch {
	case !heard:
		known.Why = NeverHeard
	case len(habits) == 0:
		known.Why = TooSoon
	default:
		known.Cells = len(habits)
		known.Windows = r.levelWindows(q, habits)
	}
	return known
}

// habitsWithin returns what is known of the cells within one, and whether any device
// has spoken there.
func (r *baselineRule) habitsWithin(within grid.Cell) (habits []settledHabit, heard bool) {
	if within.Resolution() == grid.Resolution {
		if h := r.habitAt(within); h != nil {
			habits = append(habits, settledHabit{h, 1})
		}
		return habits, r.places[within] != nil
	}
	for c, p := range r.places {
		if len(p.members) == 0 || !c.Within(within) {
			continue
		}
		heard = true
		if h := r.habitAt(c); h != nil {
			habits = append(habits, settledHabit{h, float64(len(p.members))})
		}
	}
	return habits, heard
}

func wellKnown(habits []settledHabit) (known []settledHabit) {
	for _, h := range habits {
		if h.all.weight >= firstSteps {
			known = append(known, h)
		}
	}
	return known
}

// levelWindows sets windows by the hour that each is in.
func (r *baselineRule) levelWindows(q LearnedRequest, habits []settledHabit) []LearnedWindow {
	var hours [habitHours]*usual
	windows := make([]LearnedWindow, q.Windows)
	low, high := r.kind.Range[0], r.kind.Range[1]
	for i := range windows {
		begin := q.begin(i)
		hour := habitHour(r.study.hourOfWeek(begin))
		if hours[hour] == nil {
			hours[hour] = r.meanUsual(habits, hour)
		}
		u := hours[hour]
		windows[i] = LearnedWindow{Begin: begin, Low: math.Max(low, u.level-normalTail*u.spread), Expected: u.level, High: math.Min(high, u.level+normalTail*u.spread)}
	}
	return windows
}

// meanUsual is what is usual in an hour of habits together.
func (r *baselineRule) meanUsual(habits []settledHabit, hour int) *usual {
	var all usual
	devices := 0.0
	for _, h := range habits {
		u, _ := h.expect(hour, r.priors)
		all.level += h.devices * u.level
		all.spread += h.devices * u.spread
		devices += h.devices
	}
	all.level /= devices
	all.spread /= devices
	return &all
}
