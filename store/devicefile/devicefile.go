// Package devicefile reads and writes the register as files that people edit:
// CSV for spreadsheets, GeoJSON for maps. What was written and is read again is
// what it was.
package devicefile

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// MaxDevices bounds one file.
const MaxDevices = 1_000_000

// Options tune reading. The zero Options work.
type Options struct {
	Datum   sensors.Datum    // of places that name none; NoDatum means WGS-84
	Catalog *sensors.Catalog // that kinds are held against; nil means that any will do
}

// Row is one device and where in the file it was.
type Row struct {
	Number int // CSV: its line, the header's being 1; GeoJSON: its feature, from 1
	Device sensors.Device
}

// Fault is one thing that is wrong with a file.
type Fault struct {
	Row    int    `json:"row" doc:"Line of a CSV file, number of a feature in GeoJSON; 0 for the file as a whole"`
	Column string `json:"column" doc:"Which column or property; empty for the row as a whole"`
	Detail string `json:"detail" doc:"What is wrong with it"`
}

func (f Fault) Error() string {
	var b strings.Builder
	if f.Row > 0 {
		fmt.Fprintf(&b, "row %d: ", f.Row)
	}
	if f.Column != "" {
		b.WriteString(f.Column + ": ")
	}
	return b.String() + f.Detail
}

// File is what was read: the good rows, everything that is wrong with the
// others, and the columns that mean nothing here.
type File struct {
	Rows    []Row
	Faults  []Fault
	Ignored []string
}

// Devices returns the devices of the good rows.
func (f *File) Devices() []sensors.Device {
	list := make([]sensors.Device, len(f.Rows))
	for i, r := range f.Rows {
		list[i] = r.Device
	}
	return list
}

func (f *File) fault(row int, column, format string, args ...any) {
	f.Faults = append(f.Faults, Fault{row, column, fmt.Sprintf(format, args...)})
}

// reader adds rows to a File.
type reader struct {
	File
	opts Options
	row  map[sensors.DeviceID]int // where each id was
}

func newReader(opts Options) *reader {
	if opts.Datum == sensors.NoDatum {
		opts.Datum = sensors.WGS84
	}
	return &reader{opts: opts, row: map[sensors.DeviceID]int{}}
}

// add takes d unless something is wrong with it or was wrong before: bad is how
// many faults there were before its row was read.
func (r *reader) add(number int, d sensors.Device, bad int) {
	told := map[string]bool{}
	for _, f := range r.Faults[bad:] {
		told[f.Column] = true
	}
	for _, f := range d.Faults(r.opts.Catalog) {
		if !told[f.Field] {
			r.fault(number, f.Field, "%s", f.Detail)
		}
	}
	if first, twice := r.row[d.ID]; twice {
		r.fault(number, "id", "%q is in row %d already", d.ID, first)
	} else if d.ID != "" {
		r.row[d.ID] = number
	}
	if len(r.Faults) == bad {
		r.Rows = append(r.Rows, Row{number, d})
	}
}

// set reads one stated value, given as text, into d. It returns what is wrong
// with it, "" for nothing. Fields: those of [columns].
func set(d *sensors.Device, field, value string) string {
	var err error
	switch field {
	case "id":
		d.ID = sensors.DeviceID(value)
	case "name":
		d.Name = value
	case "profile":
		d.Profile = value
	case "owner":
		d.Owner = value
	case "area":
		d.Area = value
	case "kinds":
		for _, k := range strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(" ;；,，、|", r) }) {
			d.Kinds = append(d.Kinds, sensors.KindKey(k))
		}
	case "tags":
		for t := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == '；' }) {
			if t = strings.TrimSpace(t); t != "" {
				d.Tags = append(d.Tags, t)
			}
		}
	case "installed":
		d.Installed, err = parseDay(value)
	case "interval":
		d.Interval, err = parseInterval(value)
	case "maintenance":
		d.Maintenance, err = parseMaintenance(value)
	case "auto":
		d.Auto, err = parseBool(value)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// text is the value that set reads.
