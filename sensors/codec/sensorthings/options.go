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

	// MultiDatastreams are those whose results are arrays: the Path of a Value
	// begins with its place among the result's elements, from 0.
	MultiDatastreams map[string]Datastream `yaml:"multi_datastreams"`

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
	Path  string             `yaml:"path"`  // names in a result that is an object, and places in one that is an array, joined by '.'; "" for the result itself
	Unit  string             `yaml:"unit"`  // of the datastream; "" means the kind's own
	Words map[string]float64 `yaml:"words"` // what results mean that are such text, or true, false or a number written so, in Unit; numbers in text need none
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

func compile(catalog *sensors.Catalog, opts *Options) (map[Topic]datastream, error) {
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
	out := make(map[Topic]datastream, len(opts.Datastreams)+len(opts.MultiDatastreams))
	for id, ds := range opts.Datastreams {
		out[Topic{Datastream: id}] = ds.compile(catalog, func(err error) { bad("datastream %s: %w", id, err) })
	}
	for id, ds := range opts.MultiDatastreams {
		out[Topic{Datastream: id, Multi: true}] = ds.compile(catalog, func(err error) { bad("multi-datastream %s: %w", id, err) })
	}
	return out, errors.Join(faults...)
}

// compile tells bad everything that is wrong.
func (ds Datastream) compile(catalog *sensors.Catalog, bad func(error)) datastream {
	c := datastream{device: ds.Device, datum: sensors.WGS84}
	if !sensors.ValidDeviceID(string(ds.Device)) {
		bad(fmt.Errorf("%q cannot name a device", ds.Device))
	}
	if ds.Datum != "" {
		var err error
		if c.datum, err = sensors.ParseDatum(ds.Datum); err != nil {
			bad(err)
		}
	}
	if len(ds.Values) == 0 {
		bad(errors.New("has no values"))
	}
	used := make(map[sensors.KindKey]bool)
	for i, v := range ds.Values {
		if used[v.Kind] {
			bad(fmt.Errorf("value %d: kind %s is there twice, and the second would be dropped as a duplicate", i+1, v.Kind))
		}
		used[v.Kind] = true
		cv, err := compileValue(catalog, v)
		if err != nil {
			bad(fmt.Errorf("value %d: %w", i+1, err))
		}
		c.values = append(c.values, cv)
	}
	return c
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
