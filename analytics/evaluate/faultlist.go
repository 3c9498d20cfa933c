package evaluate

import (
	"fmt"
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/sensors"
)

// faults are what `urbangrid evaluate` breaks.
func faults() []fault {
	return []fault{
		{name: "dropout_known", rings: 2, lasts: 6 * time.Hour, after: settle, inDetector: dropout(true),
			says: "19 cells fall silent for 6 h and return; the detector is told what is watched"},
		{name: "dropout_unknown", rings: 2, lasts: 6 * time.Hour, after: settle, inDetector: dropout(false),
			says: "19 cells fall silent for 6 h and return; the detector is told nothing"},
		{name: "duplicate_burst", rings: 1, lasts: 2 * time.Hour, after: settle, inEngine: duplicates,
			says: "7 devices send each message 20 times within 10 min, for 2 h"},
		{name: "clock_skew", rings: 2, lasts: settle, after: settle, inEngine: skew,
			says: "19 devices have clocks that are 10 h or 40 min behind, 3 min, 5 min less a second or 2 h ahead, or stand still, for 6 h"},
		{name: "stuck_sensor_fast", rings: 0, lasts: 2 * time.Hour, after: settle, inEngine: stuck(30*time.Second, 0),
			says: "one device says the same every 30 s for 2 h, each time as a new event"},
		{name: "stuck_sensor_slow", rings: 0, lasts: settle, after: settle, inEngine: stuck(5*time.Minute, 0),
			says: "one device says the same every 5 min for 6 h, each time as a new event"},
		{name: "stuck_sensor_uneven", rings: 0, lasts: settle, after: settle, inEngine: stuck(4*time.Minute, 4*time.Second),
			says: "one device says the same every 4 min, give or take 4 s, for 6 h, each time as a new event"},
		{name: "holiday_known", rings: -1, lasts: 24 * time.Hour, after: settle, midnight: true, inDetector: holiday(true),
			says: "a working day has the rhythm of a Sunday; the calendar knows it"},
		{name: "holiday_unknown", rings: -1, lasts: 24 * time.Hour, after: settle, midnight: true, inDetector: holiday(false),
			says: "a working day has the rhythm of a Sunday; the calendar does not know it"},
	}
}

// dropout silences cells.
func dropout(known bool) func(*run, *site) {
	return func(r *run, s *site) {
		r.play.silent = func(cell int, at time.Time) bool { return s.faulty(cell) && s.during(at) }
		if !known {
			return
		}
		told := 1.0
		r.minute = func(d *hotspot.Detector, at time.Time) {
			share := 1.0
			if s.during(at) {
				share = 0
			}
			if share != told {
				covered(d, s, share)
				told = share
			}
		}
	}
}

// holiday lets a day be lived like a Sunday.
func holiday(known bool) func(*run, *site) {
	return func(r *run, s *site) {
		slot := func(at time.Time) int {
			if s.during(at) {
				return 6*24 + at.UTC().Hour()
			}
			return hourOfWeek(at.UTC())
		}
		r.play.slot = slot
		if known {
			r.detector.Slot = slot
		}
	}
}

// duplicates sends each message of the faulty devices again and again.
func duplicates(s *site, messages []Message) []Message {
	const times, within = 20, 10 * time.Minute
	devices := s.devices()
	for _, m := range messages {
		if !s.during(m.At) || !slices.Contains(devices, m.Device) {
			continue
		}
		for i := range times - 1 {
			again := m
			again.Received = m.Received.Add(within * time.Duration(i+1) / times)
			messages = append(messages, again)
		}
	}
	return messages
}

// skew gives each faulty device a clock that is wrong in a way of its own.
func skew(s *site, messages []Message) []Message {
	ahead := []time.Duration{-10 * time.Hour, -40 * time.Minute, 3 * time.Minute, 5*time.Minute - time.Second, 2 * time.Hour}
	devices := s.devices()
	for i := range messages {
		m := &messages[i]
		n := slices.Index(devices, m.Device)
		if n < 0 || !s.during(m.At) {
			continue
		}
		if n %= len(ahead) + 1; n < len(ahead) {
			m.At = m.At.Add(ahead[n])
		} else {
			m.At = s.start
		}
		if m.ID != "" {
			m.ID = fmt.Sprintf("%s-%d", m.ID, n)
		}
	}
	return messages
}

// stuck lets one device repeat itself, each time up to so much early or late.
func stuck(every, uneven time.Duration) func(*site, []Message) []Message {
	return func(s *site, messages []Message) []Message {
		point, err := s.town.lattice.Cells()[s.center].Center()
		if err != nil {
			return messages // a cell of a lattice has a center
		}
		rng := s.town.random(streamFault, int(s.start.Unix()))
		for due := s.start; due.Before(s.end); due = due.Add(every) {
			at := due.Add(time.Duration(rng.Int64N(int64(2*uneven)+1)) - uneven)
			messages = append(messages, Message{Device: deviceOf(s.center), Kind: benchKind,
				ID: fmt.Sprintf("stuck-%d", at.UnixMicro()), At: at, Received: at.Add(transit), Point: point})
		}
		return messages
	}
}

func (s *site) devices() []sensors.DeviceID {
	var all []sensors.DeviceID
	for _, c := range s.cells {
		all = append(all, deviceOf(c))
	}
	return all
}
