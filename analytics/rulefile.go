package analytics

import (
	"bytes"
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// The detectors of rules, as rules files call them.
const (
	DetectThreshold  = "threshold"
	DetectExceedance = "exceedance"
	DetectHotspot    = "hotspot"
	DetectChange     = "change"
	DetectBaseline   = "baseline"
	DetectDrift      = "drift"
	DetectSilence    = "silence"
	DetectOutlier    = "outlier"
)

// Detector names the detector of r as rules files call it, "" when none is set.
func (r Rule) Detector() string {
	switch {
	case r.Threshold != nil:
		return DetectThreshold
	case r.Exceedance != nil:
		return DetectExceedance
	case r.Hotspot != nil:
		return DetectHotspot
	case r.Change != nil:
		return DetectChange
	case r.Baseline != nil:
		return DetectBaseline
	case r.Drift != nil:
		return DetectDrift
	case r.Silence != nil:
		return DetectSilence
	case r.Outlier != nil:
		return DetectOutlier
	}
	return ""
}

// WriteRule writes r as one entry of a rules file: what ReadRule reads.
func WriteRule(r Rule) ([]byte, error) {
	var n yaml.Node
	if err := n.Encode(r); err != nil {
		return nil, fmt.Errorf("write rule %q: %w", r.Name, err)
	}
	withoutNulls(&n)
	text, err := yaml.Marshal(&n)
	if err != nil {
		return nil, fmt.Errorf("write rule %q: %w", r.Name, err)
	}
	return text, nil
}

// withoutNulls takes out what is not set: nulls and empty lists.
func withoutNulls(n *yaml.Node) {
	if n.Kind != yaml.MappingNode {
		return
	}
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Tag == "!!null" || v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
			continue
		}
		withoutNulls(n.Content[i+1])
		kept = append(kept, n.Content[i], n.Content[i+1])
	}
	n.Content = kept
}

// ReadRule reads one entry of a rules file. The error joins every fault. What
// depends on the catalogue and on other rules is checked by CheckRules.
func ReadRule(text []byte) (Rule, error) {
	var n yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&n); err != nil {
		return Rule{}, fmt.Errorf("read rule: %w", err)
	}
	r, faults := readRule(&n)
	return r, errors.Join(faults...)
}

// CheckRules returns what is wrong with rules, each fault with the rule that it
// belongs to, nil when an engine with this catalogue can judge by them.
func CheckRules(catalog Kinds, rules []Rule) error { return checkRules(catalog, rules) }