func text(d *sensors.Device, field string) string {
	switch field {
	case "id":
		return string(d.ID)
	case "name":
		return d.Name
	case "profile":
		return d.Profile
	case "owner":
		return d.Owner
	case "area":
		return d.Area
	case "kinds":
		keys := make([]string, len(d.Kinds))
		for i, k := range d.Kinds {
			keys[i] = string(k)
		}
		return strings.Join(keys, ";")
	case "tags":
		return strings.Join(d.Tags, ";")
	case "installed":
		if d.Installed.IsZero() {
			return ""
		}
		return d.Installed.Format(time.DateOnly)
	case "interval":
		return formatInterval(d.Interval)
	case "maintenance":
		return formatMaintenance(d.Maintenance)
	case "auto":
		if d.Auto {
			return "true"
		}
	}
	return ""
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "", "0", "false", "no", "否":
		return false, nil
	case "1", "true", "yes", "是":
		return true, nil
	}
	return false, fmt.Errorf("%.40q is neither true nor false", s)
}

func parseDay(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006/1/2", "2006-1-2", "2006年1月2日", "2006.1.2", "20060102"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a day such as 2026-03-31", s)
}

// parseInterval reads "15m", "1h30m", "90s", "2d" or a number of seconds.
func parseInterval(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	bad := fmt.Errorf("%.40q is not a time such as 90s, 15m, 24h or 2d", s)
	if n, err := strconv.ParseUint(strings.TrimSuffix(s, "d"), 10, 31); err == nil {
		unit := time.Second
		if strings.HasSuffix(s, "d") {
			unit = 24 * time.Hour
		}
		if v := time.Duration(n) * unit; v <= sensors.MaxDeviceInterval {
			return v, nil
		}
		return 0, bad
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return 0, bad
	}
	return v, nil
}

func formatInterval(v time.Duration) string {
	switch {
	case v == 0:
		return ""
	case v%time.Hour == 0:
		return strconv.FormatInt(int64(v/time.Hour), 10) + "h"
	case v%time.Minute == 0:
		return strconv.FormatInt(int64(v/time.Minute), 10) + "m"
	}
	return strconv.FormatInt(int64(v/time.Second), 10) + "s"
}

// Maintenance is written "from/to note; from/to note", with times in RFC 3339
// and a backslash before ';' and '\' in a note.
func formatMaintenance(list []sensors.Maintenance) string {
	parts := make([]string, len(list))
	for i, m := range list {
		parts[i] = stamp(m.From) + "/" + stamp(m.To)
		if m.Note != "" {
			parts[i] += " " + strings.NewReplacer(`\`, `\\`, ";", `\;`).Replace(m.Note)
		}
	}
	return strings.Join(parts, "; ")
}

func parseMaintenance(s string) ([]sensors.Maintenance, error) {
	var list []sensors.Maintenance
	for _, part := range splitEscaped(s) {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		window, note, _ := strings.Cut(part, " ")
		from, to, ok := strings.Cut(window, "/")
		if !ok {
			return nil, fmt.Errorf("%.60q is not a window such as 2026-03-31T08:00:00+08:00/2026-03-31T10:00:00+08:00 note", part)
		}
		m := sensors.Maintenance{Note: strings.TrimSpace(note)}
		var err error
		if m.From, err = parseStamp(from); err != nil {
			return nil, err
		}
		if m.To, err = parseStamp(to); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// splitEscaped splits at each ';' that has no backslash before it and takes the
// backslashes away.
func splitEscaped(s string) []string {
	var parts []string
	var b strings.Builder
	escaped := false
	for _, r := range s {
		switch {
		case escaped:
			b.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case r == ';':
			parts = append(parts, b.String())
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	return append(parts, b.String())
}

func parseStamp(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return t, fmt.Errorf("%.40q is not a time such as 2026-03-31T08:00:00+08:00", s)
	}
	return t.UTC(), nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func parseDegrees(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number of degrees", s)
	}
	return v, nil
}

func parseDatum(s string, otherwise sensors.Datum) (sensors.Datum, error) {
	switch s = strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(s)); s {
	case "":
		return otherwise, nil
	case "gps", "epsg:4326", "cgcs2000":
		return sensors.WGS84, nil // CGCS2000 differs by centimetres
	case "火星坐标", "高德":
		return sensors.GCJ02, nil
	case "bd09ll", "百度":
		return sensors.BD09, nil
	}
	return sensors.ParseDatum(s)
}
