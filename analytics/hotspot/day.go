package hotspot

import (
	"math"
	"time"
)

// A day may run by the habits of another sort of day than the calendar says: a holiday
// that it does not know, or a day at a weekend that is worked. That is nothing that
// happens in the city, though all of its cells show it.
//
// What the whole area has had since midnight, hour by hour, is therefore held against
// both habits: the log likelihood ratio of the other sort of day and the day's own. On
// an ordinary day a likelihood ratio ever exceeds x with a probability of at most 1/x
// (Ville 1939), so that one such day in a thousand is mistaken, and only until its
// later hours speak for its own habits again. An incident that is everywhere is no
// more like one sort of day than like the other, unless it begins soon after midnight
// and is about as strong as a day off is livelier then; it is told when the morning,
// which a day off begins late, shows it.
const (
	otherDay = 6.9 // log likelihood ratio from which a day is of the other sort
	ownDay   = 0   // and below which it is not any more
	// fitting is how many standard deviations the day's total may be from what the
	// other habits say.
	fitting = 3

	wednesday, sunday = 2, 6 // days whose habits are those of working days and days off
	dayHours          = 24
)

// borrowed are hours that go by the habits of another day of the week.
type borrowed struct {
	From, To int64 // hours since the Unix epoch, To is not one of them
	Day      int   // 0 is Monday
}

// hourEvents is what the whole area had in an hour since the Unix epoch.
type hourEvents struct {
	Hour int64
	N    float64
}

// running is the day that is running.
type running struct {
	Hours [dayHours]hourEvents // the newest, at hour modulo dayHours
	now   Day
}

// Day is how the day that is running goes.
type Day struct {
	Begin time.Time
	// Other says that it goes by the habits of another sort of day than its date's.
	Other    bool
	Like     int     // the day of the week whose habits those are, 0 is Monday
	Count    float64 // events of the whole area since Begin
	Usual    float64 // as many as its date's habits say
	Expected float64 // as many as the other habits say
	Odds     float64 // log likelihood ratio of the other habits and the date's
}

// Day tells how the day that is running goes, as of the last step. Before two weeks
// are learned nothing is known of it and Begin is zero.
func (d *Detector) Day() Day { return d.day.now }

// count takes in n events, or with a negative n takes them back.
func (r *running) count(hour int64, n float64) {
	h := &r.Hours[mod(hour, dayHours)]
	if hour > h.Hour {
		*h = hourEvents{Hour: hour}
	}
	if hour == h.Hour {
		h.N = max(h.N+n, 0)
	}
}

func (r *running) in(hour int64) float64 {
	if h := r.Hours[mod(hour, dayHours)]; h.Hour == hour {
		return h.N
	}
	return 0
}

// slotAt returns the hour of the week whose habits hold at a time.
func (d *Detector) slotAt(t time.Time) int {
	slot := d.opts.Slot(t)
	if len(d.borrowed) > 0 {
		hour := t.Unix() / 3600
		for _, b := range d.borrowed {
			if b.From <= hour && hour < b.To {
				return b.Day*dayHours + slot%dayHours
			}
		}
	}
	return slot
}

// judgeDay says by which habits the day goes that the step before end is in.
func (d *Detector) judgeDay(end time.Time) {
	if d.hoursLearned < trustWhole {
		return
	}
	d.day.now = d.weighDay(end)
	day, begin := d.day.now, d.day.now.Begin.Unix()/3600
	is := len(d.borrowed) > 0 && d.borrowed[len(d.borrowed)-1].From == begin
	switch {
	case !is && day.Odds >= otherDay && day.fits(d):
		if len(d.borrowed) == rememberedDays {
			d.borrowed = d.borrowed[1:]
		}
		d.borrowed = append(d.borrowed, borrowed{From: begin, To: begin + dayHours, Day: day.Like})
		is = true
	case is && day.Odds < ownDay:
		d.borrowed = d.borrowed[:len(d.borrowed)-1]
		is = false
	}
	d.day.now.Other = is
}

// rememberedDays is how many days of the other sort are remembered: more than are in
// the longest window or still to be learned.
const rememberedDays = 4

// weighDay holds the day that the step before end is in against both habits.
func (d *Detector) weighDay(end time.Time) Day {
	newest := end.Add(-time.Microsecond)
	slot, hour := d.opts.Slot(newest), newest.Unix()/3600
	begin := hour - int64(slot%dayHours)
	day := Day{Begin: time.Unix(begin*3600, 0).UTC(), Like: sunday}
	if slot/dayHours >= 5 {
		day.Like = wednesday
	}
	for h := begin; h <= hour; h++ {
		share := 1.0
		if h == hour {
			share = end.Sub(time.Unix(hour*3600, 0)).Hours()
		}
		share = max(share-d.missed(time.Unix(h*3600, 0)).Hours(), 0)
		of := int(h - begin)
		n, own, other := d.day.in(h), share*d.areaHour(slot/dayHours*dayHours+of), share*d.areaHour(day.Like*dayHours+of)
		if least := min(own, other); n == 0 && none(least, d.areaExtra(least)) < implausible {
			continue // the line was cut: that is like neither
		}
		day.Count, day.Usual, day.Expected = day.Count+n, day.Usual+own, day.Expected+other
		day.Odds += d.logAreaHour(n, other) - d.logAreaHour(n, own)
	}
	return day
}

// areaHour is what the whole area should have in an hour of the week.
func (d *Detector) areaHour(slot int) (mean float64) {
	for g := range d.area {
		mean += d.area[g].rate * d.expect.profile[g*hoursOfWeek+slot]
	}
	return mean * d.expect.level
}

// areaExtra is the variance of an hour of the whole area beyond its mean.
func (d *Detector) areaExtra(mean float64) float64 {
	return (d.expect.dispersion()-1)*mean + mean*mean*d.expect.cityVariation(0)
}

// logAreaHour is the log likelihood of n events where mean are expected of the whole
// area, without what does not depend on the mean: negative binomial, with the variance
// of hotspots of the whole area.
func (d *Detector) logAreaHour(n, mean float64) float64 {
	if mean <= 0 {
		return 0
	}
	extra := d.areaExtra(mean)
	if extra <= 1e-6*mean {
		return n*math.Log(mean) - mean
	}
	size := mean * mean / extra
	gamma, _ := math.Lgamma(n + size)
	ofSize, _ := math.Lgamma(size)
	return gamma - ofSize + size*math.Log(size/(size+mean)) + n*math.Log(mean/(size+mean))
}

// fits reports whether the other habits explain how many events the day has had.
func (day Day) fits(d *Detector) bool {
	hours := math.Max(d.endOf(d.now).Sub(day.Begin).Hours(), 1)
	each := day.Expected / hours // of an hour, whose variations add up
	variance := day.Expected + hours*d.areaExtra(each)
	return math.Abs(day.Count-day.Expected) <= fitting*math.Sqrt(variance)
}
