package jsonmap

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/urbangrid/urbangrid/sensors"
)

// Load reads a mapping file and returns its Decoder. The error joins every fault
// of the file, each with its line.
func Load(catalog *sensors.Catalog, file io.Reader) (*Decoder, error) {
	raw, err := io.ReadAll(file)
	if err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	var c Config
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var faults []error
	if err := dec.Decode(&c); err != nil {
		var te *yaml.TypeError
		if !errors.As(err, &te) {
			return nil, fmt.Errorf("read mappings: %w", err)
		}
		for _, s := range te.Errors {
			faults = append(faults, fmt.Errorf("mappings: %s", s))
		}
	}
	var root yaml.Node
	if err := yaml.Unmarshal(raw, &root); err != nil {
		return nil, fmt.Errorf("read mappings: %w", err)
	}
	d, err := newDecoder(catalog, c, lineOf(&root))
	if err = errors.Join(append(faults, err)...); err != nil {
		return nil, err
	}
	return d, nil
}

// lineOf returns a function that says where mapping i, or its value j, begins;
// j is -1 for the mapping itself. 0 is a line that is not known.
func lineOf(root *yaml.Node) func(i, j int) int {
	at := func(n *yaml.Node, field string, i int) *yaml.Node {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		for k := 0; k+1 < len(n.Content); k += 2 {
			if list := n.Content[k+1]; n.Content[k].Value == field && list.Kind == yaml.SequenceNode && i < len(list.Content) {
				return list.Content[i]
			}
		}
		return nil
	}
	return func(i, j int) int {
		if len(root.Content) == 0 {
			return 0
		}
		n := at(root.Content[0], "mappings", i)
		if j >= 0 {
			n = at(n, "values", j)
		}
		if n == nil {
			return 0
		}
		return n.Line
	}
}

// New returns the Decoder of a Config that was made by hand. The error joins
// everything that is wrong.
func New(catalog *sensors.Catalog, c Config) (*Decoder, error) {
	return newDecoder(catalog, c, func(int, int) int { return 0 })
}

func newDecoder(catalog *sensors.Catalog, c Config, line func(i, j int) int) (*Decoder, error) {
	d := &Decoder{}
	d.docs.New = newDoc
	var faults []error
	if len(c.Mappings) == 0 {
		faults = append(faults, errors.New("mappings: there is none"))
	}
	for i, m := range c.Mappings {
		name := fmt.Sprintf("mapping %d", i+1)
		if m.Name != "" {
			name = "mapping " + m.Name
		}
		bad := func(j int, err error) {
			where := name
			if l := line(i, j); l > 0 {
				where = fmt.Sprintf("%s (line %d)", name, l)
			}
			if j >= 0 {
				where += fmt.Sprintf(": value %d", j+1)
			}
			faults = append(faults, fmt.Errorf("%s: %w", where, err))
		}
		d.mappings = append(d.mappings, compile(catalog, m, bad))
	}
	return d, errors.Join(faults...)
}

// mapping is a Mapping ready for use.
type mapping struct {
	Mapping
	filters []filter
	each    route
	id      []route
	device  []route
	time    []route
	zone    *time.Location
	lat     []route
	lon     []route
	datum   sensors.Datum
	values  []value
	attrs   []attr
	battery []route
	signal  []route
	word    []route // of presence
}

type value struct {
	Value
	routes []route
	scale  float64
	typ    sensors.KindType
	unit   string // of the kind
}

type attr struct {
	name   string
	routes []route
}

// compile tells bad everything that is wrong; the second argument is the number
// of the value, or -1.
func compile(catalog *sensors.Catalog, m Mapping, bad func(int, error)) *mapping {
	c := &mapping{Mapping: m}
	badf := func(format string, args ...any) { bad(-1, fmt.Errorf(format, args...)) }
	routes := func(field string, paths Paths) []route {
		return compilePaths(paths, func(err error) { badf("%s: %w", field, err) })
	}
	if len(m.Topics) == 0 {
		badf("topics: there is none")
	}
	for _, t := range m.Topics {
		f, err := parseFilter(t)
		if err != nil {
			badf("topics: %w", err)
		}
		c.filters = append(c.filters, f)
	}
	var err error
	if c.each, err = parsePath(m.Each, true); err != nil {
		badf("each: %w", err)
	}
	c.device = routes("device.path", m.Device.Path)
	c.checkDevice(badf)
	if m.Time != nil {
		c.time = routes("time.path", m.Time.Path)
		c.checkTime(badf)
	}
	if m.Position != nil {
		c.lat, c.lon = routes("position.lat", m.Position.Lat), routes("position.lon", m.Position.Lon)
		if len(c.lat) == 0 || len(c.lon) == 0 {
			badf("position: lat or lon is missing")
		}
		if c.datum, err = sensors.ParseDatum(m.Position.Datum); err != nil {
			badf("position: %w", err)
		}
	}
	c.id = routes("id", m.ID)
	c.battery, c.signal = routes("health.battery_percent", m.Health.Battery), routes("health.signal_dbm", m.Health.Signal)
	for name, paths := range m.Attrs {
		c.attrs = append(c.attrs, attr{name, routes("attrs."+name, paths)})
	}
	slices.SortFunc(c.attrs, func(a, b attr) int { return strings.Compare(a.name, b.name) })
	c.compileValues(catalog, bad)
	if p := m.Presence; p != nil {
		c.word = routes("presence.path", p.Path)
		if len(p.Online)+len(p.Offline) == 0 {
			badf("presence: neither online nor offline has a word")
		}
		if len(c.word) == 0 && (len(m.Values) > 0 || m.Device.Topic == "" && m.Device.Fixed == "") {
			badf("presence: without a path the message is one word, which names no device and has no values")
		}
	}
	if len(m.Values) == 0 && m.Presence == nil && len(c.battery)+len(c.signal) == 0 {
		badf("has neither values nor health nor presence")
	}
	return c
}

