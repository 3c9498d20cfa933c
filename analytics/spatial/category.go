package spatial

import "fmt"

// Category is what a place's history of hot and cold steps amounts to, one of the 17
// of ArcGIS' Emerging Hot Spot Analysis. That of a cold spot is the negative of its
// hot twin; the numbers are stable and may be stored.
type Category int8

// The categories. "Hot" is a step that is significant with z above 0; what is said of
// hot spots holds in the mirror for cold ones, where z falls when they intensify.
const (
	NoPattern       Category = 0
	NewHot          Category = 1 // hot at the final step and never before
	ConsecutiveHot  Category = 2 // hot without a gap for the last two steps or more and never before, at less than 90 % of steps
	IntensifyingHot Category = 3 // hot at 90 % of steps and at the final one, z rising
	PersistentHot   Category = 4 // hot at 90 % of steps and at the final one, no trend of z
	DiminishingHot  Category = 5 // hot at 90 % of steps and at the final one, z falling
	SporadicHot     Category = 6 // hot at the final step and on and off before, at less than 90 % of steps, never cold
	OscillatingHot  Category = 7 // hot at the final step, cold at an earlier one, at less than 90 % of steps
	HistoricalHot   Category = 8 // hot at 90 % of steps, but neither hot nor cold at the final one

	NewCold          = -NewHot
	ConsecutiveCold  = -ConsecutiveHot
	IntensifyingCold = -IntensifyingHot
	PersistentCold   = -PersistentHot
	DiminishingCold  = -DiminishingHot
	SporadicCold     = -SporadicHot
	OscillatingCold  = -OscillatingHot
	HistoricalCold   = -HistoricalHot
)

var categoryNames = [...]string{"no_pattern", "new", "consecutive", "intensifying", "persistent", "diminishing", "sporadic", "oscillating", "historical"}

// String returns the name on the wire, such as "new_hot" or "no_pattern".
func (c Category) String() string {
	switch {
	case c == NoPattern:
		return categoryNames[0]
	case c > 0 && int(c) < len(categoryNames):
		return categoryNames[c] + "_hot"
	case c < 0 && int(-c) < len(categoryNames):
		return categoryNames[-c] + "_cold"
	default:
		return fmt.Sprintf("category(%d)", int8(c))
	}
}

// Categorize returns the category of a place: states are those of its steps, oldest
// first, +1 hot, −1 cold and 0 neither; trend is +1 when its z rises significantly, −1
// when it falls and 0 otherwise. No steps have no pattern.
//
// The rules are those of ArcGIS' documentation, exactly one for each history. Where
// its text fits two, the final step decides: one that is cold for the first time after
// hot ones is a new cold spot, not a historical hot one; a new hot spot may have been
// cold before. sporadicEver takes the older text of Sporadic, which does not ask for
// the final step: a place that was hot at some steps, never cold, and is neither now.
func Categorize(states []int8, trend int8, sporadicEver bool) Category {
	if len(states) == 0 {
		return NoPattern
	}
	hot, cold := count(states, 1), count(states, -1)
	switch states[len(states)-1] {
	case 1:
		return now(hot, cold, run(states), len(states), trend)
	case -1:
		return -now(cold, hot, run(states), len(states), -trend)
	}
	switch {
	case mostly(hot, len(states)):
		return HistoricalHot
	case mostly(cold, len(states)):
		return HistoricalCold
	case sporadicEver && hot > 0 && cold == 0:
		return SporadicHot
	case sporadicEver && cold > 0 && hot == 0:
		return SporadicCold
	default:
		return NoPattern
	}
}

// now is the category of a place that is hot at the final step, run steps in a row.
func now(hot, cold, run, steps int, trend int8) Category {
	switch {
	case hot == 1:
		return NewHot
	case mostly(hot, steps) && trend > 0:
		return IntensifyingHot
	case mostly(hot, steps) && trend < 0:
		return DiminishingHot
	case mostly(hot, steps):
		return PersistentHot
	case run == hot:
		return ConsecutiveHot
	case cold > 0:
		return OscillatingHot
	default:
		return SporadicHot
	}
}

// mostly is whether part is at least 90 % of all.
func mostly(part, all int) bool { return 10*part >= 9*all }

func count(states []int8, state int8) int {
	n := 0
	for _, s := range states {
		if s == state {
			n++
		}
	}
	return n
}

// run returns for how many steps the final state has lasted.
func run(states []int8) int {
	n := 0
	for n < len(states) && states[len(states)-1-n] == states[len(states)-1] {
		n++
	}
	return n
}
