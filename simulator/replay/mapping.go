// Package replay publishes the rows of a CSV file as observations. A mapping
// says which column means what.
package replay

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// Mapping says how a row becomes observations. It does not change after Parse
// and is safe for concurrent use.
type Mapping struct {
	comma    rune
	missing  []string
	time     timeRule
	position positionRule
	device   template
	id       template // zero when rows have no name
	kinds    []kindRule
	attrs    []attrRule
}

// Zone returns the zone of times that name none.
func (m *Mapping) Zone() *time.Location { return m.time.zone }

type timeRule struct {
	columns []string
	layouts []string
	zone    *time.Location
}

// positionRule finds the place of a row: by columns, by a column that names one
// of several places, or one place for all.
type positionRule struct {
	lat, lon string
	column   string
	places   map[string]sensors.Position
	constant sensors.Position
	datum    sensors.Datum
}

type kindRule struct {
	kind     sensors.KindKey // when column is ""
	column   string
	values   map[string]sensors.KindKey
	fallback sensors.KindKey // of values that are not listed; "" means that such a row is unreadable

	valueColumn string  // "" means value alone
	value       float64 // when there is no column
	scale       float64
	offset      float64
}

type attrRule struct {
	column string
	name   string
}

// file is the form of a mapping file.
type file struct {
	Comma        string            `yaml:"comma"`
	Missing      []string          `yaml:"missing"`
	Time         fileTime          `yaml:"time"`
	Position     filePosition      `yaml:"position"`
	Device       string            `yaml:"device"`
	ID           string            `yaml:"id"`
	Observations []fileObservation `yaml:"observations"`
	Attributes   map[string]string `yaml:"attributes"`
}

type fileTime struct {
	Columns []string `yaml:"columns"`
	Layouts []string `yaml:"layouts"`
	Zone    string   `yaml:"zone"`
}

type filePlace struct {
	Lat *float64 `yaml:"lat"`
	Lon *float64 `yaml:"lon"`
}

type filePosition struct {
	Lat      string               `yaml:"lat"`
	Lon      string               `yaml:"lon"`
	Column   string               `yaml:"column"`
	Places   map[string]filePlace `yaml:"places"`
	Constant *filePlace           `yaml:"constant"`
	Datum    string               `yaml:"datum"`
}

type fileObservation struct {
	Kind     string        `yaml:"kind"`
	KindFrom *fileKindFrom `yaml:"kind_from"`
	Value    *fileValue    `yaml:"value"`
}

type fileKindFrom struct {
	Column  string            `yaml:"column"`
	Values  map[string]string `yaml:"values"`
	Default string            `yaml:"default"`
}

type fileValue struct {
	Column   string   `yaml:"column"`
	Constant *float64 `yaml:"constant"`
	Scale    *float64 `yaml:"scale"`
	Offset   float64  `yaml:"offset"`
}

// Parse reads a mapping file. The error joins every fault, each with its line
// and field. catalog decides which kinds exist; nil lets all pass.
func Parse(data []byte, catalog *sensors.Catalog) (*Mapping, error) {
	var f file
	src, err := decode(data, &f)
	if err != nil {
		return nil, err
	}
	p := parser{source: src, catalog: catalog}
	m := &Mapping{
		comma:    p.comma(f.Comma),
		missing:  f.Missing,
		time:     p.time(f.Time),
		position: p.position(f.Position),
		device:   p.template("device", f.Device),
		id:       p.template("id", f.ID),
	}
	if m.missing == nil {
		m.missing = []string{""}
	}
	if f.Device == "" {
		p.fault("device", "is missing: every observation has a device")
	}
	for i, o := range f.Observations {
		m.kinds = append(m.kinds, p.observation(fmt.Sprintf("observations[%d]", i), o))
	}
	if len(f.Observations) == 0 {
		p.fault("observations", "is missing: say which kinds and values a row has")
	}
	if len(m.kinds) > 1 && f.ID != "" && !m.id.uses(kindColumn) {
		p.fault("id", "is the same for all observations of a row, so only one of them would count: add {@kind}")
	}
	m.attrs = p.attributes(f.Attributes)
	if err := p.faults(); err != nil {
		return nil, err
	}
	return m, nil
}

