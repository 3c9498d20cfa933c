// Package report answers what a district asks of weeks and months: where the
// trends go, where the hot spots are, which problems come back, what is
// emerging, and how good the detection is. Each answer is a Result that says
// by which method, from which parameters and which data it came; package export
// writes it as JSON, CSV, XLSX, GeoJSON and text.
package report

import (
	"slices"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Name names a report.
type Name string

// The reports.
const (
	Trend    Name = "trend"
	Hotspots Name = "hotspots"
	Emerging Name = "emerging"
	Stubborn Name = "stubborn"
	Quality  Name = "quality"
)

// Names are the reports in the order in which people are told of them.
var Names = [...]Name{Trend, Hotspots, Emerging, Stubborn, Quality}

// FormatVersion is that of the form of a Result: it is raised when a column
// changes its meaning.
const FormatVersion = "1"

// Result is the answer of a report. It never changes after it was made and is
// safe for concurrent use.
type Result struct {
	Report      Name          `json:"report"`
	Title       sensors.Names `json:"title"`
	Version     Version       `json:"version"`
	GeneratedAt time.Time     `json:"generated_at" doc:"When it was computed; an answer from memory keeps its time"`
	Period      Period        `json:"period"`
	Data        Data          `json:"data"`
	Methods     []Method      `json:"methods" nullable:"false" doc:"How the numbers came about, with the source of each method"`
	Parameters  []Parameter   `json:"parameters" nullable:"false" doc:"What was asked, with what was left out filled in"`
	Definitions []Definition  `json:"definitions" nullable:"false" doc:"What the words mean"`
	Sections    []Section     `json:"sections,omitempty" doc:"The kinds that have a section each, where there are several and each is answered by itself"`
	Notes       []Note        `json:"notes" nullable:"false" doc:"What is missing, or must be known to read the numbers, and why"`
	Tables      []Table       `json:"tables" nullable:"false"`
	Features    []Feature     `json:"features" nullable:"false" doc:"Rows of tables that have a place; GeoJSON has their geometry"`
}

// Version says what made a Result.
type Version struct {
	Program string `json:"program" example:"0.4.0"`
	Format  string `json:"format" doc:"Of the form of reports: raised when a column changes its meaning" example:"1"`
}

// Period is the time that a Result is about: whole windows of the district's
// calendar.
type Period struct {
	From  time.Time `json:"from" doc:"Included"`
	To    time.Time `json:"to" doc:"Not included"`
	Zone  string    `json:"zone" doc:"Whose days and weeks they are; weeks begin on Monday" example:"Asia/Shanghai"`
	Every Step      `json:"every" enum:"hour,day,week,period" doc:"Length of a window; period when it is one"`
	Count int       `json:"windows" doc:"How many windows it has"`

	location *time.Location
}

// NewPeriod returns the period of n windows from from to to in zone.
func NewPeriod(from, to time.Time, zone *time.Location, every Step, n int) Period {
	return Period{From: from.UTC(), To: to.UTC(), Zone: zone.String(), Every: every, Count: n, location: zone}
}

// Location is the zone as the program knows it.
func (p Period) Location() *time.Location {
	if p.location == nil {
		return time.UTC
	}
	return p.location
}

// Data says what the numbers were made from.
type Data struct {
	Observations int64  `json:"observations" doc:"How many observations of the period were taken into account"`
	Alerts       *int   `json:"alerts,omitempty" doc:"How many alerts of the period were taken into account; left out by reports that read none"`
	Fingerprint  string `json:"fingerprint" doc:"Equal while the data of the period is the same"`
}

// read says that n more alerts were read.
func (d *Data) read(n int) {
	if d.Alerts != nil {
		n += *d.Alerts
	}
	d.Alerts = &n
}

// Method is a method with the text it was taken from.
type Method struct {
	Key       string        `json:"key" example:"mann_kendall"`
	Names     sensors.Names `json:"names"`
	Reference string        `json:"reference"`
}

// Parameter is one parameter with the value it had.
type Parameter struct {
	Key   string        `json:"key" example:"every"`
	Names sensors.Names `json:"names"`
	Text  string        `json:"text" doc:"As it stands in a URL; asked again it is the same question" example:"day"`
	Value Value         `json:"value" doc:"As people read it"`
}

// Definition says what a word or a column means, and what it does not say.
type Definition struct {
	Key   string        `json:"key" example:"z"`
	Names sensors.Names `json:"names"`
	Text  sensors.Names `json:"text"`
}

// ColumnType is what the values of a column are, where they are not missing.
type ColumnType string

// The types of columns.
const (
	TextColumn   ColumnType = "text"
	NumberColumn ColumnType = "number"
	TimeColumn   ColumnType = "time"
)

// Column describes one column of a table.
type Column struct {
	Key       string        `json:"key" example:"slope"`
	Names     sensors.Names `json:"names"`
	Type      ColumnType    `json:"type" enum:"text,number,time"`
	Unit      string        `json:"unit" doc:"UCUM code of the numbers, 1 for plain numbers, empty for what is no number" example:"1/d"`
	UnitLabel sensors.Names `json:"unit_label" doc:"The unit as people write it, empty for plain numbers"`
	Digits    int           `json:"digits" doc:"Digits after the point that are worth showing"`
}

// Table is rows of values, each row with one value for each column.
type Table struct {
	Key     string          `json:"key" doc:"Within the report; in a section it ends in a dot and the kind" example:"summary"`
	Kind    sensors.KindKey `json:"kind,omitempty" doc:"Whose section it belongs to" example:"smoke"`
	Title   sensors.Names   `json:"title"`
	Columns []Column        `json:"columns" nullable:"false"`
	Rows    [][]Value       `json:"rows" nullable:"false"`
}

// Feature gives a row of a table its place: cells (one hexagon each), an area
// or a point.
type Feature struct {
	Table string        `json:"table" doc:"Key of the table"`
	Row   int           `json:"row" doc:"Number of its row, from 0"`
	Cells []CellID      `json:"cells,omitempty" doc:"H3 cells"`
	Area  grid.AreaCode `json:"area,omitempty" doc:"Code of a responsibility area"`
	Point *Point        `json:"point,omitempty"`

	shape []grid.Polygon // of Area
}

// AreaFeature gives a row the place of an area.
func AreaFeature(table string, row int, a grid.Area) Feature {
	return Feature{Table: table, Row: row, Area: a.Code, shape: a.Polygons}
}

// CellFeature gives a row the place of cells.
func CellFeature(table string, row int, cells ...grid.Cell) Feature {
	f := Feature{Table: table, Row: row, Cells: make([]CellID, len(cells))}
	for i, c := range cells {
		f.Cells[i] = CellID(c)
	}
	return f
}

// Shape is the polygons of the area that the feature is.
func (f Feature) Shape() []grid.Polygon { return f.shape }

// CellID is a cell that is written as people write it.
type CellID grid.Cell

// MarshalText writes the hexadecimal form.
func (c CellID) MarshalText() ([]byte, error) { return []byte(grid.Cell(c).String()), nil }

// UnmarshalText reads the hexadecimal form.
func (c *CellID) UnmarshalText(b []byte) error {
	cell, err := grid.ParseCell(string(b))
	*c = CellID(cell)
	return err
}

// Point is a place in WGS 84.
type Point struct {
	Lat float64 `json:"lat" doc:"Degrees of latitude, WGS 84"`
	Lon float64 `json:"lon" doc:"Degrees of longitude, WGS 84"`
}

// Size is how many values r holds: what keeping it costs.
func (r *Result) Size() int {
	n := len(r.Features) * 4
	for _, t := range r.Tables {
		n += len(t.Rows) * len(t.Columns)
	}
	return n
}

// Table returns the table of that key.
func (r *Result) Table(key string) (Table, bool) {
	for _, t := range r.Tables {
		if t.Key == key {
			return t, true
		}
	}
	return Table{}, false
}

// prune takes out the columns of which every value is missing for one of the
// reasons, because they say nothing of what the table is about.
func (t *Table) prune(reasons ...NoteCode) {
	if len(t.Rows) == 0 {
		return
	}
	keep := make([]int, 0, len(t.Columns))
	for i := range t.Columns {
		useful := slices.ContainsFunc(t.Rows, func(row []Value) bool {
			why, missing := row[i].Why()
			return !missing || !slices.Contains(reasons, why)
		})
		if useful {
			keep = append(keep, i)
		}
	}
	columns := make([]Column, len(keep))
	for k, i := range keep {
		columns[k] = t.Columns[i]
	}
	t.Columns = columns
	for n, row := range t.Rows {
		short := make([]Value, len(keep))
		for k, i := range keep {
			short[k] = row[i]
		}
		t.Rows[n] = short
	}
}
