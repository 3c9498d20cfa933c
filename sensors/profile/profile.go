// Package profile reads what the payload decoders of network servers make of a
// device's bytes: an object whose field names and units each manufacturer chooses.
// A device profile says which field is which kind, in which unit, and what its
// words mean. Profiles are files, see docs/formats/profiles.md; those of common
// devices come with UrbanGrid.
package profile

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Profile is how the objects of one type of device are read. It never changes
// after it was made.
type Profile struct {
	key     string
	vendor  string
	models  []string
	knownBy []path
	ignore  []string
	fields  []field
	place   *place
	history *history
}

// Key returns the profile's name, e.g. "milesight-em400-mud".
func (p *Profile) Key() string { return p.key }

// Vendor returns the manufacturer's name, "" when the file has none.
func (p *Profile) Vendor() string { return p.vendor }

// Models returns the names of the products it is for, as in the file.
func (p *Profile) Models() []string { return slices.Clone(p.models) }

// Kinds returns the kinds that it can give, in the order of its fields, each
// once.
func (p *Profile) Kinds() []sensors.KindKey {
	var out []sensors.KindKey
	seen := map[sensors.KindKey]bool{}
	for i := range p.fields {
		if k := p.fields[i].kind.Key; k != "" && !seen[k] {
			seen[k] = true
			out = append(out, k)
		}
	}
	return out
}

// target is what a field says something about.
type target uint8

const (
	toKind target = iota
	toBattery
	toSignal
	toNote
)

// take says which of several paths counts.
type take uint8

const (
	takeFirst take = iota
	takeMax
	takeMaxAbs
)

// field is one entry of a profile.
type field struct {
	paths    []path
	suffix   string // of the observations' ids
	target   target
	kind     sensors.Kind
	unit     string // of the source, unless the payload states one
	toUnit   string // of the kind, "%" or "dB[mW]"
	unitPath *path
	words    map[string]meaning // by lower-case word
	prefixes []prefix           // words that end in '*'
	absent   []float64
	take     take
	fill     *fill
}

// many reports whether the field can give more than one value a message.
func (f *field) many() bool { return len(f.paths) == 1 && f.paths[0].many }

// meaning is what a word stands for.
type meaning struct {
	does  does
	value float64 // in the unit of the kind
}

type does uint8

const (
	isValue does = iota
	isNothing
	isHealth
)

type prefix struct {
	word    string
	meaning meaning
}

// fill turns a distance or a voltage into a percentage, both ends in the unit
// of the source. known is false while nobody has said where empty is.
type fill struct {
	empty, full float64
	known       bool
}

func (f fill) percent(v float64) float64 {
	return min(max((v-f.empty)/(f.full-f.empty)*100, 0), 100)
}

// place is where an object states the device's position.
type place struct {
	lat, lon path
	datum    sensors.Datum
}

// history is an array of earlier readings with the same fields.
type history struct {
	path path
	time path
	unit time.Duration // of a number
}

// absentWords are said in place of a number that was not measured. They are
// never an error.
var absentWords = map[string]bool{
	"": true, "-": true, "null": true, "none": true, "nan": true, "n/a": true, "na": true,
	"no sensor": true, "no external sensor": true, "sensor no connection": true,
	"invalid reading": true, "disconnected": true, "polarizing": true,
}
