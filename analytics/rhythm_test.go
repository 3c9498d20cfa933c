package analytics

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// camera is a device that has been heard of for days and sees events by chance, so
// many an hour.
type camera struct {
	sender
	rng     *rand.Rand
	at      int64 // of its newest event
	perHour float64
	held    map[int64]bool // its events that the city is not told of
}

func knownCamera(seed uint64, perHour float64) *camera {
	c := &camera{rng: rand.New(rand.NewPCG(seed, 1)), perHour: 1, held: make(map[int64]bool)}
	for c.at < 3*leastLife {
		c.see(c.next())
	}
	c.perHour = perHour
	return c
}

// next draws when the camera sees its next event.
func (c *camera) next() int64 {
	return c.at + 1 + int64(c.rng.ExpFloat64()/c.perHour*float64(hourMicros))
}

func (c *camera) see(at int64) {
	c.at = at
	if k := c.clock(); k != nil && k.overdue(at-underWay) { // as the engine looks every minute
		freed := c.rhythm.stop()
		c.rhythm.withhold(nil, freed)
		c.let(freed)
	}
	taken, freed := c.beat(&grid.Placed{}, at)
	for _, t := range taken {
		c.held[t] = true
	}
	c.let(freed)
}

func (c *camera) let(freed []int64) {
	for _, t := range freed {
		delete(c.held, t)
	}
}

func (c *camera) clock() *clock {
	if c.rhythm == nil {
		return nil
	}
	return c.rhythm.Clock
}

// TestClock_EventsByChanceAreTheCitys bounds what it costs a lone camera that chance
// can look like a clock: how many of its events come late, by how much, and that
// hardly any is lost.
func TestClock_EventsByChanceAreTheCitys(t *testing.T) {
	events, late, lost := 0, 0, 0
	for seed := range uint64(200) {
		c := knownCamera(seed, 12)
		since := c.at
		for c.at < since+12*hourMicros {
			before := len(c.held)
			c.see(c.next())
			events++
			late += max(len(c.held)-before, 0)
			if k := c.clock(); k != nil && !k.sure() && c.at-k.Last > k.Period+k.slack()+underWay+hourMicros {
				t.Errorf("seed %d: a clock of %v is waited for %v after its last beat", seed, k.Period, c.at-k.Last)
			}
			if k := c.clock(); k != nil && k.sure() {
				lost++
			}
		}
	}
	share := float64(late) / float64(events)
	t.Logf("%d events: %.2f %% were held back for a while, %d were lost", events, 100*share, lost)
	if share > 0.06 || lost > 0 {
		t.Errorf("of %d events %.2f %% were held back and %d lost, want at most 6 %% and none", events, 100*share, lost)
	}
}

// TestClock_ADeviceThatRepeatsItselfIsHeldBackFromTheFourthBeat lets a camera go on
// seeing what it sees while it repeats itself, more or less exactly.
func TestClock_ADeviceThatRepeatsItselfIsHeldBackFromTheFourthBeat(t *testing.T) {
	for _, test := range []struct {
		name    string
		every   time.Duration
		jitter  float64 // of the period, to either side
		perHour float64 // events by chance besides
		beats   int     // after which it is to be certain
	}{
		{"every 30 seconds", 30 * time.Second, 0, 2, 9},
		{"every 5 minutes", 5 * time.Minute, 0, 1, 12},
		{"every 5 minutes, give or take 4 seconds", 5 * time.Minute, 4.0 / 300, 1, 12},
		{"every 20 minutes", 20 * time.Minute, 0, 0.5, 12},
	} {
		t.Run(test.name, func(t *testing.T) {
			for seed := range uint64(20) {
				c := knownCamera(seed, test.perHour)
				period := int64(test.every / time.Microsecond)
				start, seen := c.at+hourMicros, c.next()
				for i := range int64(20) {
					beat := start + i*period + int64(test.jitter*(2*c.rng.Float64()-1)*float64(period))
					for ; seen < beat; seen = c.next() {
						c.see(seen)
					}
					c.see(beat)
					if k := c.clock(); i+1 == int64(test.beats) && (k == nil || !k.sure()) {
						t.Errorf("seed %d: not certain after %d beats: %+v", seed, test.beats, k)
					}
				}
				if beats := len(c.held); beats < 20 {
					t.Errorf("seed %d: the city is told of %d of 20 beats", seed, 20-beats)
				}
			}
		})
	}
}

