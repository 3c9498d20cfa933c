package store

import (
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// Forever is a retention without end.
const Forever time.Duration = -1

// Retention is for how long a Series keeps what. The zero Retention is the
// default of each field; Forever, or anything negative, is without end.
type Retention struct {
	Raw     time.Duration // observations and roll-ups of ten seconds; 0 means 30 days
	Minutes time.Duration // roll-ups of one minute; 0 means 90 days
	Hours   time.Duration // roll-ups of one hour; 0 means three years (1,095 days)
	Days    time.Duration // roll-ups of one calendar day; 0 means ten years (3,650 days)
}

const day = 24 * time.Hour

// KeepForever keeps everything.
var KeepForever = Retention{Raw: Forever, Minutes: Forever, Hours: Forever, Days: Forever}

// WithDefaults returns r with the defaults in place of zeros and Forever in
// place of anything negative. A roll-up is kept no shorter than what it is made
// from, so that a question for a longer time is answered by a coarser span.
func (r Retention) WithDefaults() Retention {
	for _, f := range []struct {
		v        *time.Duration
		fallback time.Duration
	}{{&r.Raw, 30 * day}, {&r.Minutes, 90 * day}, {&r.Hours, 3 * 365 * day}, {&r.Days, 10 * 365 * day}} {
		switch {
		case *f.v == 0:
			*f.v = f.fallback
		case *f.v < 0:
			*f.v = Forever
		}
	}
	r.Minutes = longer(r.Raw, r.Minutes)
	r.Hours = longer(r.Minutes, r.Hours)
	r.Days = longer(r.Hours, r.Days)
	return r
}

func longer(a, b time.Duration) time.Duration {
	if a == Forever || b == Forever {
		return Forever
	}
	return max(a, b)
}

// Of returns how long roll-ups of the span are kept, of a Retention with its
// defaults.
func (r Retention) Of(s grid.Span) time.Duration {
	switch s {
	case grid.OneDay:
		return r.Days
	case grid.OneHour:
		return r.Hours
	case grid.OneMinute:
		return r.Minutes
	}
	return r.Raw
}

// Usage is what a Series holds and takes.
type Usage struct {
	Bytes        int64     // of the medium, roll-ups included; -1 when the backend does not tell
	Observations int64     // raw ones
	Oldest       time.Time // At of the oldest observation, zero when there is none
	Newest       time.Time // At of the newest observation, zero when there is none
	Reusable     int64     // of Bytes, what deletion has freed for new data
	Retention    Retention // what holds, with defaults
	Note         string    // what could not be found out and why, "" when all could
}

// BytesPerObservation returns what an observation takes with its share of the
// roll-ups, and false when that is not known.
func (u Usage) BytesPerObservation() (float64, bool) {
	if u.Bytes < 0 || u.Observations == 0 {
		return 0, false
	}
	return float64(u.Bytes-u.Reusable) / float64(u.Observations), true
}

// DaysLeft returns after how many days free bytes are used up when a day brings
// so many observations. It returns false when they never are, because as much
// is deleted as comes, or when that is not known.
func (u Usage) DaysLeft(free int64, observationsPerDay float64) (float64, bool) {
	each, ok := u.BytesPerObservation()
	if !ok || observationsPerDay <= 0 {
		return 0, false
	}
	free += u.Reusable
	days := float64(free) / (each * observationsPerDay)
	if raw := u.Retention.Raw; raw > 0 {
		// From the day on which the oldest observation is as old as the retention,
		// what is deleted makes room for what comes.
		until := max(0, (raw-u.Newest.Sub(u.Oldest)).Hours()/24)
		if days >= until {
			return 0, false
		}
	}
	return days, true
}
