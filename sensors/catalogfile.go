package sensors

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// readKind returns what it could read of one entry, with the key whenever there
// is one, and every fault.
func readKind(n *yaml.Node) (Kind, []error) {
	if n.Kind != yaml.MappingNode {
		return Kind{}, []error{errors.New("is not a mapping")}
	}
	faults := unknownFields(n)
	var k Kind
	if err := n.Decode(&k); err != nil {
		var te *yaml.TypeError
		if !errors.As(err, &te) {
			return k, append(faults, err)
		}
		for _, s := range te.Errors {
			faults = append(faults, errors.New(s))
		}
		return k, faults
	}
	return k, append(faults, k.faults()...)
}

// entryFaults puts the place of an entry in front of each of its faults.
func entryFaults(n *yaml.Node, i int, key KindKey, faults []error) []error {
	out := make([]error, len(faults))
	for j, err := range faults {
		if key == "" {
			out[j] = fmt.Errorf("kind number %d (line %d): %w", i+1, n.Line, err)
		} else {
			out[j] = fmt.Errorf("kind %s (line %d): %w", key, n.Line, err)
		}
	}
	return out
}

var (
	kindFields = []string{"key", "names", "type", "unit", "unit_label", "range", "scale", "bad", "class_code"}
	nameFields = []string{"zh", "en"}
)

// unknownFields finds misspelt fields, which would otherwise have no effect and
// no message.
func unknownFields(n *yaml.Node) []error {
	var faults []error
	for i := 0; i+1 < len(n.Content); i += 2 {
		field, value := n.Content[i].Value, n.Content[i+1]
		if !slices.Contains(kindFields, field) {
			faults = append(faults, fmt.Errorf("unknown field %q", field))
		}
		if (field != "names" && field != "unit_label") || value.Kind != yaml.MappingNode {
			continue
		}
		for j := 0; j < len(value.Content); j += 2 {
			if sub := value.Content[j].Value; !slices.Contains(nameFields, sub) {
				faults = append(faults, fmt.Errorf("unknown field %q", field+"."+sub))
			}
		}
	}
	return faults
}

var classCodePattern = regexp.MustCompile(`^gbt(47678\.5|30428\.2)/(component|event)/[0-9]{5}$`)

// faults returns everything that is wrong with k.
func (k Kind) faults() []error {
	var out []error
	bad := func(format string, args ...any) { out = append(out, fmt.Errorf(format, args...)) }
	if !ValidKindKey(string(k.Key)) {
		bad("key %q is not 1 to %d of a-z, 0-9 and '_', beginning with a letter", k.Key, MaxKindKeyBytes)
	}
	if k.Names.ZH == "" || k.Names.EN == "" {
		bad("names needs zh and en")
	}
	if k.Type != Measure && k.Type != Event {
		bad("type %q is neither measure nor event", k.Type)
	}
	if k.Unit == "" {
		bad("unit is missing; a number without a unit has 1")
	}
	if k.UnitLabel.ZH == "" || k.UnitLabel.EN == "" {
		bad("unit_label needs zh and en")
	}
	if !finite(k.Range) || k.Range[0] > k.Range[1] {
		bad("range %v is not two finite numbers in ascending order", k.Range)
	}
	if !finite(k.Scale) || k.Scale[0] >= k.Scale[1] {
		bad("scale %v is not two finite numbers in ascending order", k.Scale)
	} else if k.Type == Measure && (k.Scale[0] < k.Range[0] || k.Scale[1] > k.Range[1]) {
		bad("scale %v is not within range %v", k.Scale, k.Range)
	}
	if k.Type == Event && (k.Range[0] <= 0 || k.Range[0] > 1 || k.Range[1] < 1) {
		bad("range %v of an event must contain 1 and nothing that is 0 or less: what did not happen is not an event", k.Range)
	}
	if k.Bad != HighIsBad && k.Bad != LowIsBad && k.Bad != NeitherIsBad {
		bad("bad %q is neither high nor low", k.Bad)
	}
	if k.ClassCode != "" && !classCodePattern.MatchString(k.ClassCode) {
		bad("class_code %q is not like gbt47678.5/event/06028", k.ClassCode)
	}
	return out
}

func finite(pair [2]float64) bool {
	for _, v := range pair {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
