package senml

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors"
)

// Options say which topics carry SenML and what its names and units mean. The
// zero Options accept no topic.
type Options struct {
	Topics []Topic `yaml:"topics"`
	Rules  []Rule  `yaml:"rules"` // the first that fits a record counts
	// Ignored is told why a record became nothing without being wrong, one of the
	// Ignored constants. It must be safe for concurrent use; nil tells nobody.
	Ignored func(reason string) `yaml:"-"`
}

// Why a record becomes nothing without being wrong.
const (
	IgnoredByRule      = "by_rule"      // a rule says so
	IgnoredNotHappened = "not_happened" // it says that an event did not happen
)

// Topic is a set of topics that carry SenML.
type Topic struct {
	Filter      string `yaml:"filter"`       // of MQTT, with + and #
	DeviceLevel int    `yaml:"device_level"` // the level that names the device, from 1; 0 means that the resolved name does
}

// Rule says which kind a record is of. Name, Unit or both are needed.
type Rule struct {
	Name   string             `yaml:"name"`   // the resolved name, or its end after one of - : . / _; "" fits every name
	Unit   string             `yaml:"unit"`   // the record's unit as it states it; "" fits every unit
	Kind   sensors.KindKey    `yaml:"kind"`   // of the catalogue; numbers are converted to its unit
	Assume string             `yaml:"assume"` // unit of records that state none; "" means that they are refused unless the kind is a plain number
	Words  map[string]float64 `yaml:"words"`  // what string values mean, in the kind's unit
	Sum    bool               `yaml:"sum"`    // take the sum instead of the value
	// SumUnit is the unit of the sum, which is the record's times a second: "J"
	// where the record has W. "" means the record's own unit.
	SumUnit string `yaml:"sum_unit"`
	Ignore  bool   `yaml:"ignore"` // known and not wanted: no observation and no fault
}

// ReadOptions reads Options from YAML, and refuses fields that it does not know.
func ReadOptions(r io.Reader) (Options, error) {
	var o Options
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&o); err != nil && !errors.Is(err, io.EOF) {
		return Options{}, fmt.Errorf("read senml options: %w", err)
	}
	return o, nil
}

// rule is a Rule with the kind that it names.
type rule struct {
	Rule
	kind sensors.Kind
}

type topic struct {
	filter      []string
	deviceLevel int
}

func (o Options) compile(catalog *sensors.Catalog) ([]topic, []rule, error) {
	var faults []error
	var topics []topic
	for i, t := range o.Topics {
		levels := strings.Split(t.Filter, "/")
		if err := checkFilter(t, levels); err != nil {
			faults = append(faults, fmt.Errorf("senml topic %d (%q): %w", i+1, t.Filter, err))
		}
		topics = append(topics, topic{filter: levels, deviceLevel: t.DeviceLevel})
	}
	var rules []rule
	for i, r := range o.Rules {
		kind, err := r.check(catalog)
		if err != nil {
			faults = append(faults, fmt.Errorf("senml rule %d (name %q, unit %q): %w", i+1, r.Name, r.Unit, err))
		}
		rules = append(rules, rule{Rule: r, kind: kind})
	}
	return topics, rules, errors.Join(faults...)
}

func checkFilter(t Topic, levels []string) error {
	if t.Filter == "" {
		return errors.New("filter is empty")
	}
	for i, l := range levels {
		if strings.Contains(l, "#") && (l != "#" || i != len(levels)-1) {
			return errors.New("# must be the whole last level")
		}
		if strings.Contains(l, "+") && l != "+" {
			return errors.New("+ must be a whole level")
		}
	}
	fixed := len(levels)
	if levels[len(levels)-1] == "#" {
		fixed--
	}
	if t.DeviceLevel < 0 || t.DeviceLevel > fixed {
		return fmt.Errorf("device_level %d is not one of the filter's levels", t.DeviceLevel)
	}
	return nil
}

func (r Rule) check(catalog *sensors.Catalog) (sensors.Kind, error) {
	if r.Name == "" && r.Unit == "" {
		return sensors.Kind{}, errors.New("neither name nor unit")
	}
	if r.Ignore {
		return sensors.Kind{}, nil
	}
	kind, ok := catalog.Kind(r.Kind)
	if !ok {
		return kind, fmt.Errorf("kind %q is not in the catalogue", r.Kind)
	}
	var faults []error
	for _, unit := range []string{r.Unit, r.Assume, r.SumUnit} {
		if unit == "" || (r.Sum && r.SumUnit != "" && unit != r.SumUnit) {
			continue
		}
		if _, err := convert(1, unit, kind.Unit); err != nil {
			faults = append(faults, err)
		}
	}
	return kind, errors.Join(faults...)
}

// matches reports whether the filter matches name (MQTT 5, section 4.7).
func (t *topic) matches(name string) bool {
	if strings.HasPrefix(name, "$") && (t.filter[0] == "#" || t.filter[0] == "+") {
		return false
	}
	rest, more := name, true
	for _, want := range t.filter {
		if want == "#" {
			return true // "a/#" matches "a" too
		}
		if !more {
			return false
		}
		var l string
		l, rest, more = strings.Cut(rest, "/")
		if want != "+" && want != l {
			return false
		}
	}
	return !more
}

// level returns level n of topic, from 1, "" when it has fewer.
func level(topic string, n int) string {
	levels := strings.Split(topic, "/")
	if n > len(levels) {
		return ""
	}
	return levels[n-1]
}

// fits reports whether r is about a record: whether its name fits, and whether
// its unit does too.
func (r *rule) fits(name, unit string) (byName, both bool) {
	byName = r.Name == "" || endsWith(name, r.Name)
	return byName, byName && (r.Unit == "" || r.Unit == unit)
}

const separators = "-:./_"

// endsWith reports whether name is end, or ends in it after a separator.
func endsWith(name, end string) bool {
	before, ok := strings.CutSuffix(name, end)
	return ok && (before == "" || strings.ContainsRune(separators, rune(before[len(before)-1])) ||
		strings.ContainsRune(separators, rune(end[0])))
}

// find returns the rule for a record. Without one, wrongUnit says that a rule
// would fit by its name.
func find(rules []rule, name, unit string) (found *rule, wrongUnit bool) {
	own := slices.Contains(deviceUnits, unit)
	for i := range rules {
		r := &rules[i]
		if own && r.Unit == "" {
			continue // a position or a battery, whatever else has the name
		}
		byName, both := r.fits(name, unit)
		if both {
			return r, false
		}
		wrongUnit = wrongUnit || (byName && r.Name != "")
	}
	return nil, wrongUnit
}
