package replay

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urbangrid/urbangrid/sensors"
)

// Reason says why a row could not be read. The reasons are a closed set.
type Reason string

// The reasons, in the order in which a row is looked at.
const (
	BadCSV      Reason = "bad_csv"      // quotes or number of columns
	BadTime     Reason = "bad_time"     // missing, or no layout fits
	BadPosition Reason = "bad_position" // half a position, not a number, not on Earth, or a name that is not listed
	BadDevice   Reason = "bad_device"   // a name that no device can have
	UnknownKind Reason = "unknown_kind" // a value that is not listed, and no default
	BadValue    Reason = "bad_value"    // no value of the row is a number
	BadID       Reason = "bad_id"       // missing or too long
	BadAttrs    Reason = "bad_attrs"    // too much for one observation
)

// Reasons returns every Reason in order.
func Reasons() []Reason {
	return []Reason{BadCSV, BadTime, BadPosition, BadDevice, UnknownKind, BadValue, BadID, BadAttrs}
}

// maxAttrsBytes is what the protocol allows.
const maxAttrsBytes = 4 << 10

// Row is one row of the file.
type Row struct {
	Line          int                   // of the file, from 1
	Observations  []sensors.Observation // none when Reason is set; a zero Position means that the row has none
	MissingValues int                   // observations the row could have had, but for a missing value
	BadValues     int                   // the same, but for a value that is not a number
	Reason        Reason                // why the row could not be read, "" when it could
}

// Reader reads rows. It is not safe for concurrent use.
type Reader struct {
	mapping *Mapping
	csv     *csv.Reader
	index   map[string]int // of a column
	record  []string
}

// NewReader reads the header of a CSV file, which may be compressed with gzip.
// The error names every column that the mapping needs and the file has not.
func NewReader(in io.Reader, m *Mapping) (*Reader, error) {
	buffered := bufio.NewReaderSize(in, 64<<10)
	var plain io.Reader = buffered
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" { // too short is answered below
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("open compressed CSV: %w", err)
		}
		plain = unzipped
	}
	c := csv.NewReader(plain)
	c.Comma = m.comma
	c.ReuseRecord = true
	header, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("read CSV header: the file is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("read CSV header: %w", err)
	}
	r := &Reader{mapping: m, csv: c, index: make(map[string]int, len(header))}
	for i, name := range header {
		r.index[strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))] = i
	}
	var faults []error
	for column, fields := range m.columns() {
		if _, ok := r.index[column]; !ok {
			faults = append(faults, fmt.Errorf("%s: the file has no column %q", strings.Join(slices.Compact(fields), ", "), column))
		}
	}
	slices.SortFunc(faults, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return r, errors.Join(faults...)
}

// Next returns the next row, and io.EOF after the last. Any other error means
// that the file cannot be read further; a row that makes no sense is no error.
func (r *Reader) Next() (Row, error) {
	record, err := r.csv.Read()
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		return Row{Line: syntax.StartLine, Reason: BadCSV}, nil
	}
	if err != nil {
		if !errors.Is(err, io.EOF) {
			err = fmt.Errorf("read CSV: %w", err)
		}
		return Row{}, err
	}
	r.record = record
	line, _ := r.csv.FieldPos(0)
	row := Row{Line: line}
	row.Reason = r.fill(&row)
	if row.Reason != "" {
		row.Observations = nil
	}
	return row, nil
}

// value returns a column of the current row, and false when it is missing.
func (r *Reader) value(column string) (string, bool) {
	v := strings.TrimSpace(r.record[r.index[column]])
	return v, v != "" && !slices.Contains(r.mapping.missing, v)
}

func (r *Reader) fill(row *Row) Reason {
	m := r.mapping
	common, reason := r.common()
	if reason != "" {
		return reason
	}
	for i := range m.kinds {
		o := common
		reason, missing := r.kindAndValue(&m.kinds[i], &o)
		switch {
		case missing:
			row.MissingValues++
			continue
		case reason == BadValue:
			row.BadValues++ // the other values of a wide row are still good
			continue
		case reason != "":
			return reason
		}
		if reason := r.names(&o); reason != "" {
			return reason
		}
		row.Observations = append(row.Observations, o)
	}
	if row.BadValues > 0 && len(row.Observations) == 0 {
		return BadValue
	}
	return ""
}

