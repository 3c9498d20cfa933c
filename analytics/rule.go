package analytics

import (
	"bytes"
	_ "embed" // rules.yaml
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Rule says when an alert is raised and closed. Exactly one of its detectors is
// set.
type Rule struct {
	Name       string          `yaml:"name"` // lower-case letters, digits and '_'
	Kind       sensors.KindKey `yaml:"kind"`
	Names      sensors.Names   `yaml:"names"`
	Severity   store.Severity  `yaml:"severity"` // of a new alert
	Threshold  *Threshold      `yaml:"threshold"`
	Exceedance *Exceedance     `yaml:"exceedance"`
	Hotspot    *Hotspot        `yaml:"hotspot"`
	Change     *Change         `yaml:"change"`
	Baseline   *Baseline       `yaml:"baseline"`
	Drift      *Drift          `yaml:"drift"`
	Silence    *Silence        `yaml:"silence"`
	Outlier    *Outlier        `yaml:"outlier"`
}

// Threshold judges the level of one device, for kinds that are measures. Beyond
// means above for a kind of which high is bad, else below. Levels are in the
// unit of the kind, holds in phenomenon time.
//
// A hold is broken by a reading that speaks against it and begins anew after a
// gap of more than MaxHold. Silence never raises and never clears.
type Threshold struct {
	Raise     float64       `yaml:"raise"`      // raised when readings stay at it or beyond
	Clear     float64       `yaml:"clear"`      // closed when readings stay at it or on its good side
	Critical  *float64      `yaml:"critical"`   // critical at it or beyond; nil for never
	HoldRaise time.Duration `yaml:"hold_raise"` // 0 raises on the first reading
	HoldClear time.Duration `yaml:"hold_clear"` // 0 closes on the first reading
}

// Exceedance judges how many events a cell has in the live window, for kinds
// that are events. The count is held against a negative-binomial prediction: a
// Gamma prior of mean Expected that weighs as much as PriorWindows windows,
// together with what the cell itself has shown over about a day.
type Exceedance struct {
	MinCount     int64         `yaml:"min_count"`     // fewer never raise; at least 1
	Expected     float64       `yaml:"expected"`      // events per cell and window
	PriorWindows float64       `yaml:"prior_windows"` // weight of Expected, in windows
	PRaise       float64       `yaml:"p_raise"`       // raised when P(count or more) is below it
	PClear       float64       `yaml:"p_clear"`       // closed when it stays above it
	PCritical    float64       `yaml:"p_critical"`    // critical when below it; 0 for never
	HoldClear    time.Duration `yaml:"hold_clear"`    // phenomenon time of the kind; 0 closes at once
}

// Hotspot finds where events come together more than they should, for kinds that
// are events: see package hotspot. The zero Hotspot works.
type Hotspot struct {
	Budget    float64         `yaml:"budget"`     // false episodes a week that people accept; 0 means 1
	MinCount  int             `yaml:"min_count"`  // events that a place needs at least; 0 means 3
	PriorRate float64         `yaml:"prior_rate"` // events a cell and hour where nothing is known; 0 means 0.01
	Step      time.Duration   `yaml:"step"`       // how often it looks; 0 means 1 min
	Windows   []time.Duration `yaml:"windows"`    // that it looks at; none means 5 min to 6 h
	Threshold float64         `yaml:"threshold"`  // score that stands out, whatever the budget; 0 means by budget
}

// options are those of the detector, without what depends on the study area.
func (h *Hotspot) options(name string) hotspot.Options {
	return hotspot.Options{Name: name, Step: h.Step, Windows: h.Windows, MinCount: h.MinCount, Budget: h.Budget,
		Threshold: h.Threshold, PriorRate: h.PriorRate}
}

// MaxHold bounds the holds of a rule: a restarted engine reads back a little
// more than this, and so knows every hold that is running.
const MaxHold = 15 * time.Minute

//go:embed rules.yaml
var defaultRules []byte

// DefaultRules returns the rules that come with UrbanGrid.
func DefaultRules() ([]Rule, error) {
	rules, err := ReadRules(bytes.NewReader(defaultRules))
	if err != nil {
		return nil, fmt.Errorf("built-in rules: %w", err)
	}
	return rules, nil
}

// ReadRules reads a rules file: YAML with a list "rules". The error joins every
// fault of the file, each with the rule and the line it belongs to. What
// depends on the catalogue is checked by NewEngine.
func ReadRules(r io.Reader) ([]Rule, error) {
	var file struct {
		Rules []yaml.Node `yaml:"rules"`
	}
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	var (
		rules  []Rule
		faults []error
		named  = make(map[string]bool)
	)
	for i := range file.Rules {
		rule, bad := readRule(&file.Rules[i])
		if rule.Name != "" && named[rule.Name] {
			bad = append(bad, errors.New("name is used twice"))
		}
		named[rule.Name] = true
		for _, fault := range bad {
			faults = append(faults, fmt.Errorf("rule %d (%q, line %d): %w", i+1, rule.Name, file.Rules[i].Line, fault))
		}
		rules = append(rules, rule)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return rules, nil
}

// readRule decodes strictly, which a node alone cannot: it is written out and
// read again by a decoder that knows its fields.
func readRule(n *yaml.Node) (rule Rule, faults []error) {
	text, err := yaml.Marshal(n)
	if err != nil {
		return rule, []error{err}
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&rule); err != nil {
		var types *yaml.TypeError
		if !errors.As(err, &types) {
			return rule, []error{err}
		}
		for _, e := range types.Errors {
			faults = append(faults, errors.New(e))
		}
	}
	return rule, append(faults, rule.faults()...)
}

func (r Rule) faults() []error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	fault(!sensors.ValidKindKey(r.Name), "name %q must be lower-case letters, digits and '_'", r.Name)
	fault(r.Kind == "", "kind is missing")
	fault(r.Names.ZH == "" || r.Names.EN == "", "names needs zh and en")
	switch r.Severity {
	case store.Notice, store.Warning, store.Critical:
	default:
		fault(true, "severity %q is none of notice, warning, critical", r.Severity)
	}
	fault(r.detectors() != 1, "exactly one of threshold, exceedance, hotspot, change, baseline, drift, silence and outlier is needed")
	if t := r.Threshold; t != nil {
		fault(!finite(t.Raise) || !finite(t.Clear), "raise and clear must be numbers")
		fault(t.Raise == t.Clear, "raise and clear must differ, both are %g", t.Raise)
		fault(t.Critical != nil && !finite(*t.Critical), "critical must be a number")
		fault(!validHold(t.HoldRaise), "hold_raise %v is not within 0s and %v", t.HoldRaise, MaxHold)
		fault(!validHold(t.HoldClear), "hold_clear %v is not within 0s and %v", t.HoldClear, MaxHold)
	}
	if e := r.Exceedance; e != nil {
		fault(e.MinCount < 1, "min_count %d must be at least 1", e.MinCount)
		fault(!finite(e.Expected) || e.Expected <= 0, "expected %g must be greater than 0", e.Expected)
		fault(!finite(e.PriorWindows) || e.PriorWindows <= 0, "prior_windows %g must be greater than 0", e.PriorWindows)
		fault(!(e.PRaise > 0 && e.PRaise < 1), "p_raise %g is not between 0 and 1", e.PRaise)
		fault(!(e.PClear >= e.PRaise && e.PClear < 1), "p_clear %g is not between p_raise and 1", e.PClear)
		fault(!(e.PCritical >= 0 && e.PCritical < 1), "p_critical %g is not between 0 and 1", e.PCritical)
		fault(!validHold(e.HoldClear), "hold_clear %v is not within 0s and %v", e.HoldClear, MaxHold)
	}
	if h := r.Hotspot; h != nil {
		if err := h.options(r.Name).Check(); err != nil {
			faults = append(faults, err)
		}
	}
	return append(faults, r.secondaryFaults()...)
}

// detectors returns how many are set.
func (r Rule) detectors() int {
	n := 0
	for _, set := range []bool{r.Threshold != nil, r.Exceedance != nil, r.Hotspot != nil,
		r.Change != nil, r.Baseline != nil, r.Drift != nil, r.Silence != nil, r.Outlier != nil} {
		if set {
			n++
		}
	}
	return n
}

// kindFaults returns what is wrong with r for the kind it judges.
func (r Rule) kindFaults(k sensors.Kind) []error {
	var faults []error
	if t := r.Threshold; t != nil {
		if k.Type != sensors.Measure {
			faults = append(faults, fmt.Errorf("a threshold judges a measure, %s is an %s", k.Key, k.Type))
		}
		switch {
		case k.Bad == "":
			faults = append(faults, fmt.Errorf("kind %s does not say which direction is bad", k.Key))
		case beyond(k.Bad, t.Clear, t.Raise):
			faults = append(faults, fmt.Errorf("clear %g lies beyond raise %g, of %s %s is bad", t.Clear, t.Raise, k.Key, k.Bad))
		case t.Critical != nil && !beyond(k.Bad, *t.Critical, t.Raise):
			faults = append(faults, fmt.Errorf("critical %g lies before raise %g, of %s %s is bad", *t.Critical, t.Raise, k.Key, k.Bad))
		}
	}
	if r.Hotspot != nil && k.Type != sensors.Event {
		faults = append(faults, fmt.Errorf("a hotspot is made of events, %s is a %s", k.Key, k.Type))
	}
	faults = append(faults, r.secondaryKindFaults(k)...)
	if r.Exceedance != nil && k.Type != sensors.Event {
		faults = append(faults, fmt.Errorf("an exceedance counts an event, %s is a %s", k.Key, k.Type))
	}
	return faults
}

// beyond reports whether v is at limit or on its bad side.
func beyond(bad sensors.Direction, v, limit float64) bool {
	if bad == sensors.LowIsBad {
		return v <= limit
	}
	return v >= limit
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

func validHold(d time.Duration) bool { return d >= 0 && d <= MaxHold }
