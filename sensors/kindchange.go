package sensors

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// KindChange is what people may change of a kind without changing what stored values
// mean: what it is called and how it is shown.
type KindChange struct {
	Names     Names      `json:"names"`
	UnitLabel Names      `json:"unit_label"`
	Scale     [2]float64 `json:"scale"` // at the two ends of the legend
}

// Change returns what of k may be changed.
func (k Kind) Change() KindChange {
	return KindChange{Names: k.Names, UnitLabel: k.UnitLabel, Scale: k.Scale}
}

// With returns a catalogue with changed kinds. The error joins every change that
// leaves a kind without sense or names one that is not there.
func (c *Catalog) With(changes map[KindKey]KindChange) (*Catalog, error) {
	out := &Catalog{kinds: slices.Clone(c.kinds), byKey: maps.Clone(c.byKey)}
	var faults []error
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		old := c.byKey[key]
		if old == nil {
			faults = append(faults, fmt.Errorf("kind %s is not in the catalogue", key))
			continue
		}
		k, change := *old, changes[key]
		k.Names, k.UnitLabel, k.Scale = change.Names, change.UnitLabel, change.Scale
		for _, fault := range k.faults() {
			faults = append(faults, fmt.Errorf("kind %s: %w", key, fault))
		}
		out.kinds[slices.Index(out.kinds, old)] = &k
		out.byKey[key] = &k
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return out, nil
}