// common reads what all observations of the row share.
func (r *Reader) common() (o sensors.Observation, reason Reason) {
	parts := make([]string, len(r.mapping.time.columns))
	for i, column := range r.mapping.time.columns {
		v, ok := r.value(column)
		if !ok {
			return o, BadTime
		}
		parts[i] = v
	}
	at, err := r.mapping.time.parse(strings.Join(parts, " "))
	if err != nil {
		return o, BadTime
	}
	o.At = at
	if o.Position, err = r.position(); err != nil {
		return o, BadPosition
	}
	if o.Attrs, err = r.attributes(); err != nil {
		return o, BadAttrs
	}
	return o, ""
}

var errPosition = errors.New("position cannot be read")

// position returns the zero Position for a row that has none.
func (r *Reader) position() (sensors.Position, error) {
	rule := &r.mapping.position
	switch {
	case rule.column != "":
		name, ok := r.value(rule.column)
		if !ok {
			return sensors.Position{}, nil
		}
		place, listed := rule.places[name]
		if !listed {
			return sensors.Position{}, errPosition
		}
		return place, nil
	case rule.lat != "":
		latText, hasLat := r.value(rule.lat)
		lonText, hasLon := r.value(rule.lon)
		if !hasLat && !hasLon {
			return sensors.Position{}, nil
		}
		lat, latErr := parseNumber(latText)
		lon, lonErr := parseNumber(lonText)
		if latErr != nil || lonErr != nil || !onEarth(lat, lon) {
			return sensors.Position{}, errPosition
		}
		return sensors.Position{LatDegrees: lat, LonDegrees: lon, Datum: rule.datum}, nil
	}
	return rule.constant, nil
}

func (r *Reader) kindAndValue(rule *kindRule, o *sensors.Observation) (reason Reason, missing bool) {
	o.Kind = rule.kind
	if rule.column != "" {
		text, _ := r.value(rule.column)
		kind, listed := rule.values[text]
		if !listed {
			kind = rule.fallback
		}
		if kind == "" {
			return UnknownKind, false
		}
		o.Kind = kind
	}
	o.Value = rule.value
	if rule.valueColumn == "" {
		return "", false
	}
	text, ok := r.value(rule.valueColumn)
	if !ok {
		return "", true
	}
	v, err := parseNumber(text)
	if err != nil {
		return BadValue, false
	}
	o.Value = v*rule.scale + rule.offset
	return "", false
}

// names gives the observation its device and id.
func (r *Reader) names(o *sensors.Observation) Reason {
	lookup := func(column string) (string, bool) {
		if column == kindColumn {
			return string(o.Kind), true
		}
		return r.value(column)
	}
	device, ok := r.mapping.device.fill(lookup)
	if !ok || !sensors.ValidDeviceID(device) {
		return BadDevice
	}
	o.Device = sensors.DeviceID(device)
	if r.mapping.id.empty() {
		return ""
	}
	if o.ID, ok = r.mapping.id.fill(lookup); !ok || len(o.ID) > sensors.MaxIDBytes {
		return BadID
	}
	return ""
}

func (r *Reader) attributes() (string, error) {
	var b []byte
	for _, a := range r.mapping.attrs {
		v, ok := r.value(a.column)
		if !ok {
			continue
		}
		b = append(b, ',')
		b = appendJSON(b, a.name)
		b = append(b, ':')
		b = appendJSON(b, v)
	}
	if len(b) == 0 {
		return "", nil
	}
	b[0] = '{'
	b = append(b, '}')
	if len(b) > maxAttrsBytes {
		return "", errors.New("attributes are too large")
	}
	return string(b), nil
}

// appendJSON writes a text; what is not UTF-8 in it becomes U+FFFD.
func appendJSON(b []byte, s string) []byte {
	text, _ := json.Marshal(s) // a string cannot fail
	return append(b, text...)
}
