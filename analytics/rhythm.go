package analytics

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

const (
	beats       = 16 // events whose times are kept
	runOf       = 5  // events that make a run
	regularOf   = 8  // events that the evenness of gaps is of, at most
	rhythmHours = 6  // that are counted by the minute: the longest window of a hotspot
	hourMicros  = 60 * minuteMicros
	rhythmSpan  = rhythmHours * 60

	// clockwork is the coefficient of variation of the gaps between events below
	// which no city makes them: it is 1 for events by chance.
	clockwork = 0.2
	// instant is the time for a run that is no time at all: one event, many times.
	instant = int64(4 * time.Second / time.Microsecond)
	// clockworkTimes and aloneTimes are how many times faster than ever a device must
	// be to be at fault, with the one evidence and with the other.
	clockworkTimes = 4
	aloneTimes     = 10
	// mostOfAll is the share of a hotspot's events that makes it one device's.
	mostOfAll = 0.9
	// aloneChance is how improbable it must be that the others see so little.
	aloneChance = 1e-3
	// leastEvents and leastDays are how much a device must have shown before it is
	// held against what it has ever shown.
	leastEvents = 20
	leastLife   = 24 * hourMicros
	// ofNature is how many hours as regular as a clock on a device's first day say that
	// it is meant to be: four gaps are as even by chance once in eighty times.
	ofNature = 2
	// heardLately is the time in which a device has been heard of that can contradict.
	heardLately = 7 * 24 * hourMicros
)

// rhythm is how a device sends its events.
type rhythm struct {
	Newest [beats]beat // events, ascending
	Kept   int         // of Newest
	Same   int         // of those, the newest that are alike
	Clock  *clock      // that it ticks by, nil for none

	First   int64 // time of the first event
	Events  int64
	Fastest int64 // least time that a run took in the hours before this one; 0 for none
	Regular int64 // hours before this one with a run as regular as a clock

	Hour        int64
	HourFastest int64
	HourRegular bool

	Minute  int64             // the newest that is counted
	Minutes [rhythmSpan]uint8 // events by the minute, at minute modulo rhythmSpan
}

// beat takes in an event, and returns the times of the events that are to be kept from
// the city from now on, and of those that are not any more.
func (d *sender) beat(o *grid.Placed, at int64) (taken, freed []int64) {
	if d.rhythm == nil {
		d.rhythm = &rhythm{First: at, Hour: at / hourMicros, Minute: at / minuteMicros}
	}
	r := d.rhythm
	if !r.add(beat{at, likeness(o)}) {
		return nil, nil
	}
	taken, freed = r.tick(o.Cell)
	r.withhold(taken, freed)
	return taken, freed
}

// add counts an event. It reports false for one that is late: its place in the run is
// not known.
func (r *rhythm) add(b beat) bool {
	r.count(b.At / minuteMicros)
	r.Events++
	if r.Kept > 0 && b.At < r.Newest[r.Kept-1].At {
		return false
	}
	if hour := b.At / hourMicros; hour > r.Hour {
		r.endHour()
		r.Hour = hour
	}
	if r.Kept > 0 && b.Like != r.Newest[r.Kept-1].Like {
		r.Same = 0
	}
	if r.Kept == beats {
		copy(r.Newest[:], r.Newest[1:])
		r.Kept--
	}
	r.Newest[r.Kept] = b
	r.Kept++
	r.Same = min(r.Same+1, r.Kept)
	if r.Kept < runOf {
		return true
	}
	if took := r.took(); r.HourFastest == 0 || took < r.HourFastest {
		r.HourFastest = max(took, 1)
	}
	r.HourRegular = r.HourRegular || r.regular()
	return true
}

// endHour makes the hour part of what the device has ever shown. One as regular as
// a clock, of a device that never was on its first day or since, is not what it can
// do, but what is to be judged.
func (r *rhythm) endHour() {
	odd := r.HourRegular && r.Regular < ofNature && r.Hour*hourMicros-r.First >= leastLife
	if !odd {
		if r.HourFastest > 0 && (r.Fastest == 0 || r.HourFastest < r.Fastest) {
			r.Fastest = r.HourFastest
		}
		if r.HourRegular {
			r.Regular++
		}
	}
	r.HourFastest, r.HourRegular = 0, false
}

func (r *rhythm) count(minute int64) {
	if minute <= r.Minute-rhythmSpan {
		return
	}
	for m := max(r.Minute+1, minute-rhythmSpan+1); m <= minute; m++ {
		r.Minutes[m%rhythmSpan] = 0
	}
	r.Minute = max(r.Minute, minute)
	if n := &r.Minutes[minute%rhythmSpan]; *n < math.MaxUint8 {
		*n++
	}
}

// between returns the events of the minutes from..to, both included.
func (r *rhythm) between(from, to int64) (n int) {
	for m := max(from, r.Minute-rhythmSpan+1); m <= min(to, r.Minute); m++ {
		n += int(r.Minutes[m%rhythmSpan])
	}
	return n
}

