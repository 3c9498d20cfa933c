package sensors

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"
)

//go:embed kinds.yaml
var defaultKinds []byte

// Catalog is the list of kinds that observations may be of. It never changes
// after it was made and is safe for concurrent use.
type Catalog struct {
	kinds []*Kind
	byKey map[KindKey]*Kind
}

// DefaultCatalog returns the kinds that come with UrbanGrid.
func DefaultCatalog() (*Catalog, error) {
	c, err := ReadCatalog(bytes.NewReader(defaultKinds))
	if err != nil {
		return nil, fmt.Errorf("built-in catalogue: %w", err)
	}
	return c, nil
}

// ReadCatalog reads a catalogue file: YAML with a list "kinds", the fields of
// [Kind] in each entry. The error joins every fault of the file, each with the
// key and the line it belongs to.
func ReadCatalog(r io.Reader) (*Catalog, error) {
	var file struct {
		Kinds []yaml.Node `yaml:"kinds"`
	}
	dec := yaml.NewDecoder(r)
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	c := &Catalog{byKey: make(map[KindKey]*Kind, len(file.Kinds))}
	var faults []error
	for i := range file.Kinds {
		k, bad := readKind(&file.Kinds[i])
		if k.Key != "" && c.byKey[k.Key] != nil {
			bad = append(bad, errors.New("key is used twice"))
		} else if k.Key != "" {
			c.add(k)
		}
		faults = append(faults, entryFaults(&file.Kinds[i], i, k.Key, bad)...)
	}
	if len(file.Kinds) == 0 {
		faults = append(faults, errors.New("catalogue has no kinds"))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return c, nil
}

// Kind returns the kind named key.
func (c *Catalog) Kind(key KindKey) (Kind, bool) {
	k := c.byKey[key]
	if k == nil {
		return Kind{}, false
	}
	return *k, true
}

// Intern returns the catalogue's own copy of key and the type of the kind. It
// does not allocate and does not keep key.
func (c *Catalog) Intern(key []byte) (KindKey, KindType, bool) {
	k := c.byKey[KindKey(key)]
	if k == nil {
		return "", "", false
	}
	return k.Key, k.Type, true
}

// All returns the kinds in the order of the file, those added by Extend last.
func (c *Catalog) All() []Kind {
	out := make([]Kind, len(c.kinds))
	for i, k := range c.kinds {
		out[i] = *k
	}
	return out
}

// Extend returns a catalogue in which the kinds of other are added to those of
// c, or take the place of those with the same key. A kind keeps its type and
// unit for ever, because stored values would change their meaning: the error
// joins every kind of other that breaks this.
func (c *Catalog) Extend(other *Catalog) (*Catalog, error) {
	out := &Catalog{
		kinds: slices.Clone(c.kinds),
		byKey: make(map[KindKey]*Kind, len(c.kinds)+len(other.kinds)),
	}
	for _, k := range out.kinds {
		out.byKey[k.Key] = k
	}
	var faults []error
	for _, k := range other.kinds {
		old := out.byKey[k.Key]
		if old == nil {
			out.add(*k)
			continue
		}
		if old.Type != k.Type {
			faults = append(faults, fmt.Errorf("kind %s: type is %s and cannot become %s", k.Key, old.Type, k.Type))
		}
		if old.Unit != k.Unit {
			faults = append(faults, fmt.Errorf("kind %s: unit is %s and cannot become %s", k.Key, old.Unit, k.Unit))
		}
		out.kinds[slices.Index(out.kinds, old)] = k
		out.byKey[k.Key] = k
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return out, nil
}

func (c *Catalog) add(k Kind) {
	c.kinds = append(c.kinds, &k)
	c.byKey[k.Key] = &k
}

// MaxAhead is how far in the future of its receipt an observation may lie:
// clocks of devices are not exact.
const MaxAhead = 5 * time.Minute

// Earliest is the earliest believable phenomenon time. What lies before it
// comes from a device that does not know the time.
var Earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Check holds o against its kind and its time against received. It returns ""
// twice when o is acceptable, otherwise one of [ReasonUnknownKind],
// [ReasonNotANumber], [ReasonOutOfRange], [ReasonFutureTime] and
// [ReasonImplausibleTime] and what exactly is wrong.
func (c *Catalog) Check(o Observation, received time.Time) (reason, detail string) {
	k := c.byKey[o.Kind]
	switch {
	case k == nil:
		return ReasonUnknownKind, fmt.Sprintf("kind %q is not in the catalogue", o.Kind)
	case math.IsNaN(o.Value) || math.IsInf(o.Value, 0):
		return ReasonNotANumber, fmt.Sprintf("value is %v", o.Value)
	case o.Value < k.Range[0] || o.Value > k.Range[1]:
		return ReasonOutOfRange, fmt.Sprintf("value %v is outside %v to %v %s", o.Value, k.Range[0], k.Range[1], k.UnitLabel.EN)
	case o.At.Sub(received) > MaxAhead:
		return ReasonFutureTime, fmt.Sprintf("time %s is %s ahead of %s", stamp(o.At), o.At.Sub(received).Round(time.Second), stamp(received))
	case o.At.Before(Earliest):
		return ReasonImplausibleTime, fmt.Sprintf("time %s is before the year %d", stamp(o.At), Earliest.Year())
	}
	return "", ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