// parser turns the form of the file into rules and collects what is wrong.
type parser struct {
	source  *source
	catalog *sensors.Catalog
}

func (p *parser) fault(path, text string) { p.source.fault(path, text) }

func (p *parser) faults() error { return p.source.faults() }

func (p *parser) comma(s string) rune {
	if s == "" {
		return ','
	}
	r, n := utf8.DecodeRuneInString(s)
	if n != len(s) || r == '"' || r == '\n' || r == '\r' || r == utf8.RuneError {
		p.fault("comma", fmt.Sprintf("%q is not one character that can separate columns", s))
		return ','
	}
	return r
}

func (p *parser) time(f fileTime) timeRule {
	rule := timeRule{columns: f.Columns}
	if len(f.Columns) == 0 {
		p.fault("time.columns", "is missing: name the column, or the columns that together give the time")
	}
	if len(f.Layouts) == 0 {
		p.fault("time.layouts", "is missing: give at least one layout, Go style or with % directives")
	}
	for i, raw := range f.Layouts {
		layout, err := readLayout(raw)
		if err != nil {
			p.fault(fmt.Sprintf("time.layouts[%d]", i), err.Error())
			continue
		}
		rule.layouts = append(rule.layouts, layout)
	}
	if f.Zone == "" {
		p.fault("time.zone", "is missing: give an IANA name such as Asia/Shanghai, or UTC")
		return rule
	}
	zone, err := time.LoadLocation(f.Zone)
	if err != nil || f.Zone == "Local" {
		p.fault("time.zone", fmt.Sprintf("%q is not an IANA zone", f.Zone))
		return rule
	}
	rule.zone = zone
	return rule
}

func (p *parser) position(f filePosition) positionRule {
	rule := positionRule{datum: sensors.WGS84, lat: f.Lat, lon: f.Lon, column: f.Column}
	if f.Datum != "" {
		datum, err := sensors.ParseDatum(f.Datum)
		if err != nil {
			p.fault("position.datum", err.Error())
		} else {
			rule.datum = datum
		}
	}
	ways := 0
	if f.Lat != "" || f.Lon != "" {
		ways++
		if f.Lat == "" || f.Lon == "" {
			p.fault("position", "has one of lat and lon: both columns are needed")
		}
	}
	if f.Column != "" || len(f.Places) > 0 {
		ways++
		if f.Column == "" || len(f.Places) == 0 {
			p.fault("position", "has one of column and places: both are needed")
		}
		rule.places = make(map[string]sensors.Position, len(f.Places))
		for name, place := range f.Places {
			rule.places[name] = p.place("position.places."+name, place, rule.datum)
		}
	}
	if f.Constant != nil {
		ways++
		rule.constant = p.place("position.constant", *f.Constant, rule.datum)
	}
	if ways > 1 {
		p.fault("position", "is given in more than one way: choose lat and lon, or column and places, or constant")
	}
	return rule
}

func (p *parser) place(path string, f filePlace, datum sensors.Datum) sensors.Position {
	if f.Lat == nil || f.Lon == nil {
		p.fault(path, "needs lat and lon")
		return sensors.Position{}
	}
	if !onEarth(*f.Lat, *f.Lon) {
		p.fault(path, fmt.Sprintf("%g, %g is not on Earth: latitude is -90 to 90, longitude -180 to 180", *f.Lat, *f.Lon))
	}
	return sensors.Position{LatDegrees: *f.Lat, LonDegrees: *f.Lon, Datum: datum}
}

