package report_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

var update = flag.Bool("update", false, "rewrite golden files")

// town is a small district with two areas side by side, and everything that was
// observed in it. It answers as the stores do.
type town struct {
	areas    *grid.Areas
	seen     []grid.Placed
	alerts   []store.Alert
	verdicts map[string]store.Verdict
	devices  []sensors.Device
	calendar *calendar.Calendar
	budgets  map[sensors.KindKey]float64
	cubes    int // how often a cube was asked for
	err      error
}

const twoAreas = `{"type":"FeatureCollection","datum":"wgs84","features":[
{"type":"Feature","properties":{"code":"A","name":"甲区","name_en":"West"},"geometry":{"type":"Polygon","coordinates":[[[121.40,31.20],[121.41,31.20],[121.41,31.21],[121.40,31.21],[121.40,31.20]]]}},
{"type":"Feature","properties":{"code":"B","name":"乙区","name_en":"East"},"geometry":{"type":"Polygon","coordinates":[[[121.41,31.20],[121.42,31.20],[121.42,31.21],[121.41,31.21],[121.41,31.20]]]}}]}`

var (
	west = grid.Point{LatDegrees: 31.205, LonDegrees: 121.405}
	east = grid.Point{LatDegrees: 31.205, LonDegrees: 121.415}
)

func newTown(t testing.TB) *town {
	t.Helper()
	areas, err := grid.ReadAreas(strings.NewReader(twoAreas))
	if err != nil {
		t.Fatal(err)
	}
	return &town{areas: areas, verdicts: map[string]store.Verdict{}}
}