// withhold takes the events at some times out of what is counted by the minute, and
// others in again.
func (r *rhythm) withhold(taken, freed []int64) {
	for _, at := range taken {
		if n := r.counted(at); n != nil && *n > 0 {
			*n--
		}
	}
	for _, at := range freed {
		if n := r.counted(at); n != nil && *n < math.MaxUint8 {
			*n++
		}
	}
}

// counted is how many events the minute of a time has, nil when it is too old.
func (r *rhythm) counted(at int64) *uint8 {
	minute := at / minuteMicros
	if minute <= r.Minute-rhythmSpan || minute > r.Minute {
		return nil
	}
	return &r.Minutes[minute%rhythmSpan]
}

// took is the time that the newest runOf events took.
func (r *rhythm) took() int64 { return r.Newest[r.Kept-1].At - r.Newest[r.Kept-runOf].At }

// regular reports whether the newest events are alike and come as a clock ticks, or
// all at once.
func (r *rhythm) regular() bool {
	if r.Kept < runOf || r.Same < runOf {
		return false
	}
	if r.took() < instant {
		return true
	}
	last := r.Kept - 1
	from := max(r.Kept-min(r.Same, regularOf), 0)
	n, mean := float64(last-from), float64(r.Newest[last].At-r.Newest[from].At)/float64(last-from)
	squares := 0.0
	for i := from + 1; i <= last; i++ {
		gap := float64(r.Newest[i].At-r.Newest[i-1].At) - mean
		squares += gap * gap
	}
	return math.Sqrt(squares/(n-1)) < clockwork*mean
}

// rate is events a microsecond, over the life of the device.
func (r *rhythm) rate() float64 {
	return float64(r.Events) / math.Max(float64(r.Minute*minuteMicros-r.First), float64(hourMicros))
}

// suspect returns the device that makes a hotspot by itself and is likely at fault,
// nil when the hotspot is the city's. A device of which little is known is believed.
func (s *secondary) suspect(h *hotspot.Hotspot) *sender {
	if h.Whole || s.outlier == nil {
		return nil
	}
	to := h.At.UnixMicro()/minuteMicros - 1
	from := to + 1 - int64(h.Window/time.Minute)
	var top *sender
	most := 0
	var around []*sender
	for _, c := range h.Cells {
		p := s.places[c]
		if p == nil {
			continue
		}
		for _, d := range p.members {
			if d.rhythm == nil {
				continue
			}
			around = append(around, d)
			if n := d.rhythm.between(from, to); n > most {
				top, most = d, n
			}
		}
	}
	if top == nil || float64(most) < mostOfAll*h.Count {
		return nil
	}
	r := top.rhythm
	if r.Events < leastEvents || h.At.UnixMicro()-r.First < leastLife || r.Fastest == 0 || r.HourFastest == 0 {
		return nil
	}
	byClock := r.Regular < ofNature && r.HourRegular && r.HourFastest*clockworkTimes <= r.Fastest
	alone := r.HourFastest*aloneTimes <= r.Fastest && contradicted(top, around, most, h)
	if byClock || alone {
		return top
	}
	return nil
}

// contradicted reports whether the other devices of the place see too little of what
// the top one sees: by how much each usually sends, they would have their part of it.
func contradicted(top *sender, around []*sender, most int, h *hotspot.Hotspot) bool {
	others := 0.0
	for _, d := range around {
		if d != top && h.At.UnixMicro()-d.rhythm.Minute*minuteMicros < heardLately {
			others += d.rhythm.rate()
		}
	}
	share := others / (others + top.rhythm.rate())
	theirs := max(int(math.Round(h.Count))-most, 0)
	return binomialHead(theirs, most+theirs, share) < aloneChance
}

// binomialHead is the probability of at most k successes among n.
func binomialHead(k, n int, p float64) float64 {
	if p <= 0 {
		return 1
	}
	sum, term := 0.0, math.Pow(1-p, float64(n))
	for i := 0; i <= k; i++ {
		sum += term
		term *= float64(n-i) / float64(i+1) * p / (1 - p)
	}
	return sum
}

// explainFaulty says why what would be a hotspot is not one.
func (s *secondary) explainFaulty(h *hotspot.Hotspot, id sensors.DeviceID, area sensors.Names) sensors.Names {
	r, window := s.outlier, duration(h.Window)
	unit := s.kind.UnitLabel
	return sensors.Names{
		ZH: fmt.Sprintf("%s：设备 %s%s %s内独自上报%s %s，通常 %s，快于以往且规律如钟或无旁证；可能故障，不是热点。", r.Names.ZH, id, area.ZH,
			window.ZH, s.kind.Names.ZH, quantity(h.Count, unit.ZH), number(h.Expected)),
		EN: fmt.Sprintf("%s: device %s%s alone sends %s within %s where %s are usual, faster than it ever has, and as regularly as a clock or while others of the place see nothing. It is likely at fault; this is no hotspot.",
			r.Names.EN, id, area.EN, quantity(h.Count, unit.EN), window.EN, number(h.Expected)),
	}
}

// sorted is the cells of a place map in ascending order, for what must not depend on
// the order of a map.
func (s *secondary) sorted() []*sender {
	all := make([]*sender, 0, len(s.senders))
	for _, d := range s.senders {
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b *sender) int {
		if a.id < b.id {
			return -1
		}
		return 1
	})
	return all
}
