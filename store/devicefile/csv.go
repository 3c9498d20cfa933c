package devicefile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// column is a column of the CSV form.
type column struct {
	field string // its name in English
	zh    string
	other []string // what it is called elsewhere
}

// columns are those that are written, in their order.
var columns = []column{
	{"id", "设备编号", []string{"device", "device_id", "deveui", "dev_eui", "编号", "设备id"}},
	{"name", "名称", []string{"设备名称"}},
	{"lat", "纬度", []string{"latitude", "lat_degrees"}},
	{"lon", "经度", []string{"lng", "longitude", "lon_degrees"}},
	{"datum", "坐标系", nil},
	{"profile", "设备档案", []string{"型号", "设备型号"}},
	{"kinds", "观测类型", []string{"kind", "监测类型"}},
	{"owner", "责任单位", []string{"权属单位"}},
	{"area", "网格编码", []string{"责任网格", "area_code"}},
	{"installed", "安装日期", []string{"install_date"}},
	{"interval", "上报间隔", []string{"expected_interval"}},
	{"maintenance", "维护时段", nil},
	{"tags", "标签", []string{"tag"}},
	{"auto", "自动登记", nil},
}

// names finds the field of a header.
var names = func() map[string]string {
	m := map[string]string{}
	for _, c := range columns {
		m[c.field], m[c.zh] = c.field, c.field
		for _, o := range c.other {
			m[o] = c.field
		}
	}
	return m
}()

// Formulas: a spreadsheet runs a cell that begins so, also in full width.
const formula = "=+-@＝＋－＠"

// guard puts a ' before what a spreadsheet would run, and before what unguard
// would otherwise take one from.
func guard(s string) string {
	if bare := strings.TrimLeft(s, "'"); bare != "" && strings.ContainsAny(firstRune(bare), formula) {
		return "'" + s
	}
	return s
}

// unguard undoes guard, and leaves a text that guard cannot have made as it is.
func unguard(s string) string {
	rest, ok := strings.CutPrefix(s, "'")
	if bare := strings.TrimLeft(rest, "'"); ok && bare != "" && strings.ContainsAny(firstRune(bare), formula) {
		return rest
	}
	return s
}

func firstRune(s string) string {
	_, n := utf8.DecodeRuneInString(s)
	return s[:n]
}

// ReadCSV reads a CSV file in UTF-8, with or without a byte order mark, with
// commas, semicolons or tabs between the cells. The first line names the columns
// in English or Chinese. An error means that r could not be read; what is wrong
// with the file is among its faults, all at once.
func ReadCSV(r io.Reader, opts Options) (*File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	in := newReader(opts)
	if !utf8.Valid(data) {
		line := 1 + bytes.Count(data[:invalidAt(data)], []byte("\n"))
		in.fault(0, "", "line %d is not UTF-8: save the file as “CSV UTF-8”", line)
		return &in.File, nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	rows := csv.NewReader(bytes.NewReader(data))
	rows.Comma = separator(data)
	rows.FieldsPerRecord = -1
	rows.ReuseRecord = true
	header, err := rows.Read()
	if err != nil {
		in.fault(0, "", "no header: the first line names the columns, of which id is one")
		return &in.File, nil //nolint:nilerr // the fault says it
	}
	fields := in.header(header)
	if len(in.Faults) > 0 {
		return &in.File, nil
	}
	for count := 0; ; count++ {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return &in.File, nil
		}
		if count == MaxDevices {
			in.fault(0, "", "more than %d rows", MaxDevices)
			return &in.File, nil
		}
		var bad *csv.ParseError
		if errors.As(err, &bad) {
			in.fault(bad.StartLine, "", "line %d, byte %d: %s", bad.Line, bad.Column, bad.Err)
			continue
		}
		line, _ := rows.FieldPos(0)
		in.record(line, fields, cells)
	}
}

// invalidAt is where data stops being UTF-8.
func invalidAt(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return len(data)
}

