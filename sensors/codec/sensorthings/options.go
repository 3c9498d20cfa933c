package sensorthings

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

// Options says which datastreams are read, and as what. The zero Options knows
// none, so that every observation is a fault.
type Options struct {
	Prefix      string                `yaml:"prefix"`      // the levels in front of "v1.1/…" in topics; "" for none
	Datastreams map[string]Datastream `yaml:"datastreams"` // by @iot.id as it stands in the topic, without quotes

	// MaxEchoes bounds how many creations without an id are remembered until the
	// server's own notification of them; 0 means 10,000, at some 60 bytes each.
	MaxEchoes int `yaml:"max_echoes"`
}

// Datastream says what one datastream means.
type Datastream struct {
	Device sensors.DeviceID `yaml:"device"`
	Datum  string           `yaml:"datum"`  // of features of interest; "" means wgs84, which the standard asks for
	Values []Value          `yaml:"values"` // what a result holds, at least one
}

// Value is one value of a result.
type Value struct {
	Kind  sensors.KindKey    `yaml:"kind"`
	Path  string             `yaml:"path"`  // names in a result that is an object, joined by '.'; "" for the result itself
	Unit  string             `yaml:"unit"`  // of the datastream; "" means the kind's own
	Words map[string]float64 `yaml:"words"` // what results that are text mean, in Unit; numbers in text need none
}

type value struct {
	Value
	path []string
	typ  sensors.KindType
	unit string // of the kind
}

type datastream struct {
	device sensors.DeviceID
	datum  sensors.Datum
	values []value
}

func compile(catalog *sensors.Catalog, opts *Options) (map[string]datastream, error) {
	if opts.MaxEchoes == 0 {
		opts.MaxEchoes = 10_000
	}
	var faults []error
	bad := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("sensorthings: "+format, args...))
	}
	if opts.MaxEchoes < 0 {
		bad("max_echoes is %d", opts.MaxEchoes)
	}
	if strings.ContainsAny(opts.Prefix, "+#") {
		bad("prefix %q is not the beginning of a topic", opts.Prefix)
	}
	if opts.Prefix != "" && !strings.HasSuffix(opts.Prefix, "/") {
		opts.Prefix += "/"
	}
	out := make(map[string]datastream, len(opts.Datastreams))
	for id, ds := range opts.Datastreams {
		c := datastream{device: ds.Device, datum: sensors.WGS84}
		if !sensors.ValidDeviceID(string(ds.Device)) {
			bad("datastream %s: %q cannot name a device", id, ds.Device)
		}
		if ds.Datum != "" {
			var err error
			if c.datum, err = sensors.ParseDatum(ds.Datum); err != nil {
				bad("datastream %s: %w", id, err)
			}
		}
		if len(ds.Values) == 0 {
			bad("datastream %s: has no values", id)
		}
		for i, v := range ds.Values {
			cv, err := compileValue(catalog, v)
			if err != nil {
				bad("datastream %s: value %d: %w", id, i+1, err)
			}
			c.values = append(c.values, cv)
		}
		out[id] = c
	}
	return out, errors.Join(faults...)
}

func compileValue(catalog *sensors.Catalog, v Value) (value, error) {
	c := value{Value: v}
	if v.Path != "" {
		c.path = strings.Split(v.Path, ".")
	}
	kind, ok := catalog.Kind(v.Kind)
	if !ok {
		return c, fmt.Errorf("kind %q is not in the catalogue", v.Kind)
	}
	c.typ, c.unit = kind.Type, kind.Unit
	if c.Unit == "" {
		c.Unit = kind.Unit
	}
	_, err := sensors.Convert(1, c.Unit, kind.Unit)
	return c, err
}
