package tree

import (
	"math"
	"regexp"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// latest is the end of the times that a message may state: those that RFC 3339
// can write. They begin after the zero time, which programs write for none.
var latest = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// Plausible reports whether a message may state t at all.
func Plausible(t time.Time) bool { return t.After(time.Time{}) && t.Before(latest) }

var rfc3339 = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):?[0-5][0-9])$`)

// RFC3339 reads a time with its offset, rounded down to whole microseconds, in
// UTC. A space for the T, lower case, and an offset without its colon are
// accepted, since devices write them.
func RFC3339(s string) (time.Time, bool) {
	if len(s) > 64 || !rfc3339.MatchString(s) {
		return time.Time{}, false
	}
	s = strings.ToUpper(strings.Replace(s, " ", "T", 1))
	if n := len(s); s[n-1] != 'Z' && s[n-3] != ':' {
		s = s[:n-2] + ":" + s[n-2:]
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, false
	}
	t = Micros(t)
	return t, Plausible(t)
}

// Micros returns t in UTC, rounded down to whole microseconds.
func Micros(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// EpochSeconds reads seconds since 1970 with a fraction, to the nearest
// microsecond: a float64 of today's seconds has no more than that.
func EpochSeconds(seconds float64) (time.Time, bool) {
	return epoch(seconds * 1e6)
}

// Epoch reads a count of units since 1970, to the nearest microsecond.
func Epoch(count float64, unit time.Duration) (time.Time, bool) {
	return epoch(count * (float64(unit) / float64(time.Microsecond)))
}

func epoch(micros float64) (time.Time, bool) {
	if math.IsNaN(micros) || math.Abs(micros) > 1e18 {
		return time.Time{}, false
	}
	t := time.UnixMicro(int64(math.Round(micros))).UTC()
	return t, Plausible(t)
}

// Coordinates returns a position in degrees, or why it is none.
func Coordinates(lat, lon float64, datum sensors.Datum) (sensors.Position, *Problem) {
	if !(math.Abs(lat) <= 90) || !(math.Abs(lon) <= 180) {
		return sensors.Position{}, Problemf(sensors.ReasonBadPosition, "lat %v, lon %v is not on Earth", lat, lon)
	}
	return sensors.Position{LatDegrees: lat, LonDegrees: lon, Datum: datum}, nil
}

// DeviceID joins names into the name of a device. The characters '/', '+' and
// '#', which no device name may have, become '.'.
func DeviceID(names ...string) (sensors.DeviceID, *Problem) {
	id := strings.Map(func(r rune) rune {
		if r == '/' || r == '+' || r == '#' {
			return '.'
		}
		return r
	}, strings.Join(names, ""))
	if !sensors.ValidDeviceID(id) {
		return "", Problemf(sensors.ReasonBadDevice, "%.80q cannot name a device", id)
	}
	return sensors.DeviceID(id), nil
}

// ID returns s when it can be an [sensors.Observation] ID, and otherwise why
// not.
func ID(s string) (string, *Problem) {
	if s == "" {
		return "", Problemf(sensors.ReasonBadField, "id is empty")
	}
	if len(s) > sensors.MaxIDBytes {
		return "", Problemf(sensors.ReasonTooLarge, "id has %d bytes, limit %d", len(s), sensors.MaxIDBytes)
	}
	return s, nil
}

// Note returns text for [sensors.Health]: UTF-8, cut to 256 bytes at a rune.
func Note(text string) string {
	const limit = 256
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= limit {
		return text
	}
	cut := limit
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut]
}
