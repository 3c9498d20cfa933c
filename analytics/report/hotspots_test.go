package report_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// hexTown is 61 cells of resolution 9 with a device in each, and one event a day in
// each for 28 days. The cell in the middle is at index 0, the first ring at 1 to 6.
func hexTown(t testing.TB) (*town, []grid.Cell) {
	t.Helper()
	s := newTown(t)
	middle, err := grid.CellAt(west, 9)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := middle.Disk(4)
	if err != nil {
		t.Fatal(err)
	}
	cells := slices.Concat(rings...)
	for i, c := range cells {
		p := center(t, c)
		s.devices = append(s.devices, sensors.Device{
			ID: sensors.DeviceID(fmt.Sprintf("d-%02d", i)), Kinds: []sensors.KindKey{"smoke"},
			Position: sensors.Position{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees, Datum: sensors.WGS84},
		})
		for d := 28; d > 0; d-- {
			s.events(t, "smoke", p, day(t, d), 1)
		}
	}
	return s, cells
}

func center(t testing.TB, c grid.Cell) grid.Point {
	t.Helper()
	p, err := c.Center()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHotspots_FindTheRingWithMore(t *testing.T) {
	s, cells := hexTown(t)
	for _, c := range cells[:7] {
		for d := 28; d > 0; d-- {
			s.events(t, "smoke", center(t, c), day(t, d), 4)
		}
	}
	r := s.ask(t, report.Hotspots, "kind=smoke&devices=true")
	wellFormed(t, r)
	clusters, _ := r.Table("clusters")
	if len(clusters.Rows) != 1 {
		t.Fatalf("%d clusters, want one", len(clusters.Rows))
	}
	wantText(t, r, "clusters", 0, "peak", cells[0].String())
	// x̄ = (7·140 + 54·28)/61 = 40.852; of the peak's disk Σ = 980, m = 7.
	mean := (7*140 + 54*28) / 61.
	sd := math.Sqrt((7*140*140+54*28*28)/61. - mean*mean)
	wantNumber(t, r, "clusters", 0, "z", (980-7*mean)/(sd*math.Sqrt((61*7-49)/60.)), 1e-9)
	if v, _ := cell(t, r, "clusters", 0, "count").Number(); v < 980 {
		t.Errorf("the cluster has %v events, want the 980 of the ring at least", v)
	}
	if !slices.ContainsFunc(r.Notes, func(n report.Note) bool { return n.Code == report.NoteRates }) {
		t.Error("it is not said that rates were used, although every cell has a device")
	}
	cellTable, _ := r.Table("cells")
	if len(cellTable.Rows) != 61 {
		t.Errorf("%d cells, want 61, those without much too", len(cellTable.Rows))
	}
	wantText(t, r, "cells", 0, "cell", cells[0].String())
	wantText(t, r, "cells", 0, "class", "hot")
	wantText(t, r, "cells", 0, "quadrant", "high-high")
	if z, _ := cell(t, r, "global", 0, "z").Number(); z < 3 {
		t.Errorf("z of Moran's I is %v, want that like lies near like", z)
	}
	wantNumber(t, r, "devices", 0, "count", 140, 0)
}

// A holiday is like a weekend, from Thursday to Wednesday: it is no cluster.
func TestScan_AHolidayIsNoCluster(t *testing.T) {
	s, days := holidayTown(t)
	middle, err := grid.CellAt(west, 9)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := middle.Disk(2)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(rings...) {
		p := center(t, c)
		s.devices = append(s.devices, sensors.Device{
			ID: sensors.DeviceID("d-" + c.String()), Kinds: []sensors.KindKey{"smoke"},
			Position: sensors.Position{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees, Datum: sensors.WGS84},
		})
	}
	const query = "kind=smoke&scan=true&replicates=99&from=2026-08-03&to=2026-10-08"
	p := func() float64 {
		r := s.ask(t, report.Hotspots, query)
		if tb, ok := r.Table("scan"); !ok || len(tb.Rows) == 0 {
			return 1
		}
		v, _ := cell(t, r, "scan", 0, "p").Number()
		return v
	}
	if got := p(); got < 0.05 {
		t.Errorf("the holiday is a cluster with p %v", got)
	}
	s.calendar = nil
	if got := p(); got > 0.02 {
		t.Errorf("without a calendar p is %v: the test shows nothing", got)
	}
	s.calendar = days
}

func TestLayer_IsAPartOfTheReportOfHotSpots(t *testing.T) {
	s, cells := hexTown(t)
	for _, c := range cells[:7] {
		for d := 28; d > 0; d-- {
			s.events(t, "smoke", center(t, c), day(t, d), 4)
		}
	}
	whole := s.ask(t, report.Hotspots, "kind=smoke")
	for _, c := range []struct {
		layer   report.LayerName
		columns []string
		rows    int
		method  string
	}{
		{report.GiStarLayer, []string{"cell", "area", "count", "value", "expected", "z", "p", "q", "class"}, 61, "fdr"},
		{report.MoranLayer, []string{"cell", "area", "count", "value", "moran", "moran_q", "quadrant"}, 61, "local_moran"},
		{report.DensityLayer, []string{"cell", "area", "count", "density"}, 61, "kde"},
		{report.ClusterLayer, []string{"rank", "cells", "peak", "areas", "lat", "lon", "count", "value", "expected", "ratio", "z", "q", "devices"}, 1, "gi_star"},
	} {
		l, err := whole.Layer(c.layer)
		if err != nil {
			t.Fatal(err)
		}
		wellFormed(t, l)
		by := l.Columns()
		var got []string
		for _, column := range by.Columns {
			got = append(got, column.Key)
			if len(column.Values) != c.rows {
				t.Errorf("%s: column %s has %d values, want %d", c.layer, column.Key, len(column.Values), c.rows)
			}
		}
		if !slices.Equal(got, c.columns) || len(by.Cells) != c.rows || len(by.Cells[0]) == 0 || len(l.Features) != c.rows {
			t.Errorf("%s: columns %q, %d rows and %d places", c.layer, got, len(by.Cells), len(l.Features))
		}
		if !slices.ContainsFunc(l.Methods, func(m report.Method) bool { return m.Key == c.method }) || len(l.Methods) > 2 {
			t.Errorf("%s: methods are %+v", c.layer, l.Methods)
		}
	}
	if n := len(whole.Tables); n != 3 {
		t.Errorf("a layer took away of the report: %d tables", n)
	}
	s.observe(t, "noise", west, day(t, 2), 60)
	if _, err := s.ask(t, report.Hotspots, "kind=noise").Layer(report.DensityLayer); !errors.Is(err, report.ErrNoLayer) {
		t.Errorf("density of a level: %v, want ErrNoLayer", err)
	}
}

func TestHotspots_OfAConstantFieldThereAreNone(t *testing.T) {
	s, _ := hexTown(t)
	r := s.ask(t, report.Hotspots, "kind=smoke")
	wantMissing(t, r, "cells", 0, "z", report.NoteConstant)
	wantMissing(t, r, "cells", 60, "class", report.NoteConstant)
	wantMissing(t, r, "global", 0, "p", report.NoteConstant)
	if c, _ := r.Table("clusters"); len(c.Rows) != 0 {
		t.Errorf("%d clusters", len(c.Rows))
	}
	wellFormed(t, r)
}

func TestHotspots_AskForWhatTheyAreOf(t *testing.T) {
	s, cells := hexTown(t)
	// The middle has twice the events and twice the devices: no higher rate.
	p := center(t, cells[0])
	s.devices = append(s.devices, sensors.Device{ID: "more", Kinds: []sensors.KindKey{"smoke"}, Position: sensors.Position{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees, Datum: sensors.WGS84}})
	for d := 28; d > 0; d-- {
		s.events(t, "smoke", p, day(t, d), 1)
	}
	wantMissing(t, s.ask(t, report.Hotspots, "kind=smoke"), "cells", 0, "z", report.NoteConstant)
	counts := s.ask(t, report.Hotspots, "kind=smoke&of=count")
	wantNumber(t, counts, "cells", 0, "value", 56, 28)
	if _, ok := cell(t, counts, "cells", 0, "z").Number(); !ok {
		t.Error("counts have no score")
	}
	if !slices.ContainsFunc(counts.Notes, func(n report.Note) bool { return n.Code == report.NoteCounts }) {
		t.Error("it is not said that counts were used")
	}
}

func TestHotspots_WithoutARegisterTheDistrictIsTheStudyArea(t *testing.T) {
	s := newTown(t)
	s.events(t, "smoke", west, day(t, 3), 5)
	r := s.ask(t, report.Hotspots, "kind=smoke&resolution=10")
	district, err := s.areas.Cells(10)
	if err != nil {
		t.Fatal(err)
	}
	if tb, _ := r.Table("cells"); len(tb.Rows) != len(district) {
		t.Errorf("%d cells, want the %d of the district", len(tb.Rows), len(district))
	}
	for _, want := range []report.NoteCode{report.NoteStudyAreas, report.NoteSparse, report.NoteCounts} {
		if !slices.ContainsFunc(r.Notes, func(n report.Note) bool { return n.Code == want }) {
			t.Errorf("no note says %s", want)
		}
	}
}

func TestHotspots_OfNothingAreEmpty(t *testing.T) {
	s := newTown(t)
	for _, query := range []string{"kind=noise", "kind=noise&scan=true", "kind=smoke&scan=true&replicates=99"} {
		r := s.ask(t, report.Hotspots, query)
		wellFormed(t, r)
	}
	wellFormed(t, s.ask(t, report.Emerging, "kind=noise"))
}

func TestScan_FindsTheDisksOfTheLastDays(t *testing.T) {
	s, cells := hexTown(t)
	for _, c := range cells[:7] {
		for d := 3; d > 0; d-- {
			s.events(t, "smoke", center(t, c), day(t, d), 2)
		}
	}
	r := s.ask(t, report.Hotspots, "kind=smoke&scan=true&replicates=199")
	wantText(t, r, "scan", 0, "center", cells[0].String())
	wantNumber(t, r, "scan", 0, "rings", 1, 0)
	wantNumber(t, r, "scan", 0, "count", 63, 0)
	// One a cell and day is ordinary: C ln(C/B) + B − C of 63 against 21.
	wantNumber(t, r, "scan", 0, "expected", 21, 0.5)
	wantNumber(t, r, "scan", 0, "score", 63*math.Log(3)+21-63, 1.5)
	wantNumber(t, r, "scan", 0, "p", 1./200, 0)
	from, _ := cell(t, r, "scan", 0, "from").Moment()
	if !from.Equal(day(t, 3)) {
		t.Errorf("it began %v, want three days ago", from)
	}
	again := s.ask(t, report.Hotspots, "kind=smoke&scan=true&replicates=199")
	if cell(t, r, "scan", 0, "p_gumbel") != cell(t, again, "scan", 0, "p_gumbel") {
		t.Error("the same seed gives another answer")
	}
	quiet, _ := hexTown(t)
	q := quiet.ask(t, report.Hotspots, "kind=smoke&scan=true&replicates=199")
	if tb, _ := q.Table("scan"); len(tb.Rows) > 0 {
		if p, _ := cell(t, q, "scan", 0, "p").Number(); p < 0.5 {
			t.Errorf("where nothing happens p is %v", p)
		}
	}
}

func TestEmerging_TellsWhatComesFromWhatStays(t *testing.T) {
	s, cells := hexTown(t)
	stays, comes := cells[0], cells[60]
	for d := 28; d > 0; d-- {
		s.events(t, "smoke", center(t, stays), day(t, d), 30)
	}
	s.events(t, "smoke", center(t, comes), day(t, 1), 60)
	r := s.ask(t, report.Emerging, "kind=smoke&from=2026-10-26")
	wellFormed(t, r)
	tb, _ := r.Table("cells")
	row := func(c grid.Cell) int {
		return slices.IndexFunc(tb.Rows, func(v []report.Value) bool { return v[0] == report.Text(c.String()) })
	}
	wantText(t, r, "cells", row(stays), "category", "persistent_hot")
	wantText(t, r, "cells", row(comes), "category", "new_hot")
	// The first step has no step before it, so half the neighbours: it may not do.
	wantNumber(t, r, "cells", row(stays), "hot", 27.5, 0.5)
	wantNumber(t, r, "cells", row(comes), "hot", 1, 0)
	categories, _ := r.Table("categories")
	total := 0.0
	for i := range categories.Rows {
		n, _ := cell(t, r, "categories", i, "cells").Number()
		total += n
	}
	if len(categories.Rows) != 17 || total != 61 {
		t.Errorf("%d categories with %v cells, want 17 with 61", len(categories.Rows), total)
	}
}

func TestEmerging_NeedsTenSteps(t *testing.T) {
	s, cells := hexTown(t)
	s.events(t, "smoke", center(t, cells[3]), day(t, 1), 9)
	r := s.ask(t, report.Emerging, "kind=smoke&from=2026-11-15")
	wantMissing(t, r, "categories", 0, "cells", report.NoteTooFewSteps)
	wantMissing(t, r, "cells", 0, "category", report.NoteTooFewSteps)
	hourly := s.ask(t, report.Emerging, "kind=smoke&every=hour")
	if hourly.Period.Count != 168 {
		t.Errorf("an hourly cube has %d steps, want 168", hourly.Period.Count)
	}
}

func TestEmerging_OfLevelsIsOfCellsThatWereMeasured(t *testing.T) {
	s, cells := hexTown(t)
	for i, c := range cells {
		for d := 12; d > 0; d-- {
			if i == 60 && d == 5 {
				continue // nobody measured there that day
			}
			s.observe(t, "noise", center(t, c), day(t, d).Add(time.Hour), 50+float64((i*7+d)%5)+30*float64(max(0, 1-i)))
		}
	}
	r := s.ask(t, report.Emerging, "kind=noise&from=2026-11-11")
	if tb, _ := r.Table("cells"); len(tb.Rows) != 60 {
		t.Errorf("%d cells, want the 60 that were measured every day", len(tb.Rows))
	}
	wantText(t, r, "cells", 0, "cell", cells[0].String())
}
