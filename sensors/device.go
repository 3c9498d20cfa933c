package sensors

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Device is one entry of the register: what people state about a device, and
// in LastSeen and Condition what it was observed to do.
type Device struct {
	ID          DeviceID
	Name        string
	Position    Position // registered place; the zero Position when it moves or none is known
	Profile     string   // key of the device profile that reads its messages; "" for none
	Kinds       []KindKey
	Owner       string        // who is answerable for it
	Area        string        // responsibility area as stated; "" means the one its place lies in
	Installed   time.Time     // day of installation, midnight UTC; zero when nobody knows
	Maintenance []Maintenance // when what it says is not to be believed
	Interval    time.Duration // longest it is silent when all is well; 0 means that of its kinds
	Tags        []string
	Auto        bool  // entered by itself on its first observation, not by a person
	Version     int64 // grows with every change that people make; 0 for a device that is not in the register

	LastSeen  time.Time // received time of its newest observation, zero when it never spoke
	Condition Condition
}

// Maintenance is a while in which somebody works on a device.
type Maintenance struct {
	From time.Time `json:"from"` // included
	To   time.Time `json:"to"`   // not included
	Note string    `json:"note,omitempty"`
}

// Placement says since when a device is registered at a place.
type Placement struct {
	From     time.Time
	Position Position // the zero Position when its place was taken away
}

// Condition is what is known of a device itself.
type Condition struct {
	FirstSeen      time.Time // zero when it never spoke
	Presence       Presence  // what was said last, by it or about it
	PresenceAt     time.Time
	BatteryPercent *float64
	SignalDBm      *float64
	Reported       Position // where it says that it is
	Note           string   // its last fault in its own words
	NoteAt         time.Time

	Observations int64 // ever taken in
	Bad          int64 // messages and parts of messages that were refused
	Hour         time.Time
	ThisHour     int64 // observations in the hour that begins at Hour
	LastHour     int64 // observations in the hour before
}

// BadShare is the share of what was refused in all that it sent, 0 to 1.
func (c Condition) BadShare() float64 {
	if c.Observations+c.Bad == 0 {
		return 0
	}
	return float64(c.Bad) / float64(c.Observations+c.Bad)
}

// PerMinute estimates how many observations a minute came in the last hour
// before now: those of the hour that has begun, and of the hour before as many
// as its share of the last 60 minutes.
func (c Condition) PerMinute(now time.Time) float64 {
	hour := now.Truncate(time.Hour)
	into := now.Sub(hour)
	this, last := 0.0, 0.0
	switch {
	case c.Hour.IsZero():
	case c.Hour.Equal(hour):
		this, last = float64(c.ThisHour), float64(c.LastHour)
	case c.Hour.Add(time.Hour).Equal(hour):
		last = float64(c.ThisHour)
	}
	over := time.Hour
	if known := now.Sub(c.FirstSeen); !c.FirstSeen.IsZero() && known < over {
		over = max(known, time.Minute)
	}
	return (this + last*(1-float64(into)/float64(time.Hour))) / over.Minutes()
}

// State says whether a device can be counted on.
type State string

// The states of a device.
const (
	StateOnline  State = "online"
	StateOffline State = "offline" // overdue, or said to be gone
	StateSilent  State = "silent"  // never heard of
)

// Overdue is how many intervals a device may be silent before it is offline.
const Overdue = 3

// The intervals of devices that state none. A device of events alone has
// nothing to say while nothing happens, but for a sign of life a day.
const (
	MeasureInterval = time.Hour
	EventInterval   = 24 * time.Hour
)

// ExpectedInterval returns the longest that d is silent when all is well: as
// stated, else by its kinds in catalog, which may be nil.
func (d *Device) ExpectedInterval(catalog *Catalog) time.Duration {
	if d.Interval > 0 {
		return d.Interval
	}
	if len(d.Kinds) == 0 || catalog == nil {
		return MeasureInterval
	}
	for _, key := range d.Kinds {
		if k, ok := catalog.Kind(key); !ok || k.Type == Measure {
			return MeasureInterval
		}
	}
	return EventInterval
}

// Heard returns when d gave its last sign of life, zero for never.
func (d *Device) Heard() time.Time {
	if c := d.Condition; c.Presence == Online && c.PresenceAt.After(d.LastSeen) {
		return c.PresenceAt
	}
	return d.LastSeen
}

// State returns the state of d at now, and for an offline one why: "said" when
// its connection or its network told so, "overdue" when nothing was heard for
// [Overdue] intervals.
func (d *Device) State(now time.Time, catalog *Catalog) (state State, why string) {
	heard := d.Heard()
	switch c := d.Condition; {
	case c.Presence == Offline && !c.PresenceAt.Before(heard):
		return StateOffline, "said"
	case heard.IsZero():
		return StateSilent, ""
	case now.Sub(heard) > Overdue*d.ExpectedInterval(catalog):
		return StateOffline, "overdue"
	}
	return StateOnline, ""
}

// Sends reports whether the register lets d send kind.
func (d *Device) Sends(kind KindKey) bool {
	return len(d.Kinds) == 0 || slices.Contains(d.Kinds, kind)
}

// UnderMaintenance reports whether somebody works on d at t.
func (d *Device) UnderMaintenance(t time.Time) bool {
	return slices.ContainsFunc(d.Maintenance, func(m Maintenance) bool {
		return !t.Before(m.From) && t.Before(m.To)
	})
}