// observe has a device see something.
func (s *town) observe(t testing.TB, kind sensors.KindKey, p grid.Point, at time.Time, value float64) {
	t.Helper()
	cell, err := grid.CellAt(p, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	s.seen = append(s.seen, grid.Placed{
		Observation: sensors.Observation{Device: sensors.DeviceID("d-" + cell.String()), Kind: kind, Value: value, At: at}, Point: p, Cell: cell, Area: s.areas.At(p),
	})
}

// events has n events happen an hour apart from the morning of a day on.
func (s *town) events(t testing.TB, kind sensors.KindKey, p grid.Point, day time.Time, n int) {
	t.Helper()
	for i := range n {
		s.observe(t, kind, p, day.Add(time.Duration(8*60+i)*time.Minute), 1)
	}
}

func (s *town) Cube(_ context.Context, q store.CubeQuery) (store.Cube, error) {
	s.cubes++
	if s.err != nil {
		return store.Cube{}, s.err
	}
	if err := q.Validate(); err != nil {
		return store.Cube{}, err
	}
	type key struct {
		cell grid.Cell
		area grid.AreaCode
	}
	rollups := map[key][]grid.Rollup{}
	for _, o := range s.seen {
		w := slices.IndexFunc(q.Bounds, func(b time.Time) bool { return b.After(o.At) }) - 1
		if o.Kind != q.Kind || w < 0 || q.Area != "" && o.Area != q.Area {
			continue
		}
		var k key
		switch q.By {
		case store.ByCell:
			c, err := o.Cell.Parent(q.CellResolution())
			if err != nil {
				return store.Cube{}, err
			}
			k.cell = c
		case store.ByArea:
			k.area = o.Area
		}
		if rollups[k] == nil {
			rollups[k] = make([]grid.Rollup, len(q.Bounds)-1)
		}
		rollups[k][w].Add(o.Value, o.At)
	}
	places := make([]key, 0, len(rollups))
	for k := range rollups {
		places = append(places, k)
	}
	slices.SortFunc(places, func(a, b key) int { return cmp.Or(cmp.Compare(a.cell, b.cell), cmp.Compare(a.area, b.area)) })
	c := store.Cube{Bounds: q.Bounds, City: q.By == store.ByCity}
	for _, k := range places {
		switch q.By {
		case store.ByCell:
			c.Cells = append(c.Cells, k.cell)
		case store.ByArea:
			c.Areas = append(c.Areas, k.area)
		}
		for _, r := range rollups[k] {
			c.Count = append(c.Count, r.Count)
			c.Sum, c.Min, c.Max = append(c.Sum, r.Sum), append(c.Min, r.Min), append(c.Max, r.Max)
		}
	}
	return c, nil
}

func (s *town) CubeState(_ context.Context, q store.CubeQuery) (string, error) {
	n := 0
	for _, o := range s.seen {
		if o.Kind == q.Kind && !o.At.Before(q.Bounds[0]) && o.At.Before(q.Bounds[len(q.Bounds)-1]) {
			n++
		}
	}
	return fmt.Sprint(n), s.err
}

func (s *town) Observations(_ context.Context, q store.ObservationQuery) ([]grid.Placed, string, error) {
	var out []grid.Placed
	for _, o := range slices.Backward(s.seen) {
		c, err := o.Cell.Parent(q.Cell.Resolution())
		if err != nil {
			return nil, "", err
		}
		if len(out) < q.Limit && o.Kind == q.Kind && c == q.Cell && !o.At.Before(q.From) && o.At.Before(q.To) {
			out = append(out, o)
		}
	}
	return out, "", s.err
}

func (s *town) FindAlerts(_ context.Context, q store.AlertQuery) ([]store.Alert, error) {
	list := slices.Clone(s.alerts)
	slices.SortFunc(list, func(a, b store.Alert) int { return cmp.Or(b.RaisedAt.Compare(a.RaisedAt), cmp.Compare(b.ID, a.ID)) })
	var out []store.Alert
	before := q.Before == ""
	for _, a := range list {
		if before && len(out) < q.Limit && (q.Kind == "" || a.Kind == q.Kind) && (q.Area == "" || a.Area == q.Area) &&
			(q.RaisedBefore.IsZero() || a.RaisedAt.Before(q.RaisedBefore)) && (q.ClearedFrom.IsZero() || a.ClearedAt.IsZero() || !a.ClearedAt.Before(q.ClearedFrom)) {
			out = append(out, a)
		}
		before = before || a.ID == q.Before
	}
	return out, s.err
}

func (s *town) VerdictsOn(_ context.Context, ids []string) (map[string]store.Verdict, error) {
	out := map[string]store.Verdict{}
	for _, id := range ids {
		if v, ok := s.verdicts[id]; ok {
			out[id] = v
		}
	}
	return out, s.err
}

func (s *town) ListDevices(_ context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error) {
	slices.SortFunc(s.devices, func(a, b sensors.Device) int { return cmp.Compare(a.ID, b.ID) })
	var out []sensors.Device
	for _, d := range s.devices {
		if d.ID > after && len(out) < limit {
			out = append(out, d)
		}
	}
	return out, s.err
}

// reporter answers from the town, at now.
func (s *town) reporter(t testing.TB, opts report.Options) *report.Reporter {
	t.Helper()
	return s.reporterAt(t, opts, now)
}

// reporterAt answers from the town, at a moment.
func (s *town) reporterAt(t testing.TB, opts report.Options, at time.Time) *report.Reporter {
	t.Helper()
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	opts.Version, opts.Zone, opts.Now = "test", mustZone(t, "Asia/Shanghai"), func() time.Time { return at }
	return report.New(report.Sources{
		Kinds: kinds, Areas: s.areas, Series: s, Alerts: s, Verdicts: s, Devices: s,
		Thresholds: map[sensors.KindKey]float64{"noise": 85}, Calendar: s.calendar, Budgets: s.budgets,
	}, opts)
}

// ask parses and answers.
func (s *town) ask(t testing.TB, name report.Name, query string) *report.Result {
	t.Helper()
	return ask(t, s.reporter(t, report.Options{}), name, query)
}

func ask(t testing.TB, r *report.Reporter, name report.Name, query string) *report.Result {
	t.Helper()
	d := r.District()
	req, err := report.Parse(name, mustQuery(t, query), d)
	if err != nil {
		t.Fatal(err)
	}
	state, err := r.State(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	out, err := r.Answer(t.Context(), req, state, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// stateAt is the state of the data behind a question at a moment.
func (s *town) stateAt(t testing.TB, name report.Name, query string, at time.Time) string {
	t.Helper()
	r := s.reporterAt(t, report.Options{}, at)
	req, err := report.Parse(name, mustQuery(t, query), r.District())
	if err != nil {
		t.Fatal(err)
	}
	state, err := r.State(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// golden compares a report with its file, as CSV in Chinese.
func golden(t *testing.T, name string, r *report.Result) {
	t.Helper()
	var b bytes.Buffer
	if err := export.Write(&b, export.CSV, r, report.ZH); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(b.String(), "\r\n", "\n")
	path := filepath.Join("testdata", name+".csv")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs; look at it and run go test -update (-want +got):\n%s", path, d)
	}
	var js bytes.Buffer
	if err := export.Write(&js, export.JSON, r, report.ZH); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(js.Bytes()) {
		t.Error("the report is no JSON")
	}
	wellFormed(t, r)
}

// wellFormed fails where a report has what people cannot read.
func wellFormed(t *testing.T, r *report.Result) {
	t.Helper()
	read := func(what string, n sensors.Names) {
		if n.ZH == "" || n.EN == "" {
			t.Errorf("%s is not said in both languages: %+v", what, n)
		}
	}
	read("title", r.Title)
	for _, m := range r.Methods {
		read("method "+m.Key, m.Names)
	}
	for _, d := range r.Definitions {
		read("definition "+d.Key, d.Names)
		read("definition "+d.Key, d.Text)
	}
	for _, n := range r.Notes {
		read("note "+string(n.Code), n.Text)
	}
	for _, table := range r.Tables {
		read("table "+table.Key, table.Title)
		for _, c := range table.Columns {
			read("column "+table.Key+"."+c.Key, c.Names)
		}
		for i, row := range table.Rows {
			if len(row) != len(table.Columns) {
				t.Errorf("table %s, row %d: %d values in %d columns", table.Key, i, len(row), len(table.Columns))
				continue
			}
			for j, v := range row {
				if why, ok := v.Why(); ok && why.Short().ZH == string(why) {
					t.Errorf("table %s, row %d, column %s: %s is not explained", table.Key, i, table.Columns[j].Key, why)
				}
			}
		}
	}
	if len(r.Methods) == 0 || len(r.Definitions) == 0 || len(r.Parameters) == 0 || r.Data.Fingerprint == "" {
		t.Errorf("method, definitions, parameters or fingerprint are missing: %+v", r)
	}
}

// cell returns the value of a column in a row of a table.
func cell(t *testing.T, r *report.Result, table string, row int, column string) report.Value {
	t.Helper()
	tb, ok := r.Table(table)
	if !ok {
		t.Fatalf("no table %s", table)
	}
	i := slices.IndexFunc(tb.Columns, func(c report.Column) bool { return c.Key == column })
	if i < 0 || row >= len(tb.Rows) {
		t.Fatalf("table %s with %d rows has no column %s of row %d", table, len(tb.Rows), column, row)
	}
	return tb.Rows[row][i]
}

// wantNumber fails unless a value is a number near want.
func wantNumber(t *testing.T, r *report.Result, table string, row int, column string, want, tolerance float64) {
	t.Helper()
	v := cell(t, r, table, row, column)
	if got, ok := v.Number(); !ok || got < want-tolerance || got > want+tolerance {
		t.Errorf("%s, row %d, %s: got %s, want %v", table, row, column, v.In(report.EN, time.UTC), want)
	}
}

// wantMissing fails unless a value is missing for that reason, which is a note.
func wantMissing(t *testing.T, r *report.Result, table string, row int, column string, want report.NoteCode) {
	t.Helper()
	v := cell(t, r, table, row, column)
	if why, ok := v.Why(); !ok || why != want {
		t.Errorf("%s, row %d, %s: got %q, want that it is missing: %s", table, row, column, v.In(report.EN, time.UTC), want)
	}
	if !slices.ContainsFunc(r.Notes, func(n report.Note) bool { return n.Code == want && n.Count > 0 }) {
		t.Errorf("no note says %s", want)
	}
}

func wantText(t *testing.T, r *report.Result, table string, row int, column, want string) {
	t.Helper()
	if got := cell(t, r, table, row, column).In(report.EN, time.UTC); got != want {
		t.Errorf("%s, row %d, %s: got %q, want %q", table, row, column, got, want)
	}
}
