package onvif

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

// Options says how ONVIF devices are read. The zero Options reads by
// [DefaultRules] and names each device after its topic prefix.
type Options struct {
	// Devices names the device of a topic prefix, or, where one encoder has
	// several cameras, of "<prefix>/<VideoSource>", which goes first. A prefix
	// that is not here is the device itself, '/' written as '.'.
	Devices map[string]sensors.DeviceID `yaml:"devices"`
	Rules   []Rule                      `yaml:"rules"` // the first that fits decides; nil means DefaultRules

	// MaxStates bounds how many properties that are true are remembered, at some
	// 300 bytes each; 0 means 100,000. Beyond it the one that became true first
	// is forgotten, and would count again if the device repeated it.
	MaxStates int `yaml:"max_states"`

	// Ignored is told why a message became nothing without being wrong, one of
	// the Ignored constants. It must be safe for concurrent use; nil tells nobody.
	Ignored func(reason string) `yaml:"-"`
}

// Rule makes observations of the messages of a topic. Patterns are those of
// path.Match, without regard to case; "" fits everything.
type Rule struct {
	Topic  string          `yaml:"topic"`  // local topic, e.g. "RuleEngine/LineDetector/Crossed"
	Rule   string          `yaml:"rule"`   // name of the analytics rule: the Source item "Rule"
	Device string          `yaml:"device"` // device id
	Kind   sensors.KindKey `yaml:"kind"`
	Value  string          `yaml:"value"` // of a measure: the Data item with the value; "" means Count, Value or Level
	Unit   string          `yaml:"unit"`  // of the value; "" means the kind's own, UnitKelvinOrCelsius tells by the value
}

// UnitKelvinOrCelsius is the unit of temperatures in events. The editions of
// the ONVIF core specification differ in it: Celsius in one, Kelvin in another.
// What is above 170 is Kelvin: no sensor is as hot in Celsius or as cold in
// Kelvin.
const UnitKelvinOrCelsius = "K|Cel"

// DefaultRules reads what a message means by itself: crowds, climate, and
// fields whose rule is named as a place where nothing may stand. Line crossings
// and passing counters mean something only to who drew the line, so they need a
// rule. Rules of kinds that a catalogue lacks are left out by NewDecoder.
func DefaultRules() []Rule {
	out := []Rule{
		{Topic: "RuleEngine/CountAggregation/OccupancyCounter", Kind: "crowd_count", Value: "Count"},
		{Topic: "SensorData/Temperature", Kind: "temperature", Value: "Value", Unit: "K"},
		{Topic: "SensorData/RelativeHumidity", Kind: "humidity", Value: "Value", Unit: "%"},
		{Topic: "Device/Sensor/Temperature/*", Kind: "temperature", Value: "Value", Unit: UnitKelvinOrCelsius},
		{Topic: "Device/Sensor/RelativeHumidity/*", Kind: "humidity", Value: "Value", Unit: "%"},
	}
	for _, topic := range []string{"RuleEngine/FieldDetector/ObjectsInside", "RuleEngine/LoiteringDetector/*"} {
		out = append(out,
			Rule{Topic: topic, Rule: "*no*parking*", Kind: "illegal_parking"},
			Rule{Topic: topic, Rule: "*fire*lane*", Kind: "lane_blocked"},
			Rule{Topic: topic, Rule: "*stall*", Kind: "stall"},
		)
	}
	return out
}

// Why a message became nothing without being wrong.
const (
	IgnoredUnmapped  = "unmapped"  // no rule fits the topic, the rule's name or the device
	IgnoredUnchanged = "unchanged" // a state that is true already
	IgnoredEnded     = "ended"     // a state became false
	IgnoredDeleted   = "deleted"   // a property was deleted
	IgnoredMetadata  = "metadata"  // frames of analytics, which no rule asks for
)

// IgnoredReasons returns every Ignored constant, for metrics that start at zero.
func IgnoredReasons() []string {
	return []string{IgnoredUnmapped, IgnoredUnchanged, IgnoredEnded, IgnoredDeleted, IgnoredMetadata}
}

// rule is a Rule with what the catalogue says of its kind.
type rule struct {
	Rule
	typ  sensors.KindType
	unit string // of the kind
}

func compile(catalog *sensors.Catalog, opts *Options) ([]rule, error) {
	defaults := opts.Rules == nil
	if defaults {
		opts.Rules = DefaultRules()
	}
	if opts.MaxStates == 0 {
		opts.MaxStates = 100_000
	}
	if opts.Ignored == nil {
		opts.Ignored = func(string) {}
	}
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf("onvif: "+format, args...)) }
	if opts.MaxStates < 0 {
		bad("max_states is %d", opts.MaxStates)
	}
	for prefix, device := range opts.Devices {
		if !sensors.ValidDeviceID(string(device)) {
			bad("devices: %s: %q cannot name a device", prefix, device)
		}
	}
	var rules []rule
	for i, r := range opts.Rules {
		kind, ok := catalog.Kind(r.Kind)
		if !ok && defaults {
			continue
		}
		if !ok {
			bad("rule %d: kind %q is not in the catalogue", i+1, r.Kind)
		}
		r.Topic, r.Rule, r.Device = strings.ToLower(r.Topic), strings.ToLower(r.Rule), strings.ToLower(r.Device)
		for _, p := range []string{r.Topic, r.Rule, r.Device} {
			if _, err := path.Match(p, ""); err != nil {
				bad("rule %d: pattern %q: %w", i+1, p, err)
			}
		}
		if ok {
			if err := unitFault(r.Unit, kind.Unit); err != nil {
				bad("rule %d: %w", i+1, err)
			}
		}
		rules = append(rules, rule{r, kind.Type, kind.Unit})
	}
	return rules, errors.Join(faults...)
}

func unitFault(from, to string) error {
	switch from {
	case "":
		return nil
	case UnitKelvinOrCelsius:
		from = "K"
	}
	_, err := sensors.Convert(1, from, to)
	return err
}