// The bounds of what can be stated about a device.
const (
	MaxDeviceTextBytes   = 200 // name, owner, note
	MaxDeviceKinds       = 100
	MaxDeviceTags        = 50
	MaxDeviceTagBytes    = 64
	MaxDeviceMaintenance = 100
	MaxDeviceInterval    = 366 * 24 * time.Hour
)

// FieldFault is one thing that is wrong with one field.
type FieldFault struct {
	Field  string // as in files and in the API: "id", "place", "kinds", …
	Detail string // for a person
}

func (f FieldFault) Error() string { return f.Field + ": " + f.Detail }

// Faults returns everything that is wrong with what people stated about d, nil
// when nothing is. Kinds are held against catalog unless it is nil.
func (d *Device) Faults(catalog *Catalog) []FieldFault {
	var faults []FieldFault
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldFault{field, fmt.Sprintf(format, args...)})
	}
	if d.ID == "." || d.ID == ".." {
		add("id", "%q is no name: in an address it means another place", d.ID)
	} else if !ValidDeviceID(string(d.ID)) {
		add("id", "an id has 1 to %d bytes of UTF-8 without '/', '+', '#' and control characters", MaxDeviceIDBytes)
	} else if strings.TrimSpace(string(d.ID)) != string(d.ID) {
		add("id", "a blank at its beginning or end")
	}
	for _, text := range []struct{ field, value string }{{"name", d.Name}, {"owner", d.Owner}} {
		if bad := textFault(text.value, MaxDeviceTextBytes); bad != "" {
			add(text.field, "%s", bad)
		}
	}
	if p := d.Position; p.Known() && (p.Datum > BD09 || !(math.Abs(p.LatDegrees) <= 90) || !(math.Abs(p.LonDegrees) <= 180)) {
		add("place", "%v, %v is not latitude and longitude in degrees", p.LatDegrees, p.LonDegrees)
	} else if !p.Known() && p != (Position{}) {
		add("place", "coordinates without a datum")
	}
	if d.Profile != "" && !validSlug(d.Profile) {
		add("profile", "a profile's key has 1 to 64 lower-case letters, digits, '_', '-' and '.'")
	}
	if d.Area != "" && !validCode(d.Area) {
		add("area", "an area's code has 1 to 64 letters, digits, '_', '-' and '.'")
	}
	if t := d.Installed; !t.IsZero() && (!t.Equal(t.UTC().Truncate(24*time.Hour)) || t.Year() < 1900 || t.Year() > 2200) {
		add("installed", "%s is not a day between the years 1900 and 2200", t.Format(time.RFC3339))
	}
	if v := d.Interval; v != 0 && (v < time.Second || v > MaxDeviceInterval || v%time.Second != 0) {
		add("interval", "%s is not whole seconds between 1s and %s", v, MaxDeviceInterval)
	}
	return append(faults, d.listFaults(catalog)...)
}

// listFaults are the faults of the fields that have many values.
func (d *Device) listFaults(catalog *Catalog) []FieldFault {
	var faults []FieldFault
	add := func(field, format string, args ...any) {
		faults = append(faults, FieldFault{field, fmt.Sprintf(format, args...)})
	}
	if len(d.Kinds) > MaxDeviceKinds {
		add("kinds", "%d kinds, at most %d", len(d.Kinds), MaxDeviceKinds)
	}
	for i, k := range d.Kinds {
		if !ValidKindKey(string(k)) {
			add("kinds", "%.70q cannot be the key of a kind", k)
		} else if slices.Contains(d.Kinds[:i], k) {
			add("kinds", "%s is there twice", k)
		} else if catalog != nil && catalog.byKey[k] == nil {
			add("kinds", "%s is not in the catalogue", k)
		}
	}
	if len(d.Tags) > MaxDeviceTags {
		add("tags", "%d tags, at most %d", len(d.Tags), MaxDeviceTags)
	}
	for i, tag := range d.Tags {
		if bad := textFault(tag, MaxDeviceTagBytes); bad != "" {
			add("tags", "%.70q: %s", tag, bad)
		} else if tag == "" || strings.ContainsAny(tag, ";；") {
			add("tags", "%.70q: a tag is not empty and has no ';'", tag)
		} else if slices.Contains(d.Tags[:i], tag) {
			add("tags", "%q is there twice", tag)
		}
	}
	if len(d.Maintenance) > MaxDeviceMaintenance {
		add("maintenance", "%d windows, at most %d", len(d.Maintenance), MaxDeviceMaintenance)
	}
	for _, m := range d.Maintenance {
		if !validStamp(m.From) || !validStamp(m.To) || !m.From.Before(m.To) {
			add("maintenance", "%s to %s is not from an earlier to a later time", m.From.Format(time.RFC3339), m.To.Format(time.RFC3339))
		}
		if bad := textFault(m.Note, MaxDeviceTextBytes); bad != "" {
			add("maintenance", "note: %s", bad)
		}
	}
	return faults
}

// validStamp reports whether t can be written with four digits of the year and
// kept in whole microseconds.
func validStamp(t time.Time) bool {
	return t.Year() >= 1900 && t.Year() <= 9000 && t.Equal(t.Truncate(time.Microsecond))
}

// textFault says what keeps s from being a line of text, "" for nothing.
func textFault(s string, maxBytes int) string {
	switch {
	case len(s) > maxBytes:
		return fmt.Sprintf("%d bytes, at most %d", len(s), maxBytes)
	case !utf8.ValidString(s):
		return "not UTF-8"
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff' }):
		return "a control character"
	case strings.TrimSpace(s) != s:
		return "a blank at its beginning or end"
	}
	return ""
}

func validSlug(s string) bool { return validCode(s) && s == strings.ToLower(s) }

func validCode(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	})
}