func compilePaths(paths Paths, bad func(error)) []route {
	var out []route
	for _, p := range paths {
		if p == "" {
			bad(errors.New("path is empty"))
			continue
		}
		r, err := parsePath(p, false)
		if err != nil {
			bad(err)
		}
		out = append(out, r)
	}
	return out
}

func (c *mapping) checkDevice(badf func(string, ...any)) {
	d := c.Device
	ways := 0
	for _, given := range []bool{d.Topic != "", len(d.Path) > 0, d.Key != 0, d.Fixed != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		badf("device: give exactly one of topic, path, key, fixed")
	}
	if d.Topic != "" {
		for _, f := range c.filters {
			if _, ok := f.names[d.Topic]; !ok {
				badf("device: topic %q has no level {%s}", f.text, d.Topic)
			}
		}
	}
	stars := 0
	for _, s := range c.each.steps {
		if s.any {
			stars++
		}
	}
	if d.Key < 0 || d.Key > stars {
		badf("device: key is %d and each has %d '*'", d.Key, stars)
	}
}

// epochs are the formats that count from 1970.
var epochs = map[string]time.Duration{
	"epoch_s": time.Second, "epoch_ms": time.Millisecond, "epoch_us": time.Microsecond,
}

func (c *mapping) checkTime(badf func(string, ...any)) {
	if len(c.time) == 0 {
		badf("time: path is missing")
	}
	c.zone = time.UTC
	if z := c.Time.Zone; z != "" {
		zone, err := time.LoadLocation(z)
		if err != nil || z == "Local" {
			badf("time: zone %q is not known", z)
		} else {
			c.zone = zone
		}
	}
	f := c.Time.Format
	_, epoch := epochs[f]
	if epoch || f == "" || f == "rfc3339" {
		if c.Time.Zone != "" {
			badf("time: format %q needs no zone", f)
		}
		return
	}
	sample := time.Date(2031, 11, 22, 21, 43, 54, 0, time.UTC)
	got, err := time.Parse(f, sample.Format(f))
	if err != nil || got.Year() != sample.Year() || got.YearDay() != sample.YearDay() {
		badf("time: format %q is neither rfc3339, epoch_s, epoch_ms, epoch_us nor a layout with year, month and day", f)
	}
}

func (c *mapping) compileValues(catalog *sensors.Catalog, bad func(int, error)) {
	used := make(map[string]bool)
	for j, v := range c.Values {
		cv := value{Value: v, scale: 1}
		cv.routes = compilePaths(v.Path, func(err error) { bad(j, err) })
		if len(v.Path) == 0 {
			bad(j, errors.New("path is missing"))
		}
		if v.Scale != nil {
			cv.scale = *v.Scale
		}
		if cv.scale == 0 || math.IsNaN(cv.scale+v.Offset) || math.IsInf(cv.scale+v.Offset, 0) {
			bad(j, fmt.Errorf("scale %v and offset %v are not usable", cv.scale, v.Offset))
		}
		if key := string(v.Kind) + " " + v.Suffix; used[key] {
			bad(j, fmt.Errorf("kind %s is there twice; give one of them a suffix", v.Kind))
		} else {
			used[key] = true
		}
		kind, ok := catalog.Kind(v.Kind)
		if !ok {
			bad(j, fmt.Errorf("kind %q is not in the catalogue", v.Kind))
		} else {
			cv.typ, cv.unit = kind.Type, kind.Unit
			if cv.Unit == "" {
				cv.Unit = kind.Unit
			}
			if _, err := sensors.Convert(1, cv.Unit, kind.Unit); err != nil {
				bad(j, err)
			}
		}
		c.values = append(c.values, cv)
	}
}