func (p *parser) observation(path string, f fileObservation) kindRule {
	rule := kindRule{value: 1, scale: 1}
	switch {
	case f.Kind != "" && f.KindFrom != nil:
		p.fault(path, "has kind and kind_from: choose one")
	case f.Kind != "":
		rule.kind = p.kind(path+".kind", f.Kind)
	case f.KindFrom != nil:
		rule.column = f.KindFrom.Column
		if rule.column == "" {
			p.fault(path+".kind_from.column", "is missing")
		}
		if f.KindFrom.Default != "" {
			rule.fallback = p.kind(path+".kind_from.default", f.KindFrom.Default)
		}
		if len(f.KindFrom.Values) == 0 && f.KindFrom.Default == "" {
			p.fault(path+".kind_from.values", "is missing: say which value means which kind")
		}
		rule.values = make(map[string]sensors.KindKey, len(f.KindFrom.Values))
		for value, kind := range f.KindFrom.Values {
			rule.values[value] = p.kind(path+".kind_from.values."+value, kind)
		}
	default:
		p.fault(path, "has no kind: give kind or kind_from")
	}
	if f.Value != nil {
		p.value(path+".value", *f.Value, &rule)
	}
	return rule
}

func (p *parser) value(path string, f fileValue, rule *kindRule) {
	if (f.Column == "") == (f.Constant == nil) {
		p.fault(path, "needs either column or constant")
	}
	if f.Column == "" && (f.Scale != nil || f.Offset != 0) {
		p.fault(path, "has scale or offset without a column")
	}
	rule.valueColumn, rule.offset = f.Column, f.Offset
	if f.Constant != nil {
		rule.value = *f.Constant
	}
	if f.Scale != nil {
		rule.scale = *f.Scale
		if rule.scale == 0 {
			p.fault(path+".scale", "is 0: every value would be the same")
		}
	}
}

func (p *parser) kind(path, key string) sensors.KindKey {
	if p.catalog == nil {
		if !sensors.ValidKindKey(key) {
			p.fault(path, fmt.Sprintf("%q cannot be a kind", key))
		}
	} else if _, ok := p.catalog.Kind(sensors.KindKey(key)); !ok {
		p.fault(path, fmt.Sprintf("kind %q is not in the catalogue", key))
	}
	return sensors.KindKey(key)
}

func (p *parser) template(path, raw string) template {
	t, err := parseTemplate(raw)
	if err != nil {
		p.fault(path, err.Error())
	}
	return t
}

func (p *parser) attributes(columns map[string]string) []attrRule {
	var out []attrRule
	used := make(map[string]string)
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		name := columns[column]
		if name == "" {
			p.fault("attributes."+column, "has no name")
		}
		if other, ok := used[name]; ok {
			p.fault("attributes."+column, fmt.Sprintf("has the name %q of column %q too", name, other))
		}
		used[name] = column
		out = append(out, attrRule{column: column, name: name})
	}
	slices.SortFunc(out, func(a, b attrRule) int { return cmp.Compare(a.name, b.name) })
	return out
}

// columns returns every column that m reads, with the fields that do.
func (m *Mapping) columns() map[string][]string {
	out := make(map[string][]string)
	add := func(column, field string) {
		if column != "" && column != kindColumn {
			out[column] = append(out[column], field)
		}
	}
	for _, c := range m.time.columns {
		add(c, "time.columns")
	}
	add(m.position.lat, "position.lat")
	add(m.position.lon, "position.lon")
	add(m.position.column, "position.column")
	for i, k := range m.kinds {
		add(k.column, fmt.Sprintf("observations[%d].kind_from.column", i))
		add(k.valueColumn, fmt.Sprintf("observations[%d].value.column", i))
	}
	for _, c := range m.device.columns() {
		add(c, "device")
	}
	for _, c := range m.id.columns() {
		add(c, "id")
	}
	for _, a := range m.attrs {
		add(a.column, "attributes")
	}
	return out
}

func onEarth(lat, lon float64) bool {
	return lat >= -90 && lat <= 90 && lon >= -180 && lon <= 180
}

var errNotANumber = errors.New("not a number")

func parseNumber(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, errNotANumber
	}
	return v, nil
}