// TestClock_ADeviceThatRepeatsItselfUnevenlyIsHeldBackFromTheFifthBeat lets beats be
// early and late, so that the gap between two of them tells little of the period.
func TestClock_ADeviceThatRepeatsItselfUnevenlyIsHeldBackFromTheFifthBeat(t *testing.T) {
	const period = 4 * minuteMicros
	for name, seconds := range map[string][]float64{
		"in turn":        {4, -4, 4, -4, 4},
		"as drawn once":  {-2.242, -1.201, 3.433, -2.961, 1.602},
		"as drawn again": {-1.819, 2.764, -2.049, 3.556, -3.290},
	} {
		c := knownCamera(7, 1)
		c.held = make(map[int64]bool)
		start := c.at + 2*hourMicros
		for i, late := range seconds {
			c.see(start + int64(i)*period + int64(late*1e6))
		}
		if len(c.held) != 5 {
			t.Errorf("%s: %d of five beats are held back", name, len(c.held))
		}
	}
	told := 0
	for seed := range uint64(200) {
		c := knownCamera(seed, 0)
		c.held = make(map[int64]bool)
		start := c.at + 2*hourMicros
		for i := range int64(5) {
			c.see(start + i*period + int64(8e6*c.rng.Float64()) - 4e6)
		}
		if len(c.held) == 0 {
			told++
		}
	}
	if told > 1 {
		t.Errorf("the city is told of five beats of %d of 200 devices, want at most 1", told)
	}
}

// TestClock_ABetterClockHoldsBackWhatItHasOfTheOneBefore lets a beat be so late that the
// clock is found anew with it.
func TestClock_ABetterClockHoldsBackWhatItHasOfTheOneBefore(t *testing.T) {
	c := knownCamera(7, 1)
	c.held = make(map[int64]bool)
	at := c.at + 2*hourMicros
	c.see(at)
	first := at / minuteMicros
	for _, gap := range []float64{236, 236, 236, 245.6} {
		at += int64(gap * 1e6)
		c.see(at)
	}
	if len(c.held) != 5 {
		t.Errorf("%d of five beats are held back", len(c.held))
	}
	if n := c.rhythm.between(first, at/minuteMicros); n != 0 {
		t.Errorf("the device has %d events of those minutes, want none", n)
	}
}

// TestClock_WhatIsMeantToBeRegularIsBelieved lets a device report every five minutes
// from its first day on.
func TestClock_WhatIsMeantToBeRegularIsBelieved(t *testing.T) {
	var d sender
	for at := int64(0); at < 4*leastLife; at += 5 * minuteMicros {
		if taken, _ := d.beat(&grid.Placed{}, at); len(taken) > 0 {
			t.Fatalf("after %v its events are held back", time.Duration(at)*time.Microsecond)
		}
	}
}

// TestClock_GivesBackWhatWasNoClocks lets a clock end before it is certain.
func TestClock_GivesBackWhatWasNoClocks(t *testing.T) {
	c := knownCamera(7, 1)
	c.held = make(map[int64]bool)
	start := c.at + 2*hourMicros
	for i := range int64(5) {
		c.see(start + i*5*minuteMicros)
	}
	if len(c.held) < 4 {
		t.Fatalf("%d of five beats are held back", len(c.held))
	}
	c.see(start + 27*minuteMicros)
	if len(c.held) != 0 {
		t.Errorf("%d events are held back after the clock has missed a beat", len(c.held))
	}
	if n := c.rhythm.between(start/minuteMicros, start/minuteMicros+30); n != 6 {
		t.Errorf("the device has %d events of those minutes, want 6", n)
	}
}
