package sparkplug

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors"
)

// Options tune a Format. The zero Options know no metric: every one is a fault.
type Options struct {
	Rules      []Rule `yaml:"rules"`       // the first that fits a metric counts
	MaxNodes   int    `yaml:"max_nodes"`   // edge nodes that are remembered; 0 means 10,000
	MaxMetrics int    `yaml:"max_metrics"` // metrics and devices that are remembered, of all nodes together; 0 means 500,000
	// Ignored is told why a message or a metric became nothing without being
	// wrong, one of the Ignored constants. It must not call the Format, and must
	// be safe for concurrent use; nil tells nobody.
	Ignored func(reason string) `yaml:"-"`
}

// Why a message or a metric becomes nothing without being wrong.
const (
	IgnoredCommand     = "command"      // a command or the state of a host: it is for others
	IgnoredOldWill     = "old_will"     // the will of a session that a later one has followed
	IgnoredByRule      = "by_rule"      // a rule says so, or the name is reserved
	IgnoredNotHappened = "not_happened" // it says that an event did not happen
	IgnoredState       = "state"        // a birth that repeats an event
)

// Rule says which kind the metrics of a name are of.
type Rule struct {
	Metric string          `yaml:"metric"` // the metric's whole name; * stands for any characters, '/' too
	Kind   sensors.KindKey `yaml:"kind"`   // of the catalogue
	Unit   string          `yaml:"unit"`   // of the metric after Scale and Offset, see [sensors.Convert]; "" means the kind's
	Scale  float64         `yaml:"scale"`  // what the metric's value is multiplied by; 0 means 1
	Offset float64         `yaml:"offset"` // what is then added
	// Words say what strings mean, in the kind's unit.
	Words  map[string]float64 `yaml:"words"`
	Ignore bool               `yaml:"ignore"` // known and not wanted: no observation and no fault
}

// ReadOptions reads Options from YAML, and refuses fields that it does not know.
func ReadOptions(r io.Reader) (Options, error) {
	var o Options
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&o); err != nil && !errors.Is(err, io.EOF) {
		return Options{}, fmt.Errorf("read sparkplug options: %w", err)
	}
	return o, nil
}

// rule is a Rule with the kind that it names. It does not change.
type rule struct {
	Rule
	kind sensors.Kind
}

func (o Options) compile(catalog *sensors.Catalog) ([]*rule, error) {
	var faults []error
	var rules []*rule
	for i, r := range o.Rules {
		kind, err := r.check(catalog)
		if err != nil {
			faults = append(faults, fmt.Errorf("sparkplug rule %d (metric %q): %w", i+1, r.Metric, err))
		}
		if r.Scale == 0 {
			r.Scale = 1
		}
		if r.Unit == "" {
			r.Unit = kind.Unit
		}
		rules = append(rules, &rule{Rule: r, kind: kind})
	}
	return rules, errors.Join(faults...)
}

func (r Rule) check(catalog *sensors.Catalog) (sensors.Kind, error) {
	if r.Metric == "" {
		return sensors.Kind{}, errors.New("no metric")
	}
	if r.Ignore {
		return sensors.Kind{}, nil
	}
	kind, ok := catalog.Kind(r.Kind)
	if !ok {
		return kind, fmt.Errorf("kind %q is not in the catalogue", r.Kind)
	}
	if math.IsNaN(r.Scale) || math.IsInf(r.Scale, 0) || math.IsNaN(r.Offset) || math.IsInf(r.Offset, 0) {
		return kind, errors.New("scale or offset is no number")
	}
	if r.Unit != "" {
		if _, err := sensors.Convert(1, r.Unit, kind.Unit); err != nil {
			return kind, err
		}
	}
	return kind, nil
}

// several reports whether the rule fits metrics of more than one name.
func (r *rule) several() bool { return strings.Contains(r.Metric, "*") }

// scaled reports whether the rule says what a metric's 0 and 1 are worth.
func (r *rule) scaled() bool { return r.Scale != 1 || r.Offset != 0 }

// reserved are the names that the specification keeps for itself and its hosts.
func reserved(name string) bool {
	return name == bdSeq || strings.HasPrefix(name, "Node Control/") || strings.HasPrefix(name, "Device Control/") ||
		strings.HasPrefix(name, "Properties/")
}

// find returns the rule for a metric, nil when there is none. What is reserved
// is ignored unless a rule asks for it.
func find(rules []*rule, name string) *rule {
	for _, r := range rules {
		if glob(r.Metric, name) {
			return r
		}
	}
	if reserved(name) {
		return ignored
	}
	return nil
}

var ignored = &rule{Rule: Rule{Ignore: true}}

// glob reports whether name fits pattern. It takes at most the product of their
// lengths.
func glob(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