// separator is what stands between the cells of the first line.
func separator(data []byte) rune {
	first, _, _ := bytes.Cut(data, []byte("\n"))
	best := ','
	for _, r := range []rune{';', '\t'} {
		if bytes.Count(first, []byte(string(r))) > bytes.Count(first, []byte(string(best))) {
			best = r
		}
	}
	return best
}

// header returns the field of each column, "" for one that means nothing here.
func (r *reader) header(cells []string) []string {
	fields := make([]string, len(cells))
	seen := map[string]bool{}
	for i, c := range cells {
		name := strings.TrimSpace(c)
		f := names[strings.ToLower(name)]
		switch {
		case f == "" && name != "":
			r.Ignored = append(r.Ignored, unguard(name))
		case f != "" && seen[f]:
			r.fault(1, f, "is there twice")
		}
		fields[i], seen[f] = f, true
	}
	if !seen["id"] {
		r.fault(1, "id", "there is no column of that name (设备编号)")
	}
	if seen["lat"] != seen["lon"] {
		r.fault(1, "place", "of lat and lon only one is there")
	}
	return fields
}

func (r *reader) record(line int, fields, cells []string) {
	var d sensors.Device
	var lat, lon, datum string
	before := len(r.Faults)
	empty := true
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		if cell == "" {
			continue
		}
		empty = false
		if i >= len(fields) {
			r.fault(line, "", "%d cells, the header has %d", len(cells), len(fields))
			break
		}
		switch f := fields[i]; f {
		case "lat":
			lat = cell
		case "lon":
			lon = cell
		case "datum":
			datum = cell
		default:
			if wrong := set(&d, f, unguard(cell)); wrong != "" {
				r.fault(line, f, "%s", wrong)
			}
		}
	}
	if empty {
		return // spreadsheets leave such lines
	}
	r.place(line, &d, lat, lon, datum)
	r.add(line, d, before)
}

func (r *reader) place(line int, d *sensors.Device, lat, lon, datum string) {
	stated, err := parseDatum(datum, r.opts.Datum)
	if err != nil {
		r.fault(line, "datum", "%s", err)
	}
	if lat == "" && lon == "" {
		return
	}
	if lat == "" || lon == "" {
		r.fault(line, "place", "of lat and lon only one is there")
		return
	}
	p := sensors.Position{Datum: max(stated, sensors.WGS84)}
	if p.LatDegrees, err = parseDegrees(lat); err != nil {
		r.fault(line, "lat", "%s", err)
	}
	if p.LonDegrees, err = parseDegrees(lon); err != nil {
		r.fault(line, "lon", "%s", err)
	}
	d.Position = p
}

// CSVWriter writes devices as CSV.
type CSVWriter struct {
	w     *csv.Writer
	cells []string
}

// NewCSVWriter writes a byte order mark, by which spreadsheets know UTF-8, and
// the header: in Chinese for "zh", in English otherwise.
func NewCSVWriter(w io.Writer, lang string) (*CSVWriter, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	c := &CSVWriter{w: csv.NewWriter(w), cells: make([]string, len(columns))}
	for i, col := range columns {
		c.cells[i] = col.field
		if lang == "zh" {
			c.cells[i] = col.zh
		}
	}
	return c, c.w.Write(c.cells)
}

// Write writes one device. What a spreadsheet would take for a formula gets a '
// in front, which ReadCSV takes away again.
func (c *CSVWriter) Write(d sensors.Device) error {
	for i, col := range columns {
		switch p := d.Position; col.field {
		case "lat":
			c.cells[i] = degrees(p, p.LatDegrees)
		case "lon":
			c.cells[i] = degrees(p, p.LonDegrees)
		case "datum":
			c.cells[i] = p.Datum.String()
		default:
			c.cells[i] = guard(text(&d, col.field))
		}
	}
	return c.w.Write(c.cells)
}

// Close writes what is held back; it does not close the writer below.
func (c *CSVWriter) Close() error {
	c.w.Flush()
	return c.w.Error()
}

func degrees(p sensors.Position, v float64) string {
	if !p.Known() {
		return ""
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
