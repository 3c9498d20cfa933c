package frigate

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// Privacy says what becomes of plates, faces and names in the messages.
type Privacy string

// Drop forgets them. Hash keeps a keyed hash instead, which tells that two
// sightings were of the same without telling of whom.
const (
	Drop Privacy = "drop"
	Hash Privacy = "hash"
)

// MinKeyBytes is the least length of [Options.Key].
const MinKeyBytes = 16

// Options says how a Frigate server is read. The zero Options reads the topics
// below "frigate" by [DefaultRules] and [DefaultCounts] and drops all personal
// data.
type Options struct {
	Prefix    string                      `yaml:"prefix"`     // Frigate's topic_prefix; "" means "frigate"
	Cameras   map[string]sensors.DeviceID `yaml:"cameras"`    // camera to device; "" and cameras left out are "frigate-<camera>"
	Zones     map[string]string           `yaml:"zones"`      // zone to the camera whose device counts in it; zones left out are not counted
	Rules     []Rule                      `yaml:"rules"`      // the first that fits decides; nil means DefaultRules
	Counts    []CountRule                 `yaml:"counts"`     // the first that fits decides; nil means DefaultCounts
	Reviews   bool                        `yaml:"reviews"`    // count reviews instead of tracked objects; never both, since they are of the same things
	Privacy   Privacy                     `yaml:"privacy"`    // "" means Drop
	Key       []byte                      `yaml:"-"`          // of Hash: secret, at least MinKeyBytes
	SubLabels []string                    `yaml:"sub_labels"` // sub labels that are no personal data, such as "ups"; all others are treated as names
	MediaURL  string                      `yaml:"media_url"`  // put in front of references to snapshots and clips, e.g. "https://nvr.example"

	// Ignored is told why a message became nothing without being wrong, one of
	// the Ignored constants. It must be safe for concurrent use; nil tells nobody.
	Ignored func(reason string) `yaml:"-"`
}

// Rule makes an event of an object, or of a review that names one. Patterns are
// those of path.Match; "" fits everything.
type Rule struct {
	Camera     string          `yaml:"camera"`
	Label      string          `yaml:"label"`
	Zone       string          `yaml:"zone"`       // a zone that the object is or was in
	Stationary bool            `yaml:"stationary"` // only once Frigate says that it stands still; a review does not tell
	MinScore   float64         `yaml:"min_score"`  // of top_score, 0 to 1; a review has none
	Kind       sensors.KindKey `yaml:"kind"`
}

// CountRule makes a measure of Frigate's count of objects in the view of a
// camera or in a zone.
type CountRule struct {
	Place string          `yaml:"place"` // camera or zone, a pattern of path.Match; "" fits all
	Label string          `yaml:"label"`
	Kind  sensors.KindKey `yaml:"kind"`
}

// DefaultRules counts vehicles that stand in zones which are named as no place
// for them. Everything else that Frigate sees is nothing to a grid centre until
// it is told otherwise.
func DefaultRules() []Rule {
	var out []Rule
	for _, label := range []string{"car", "truck", "bus", "motorcycle"} {
		out = append(out,
			Rule{Label: label, Zone: "*fire_lane*", Stationary: true, Kind: "lane_blocked"},
			Rule{Label: label, Zone: "*no_parking*", Stationary: true, Kind: "illegal_parking"},
		)
	}
	return out
}

// DefaultCounts takes the number of persons as the size of a crowd.
func DefaultCounts() []CountRule {
	return []CountRule{{Label: "person", Kind: "crowd_count"}}
}

// Why a message became nothing without being wrong.
const (
	IgnoredUnmapped      = "unmapped"       // no rule fits the label, zone or camera
	IgnoredFalsePositive = "false_positive" // Frigate itself does not believe it
	IgnoredPersonalData  = "personal_data"  // a face or plate by itself
	IgnoredOther         = "other"          // topics that say nothing about the city: images, settings, statistics
)

// IgnoredReasons returns every Ignored constant, for metrics that start at zero.
func IgnoredReasons() []string {
	return []string{IgnoredUnmapped, IgnoredFalsePositive, IgnoredPersonalData, IgnoredOther}
}

func (o *Options) complete() {
	if o.Prefix == "" {
		o.Prefix = "frigate"
	}
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	if o.Rules == nil {
		o.Rules = DefaultRules()
	}
	if o.Counts == nil {
		o.Counts = DefaultCounts()
	}
	if o.Privacy == "" {
		o.Privacy = Drop
	}
	if o.Ignored == nil {
		o.Ignored = func(string) {}
	}
}

// check returns everything that is wrong with o.
func (o *Options) check(catalog *sensors.Catalog) error {
	var faults []error
	bad := func(format string, args ...any) { faults = append(faults, fmt.Errorf("frigate: "+format, args...)) }
	if strings.ContainsAny(o.Prefix, "+#") || o.Prefix == "" {
		bad("prefix %q is not the beginning of a topic", o.Prefix)
	}
	for camera, device := range o.Cameras {
		if device == "" {
			if _, p := tree.DeviceID(devicePrefix, camera); p != nil {
				bad("cameras: %s", p.Detail)
			}
		} else if !sensors.ValidDeviceID(string(device)) {
			bad("cameras: %s: %q cannot name a device", camera, device)
		}
	}
	for zone, camera := range o.Zones {
		if _, ok := o.Cameras[camera]; !ok {
			bad("zones: %s: camera %q is not among the cameras", zone, camera)
		}
	}
	for i, r := range o.Rules {
		for _, e := range kindFaults(catalog, r.Kind, sensors.Event, r.Camera, r.Label, r.Zone) {
			bad("rule %d: %w", i+1, e)
		}
		if !(r.MinScore >= 0 && r.MinScore <= 1) {
			bad("rule %d: min_score %v is not between 0 and 1", i+1, r.MinScore)
		}
	}
	for i, r := range o.Counts {
		for _, e := range kindFaults(catalog, r.Kind, sensors.Measure, r.Place, r.Label) {
			bad("count %d: %w", i+1, e)
		}
	}
	if o.Privacy != Drop && o.Privacy != Hash {
		bad("privacy %q is neither drop nor hash", o.Privacy)
	}
	if o.Privacy == Hash && len(o.Key) < MinKeyBytes {
		bad("privacy is hash and the key has %d bytes, at least %d are needed", len(o.Key), MinKeyBytes)
	}
	return errors.Join(faults...)
}

func kindFaults(catalog *sensors.Catalog, key sensors.KindKey, want sensors.KindType, patterns ...string) []error {
	var out []error
	if kind, ok := catalog.Kind(key); !ok {
		out = append(out, fmt.Errorf("kind %q is not in the catalogue", key))
	} else if kind.Type != want {
		out = append(out, fmt.Errorf("kind %s is of type %s, not %s", key, kind.Type, want))
	}
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			out = append(out, fmt.Errorf("pattern %q: %w", p, err))
		}
	}
	return out
}
