// Package storetest is the suite of promises that every store.Series keeps. A
// backend's test calls [Run] and nothing in it is skipped.
package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Backend is how the suite gets at an implementation.
type Backend struct {
	// Open returns a Series that holds nothing. The backend closes what is
	// still open when the test ends.
	Open func(t *testing.T) store.Series
	// Reopen closes s and opens the same data again, as a restart does.
	Reopen func(t *testing.T, s store.Series) store.Series
	// Calendar is what Open gives a Series for the days that it keeps; the zero
	// Calendar means that it gives none, which is that of China.
	Calendar grid.Calendar
}

// Run checks every promise, each in a subtest of its name on a Series of its own.
func Run(t *testing.T, b Backend) {
	if b.Calendar == (grid.Calendar{}) {
		b.Calendar = grid.China()
	}
	for _, name := range slices.Sorted(maps.Keys(promises)) {
		t.Run(name, func(t *testing.T) {
			promises[name](t, newFixture(t, b))
		})
	}
}

var promises = map[string]func(*testing.T, *fixture){
	"every field of an observation comes back":                  everyFieldComesBack,
	"windows are exact for every aggregate, length and place":   windowsAreExact,
	"order and grouping of entries do not matter":               orderDoesNotMatter,
	"entries offered again are counted once":                    replayCountsOnce,
	"a write that was cut off can be offered again":             cutOffWriteCountsOnce,
	"late and historic observations correct their windows":      lateObservationsCorrect,
	"the last value is that of the greatest time":               lastIsOfGreatestTime,
	"pages follow each other while observations come in":        pagesAreStable,
	"observations are narrowed by every field":                  observationsAreNarrowed,
	"what cannot be answered is an invalid query":               invalidQueries,
	"no observation is no point and no page":                    emptyAnswers,
	"different IDs at one instant are both kept":                idsAtOneInstant,
	"readers are right while a writer writes":                   readersWhileWriting,
	"any text survives and is nothing but text":                 anyTextSurvives,
	"each journal has its own position":                         positionsPerJournal,
	"observations are counted by kind":                          countsByKind,
	"a fresh store answers a ping":                              pings,
	"what was held before counts once when it comes as history": historyCountsOnce,
	"order, delay and repetition do not matter":                 repetitionDoesNotMatter,
	"a store says what it holds and takes":                      usageIsTold,
	"cubes are exact for every place, window and column":        cubesAreExact,
	"days are those of the zone, however long":                  daysAreOfTheZone,
	"order and grouping do not matter to cubes":                 cubeOrderDoesNotMatter,
	"the state of a cube changes with its data":                 cubeStateChangesWithItsData,
	"cubes that cannot be are invalid queries":                  invalidCubes,
}

const testTimeout = 2 * time.Minute

// fixture is one Series with the observations that it should hold.
type fixture struct {
	Backend
	s       store.Series
	journal string
	seq     uint64
	held    []grid.Placed
}

func newFixture(t *testing.T, b Backend) *fixture {
	t.Helper()
	return &fixture{Backend: b, s: b.Open(t), journal: "journal-1"}
}

func (f *fixture) reopen(t *testing.T) {
	t.Helper()
	f.s = f.Reopen(t, f.s)
}

func contextFor(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	t.Cleanup(cancel)
	return ctx
}

// write makes one entry of each batch and writes them together.
func (f *fixture) write(t *testing.T, batches ...[]grid.Placed) {
	t.Helper()
	var entries []store.Entry
	for _, b := range batches {
		f.seq++
		entries = append(entries, store.Entry{Seq: f.seq, Observations: b})
		f.held = append(f.held, b...)
	}
	f.mustWrite(t, f.journal, entries)
}

func (f *fixture) mustWrite(t failer, journal string, entries []store.Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	to := store.Position{Journal: journal, Seq: entries[len(entries)-1].Seq}
	if err := f.s.Write(ctx, to, entries); err != nil {
		t.Fatalf("write %d entries up to %d: %v", len(entries), to.Seq, err)
	}
}

// failer is what *testing.T and *rapid.T have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func (f *fixture) position(t failer, journal string) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	p, err := f.s.Position(ctx, journal)
	if err != nil {
		t.Fatalf("position of %s: %v", journal, err)
	}
	if p.Journal != journal {
		t.Fatalf("position of %s names journal %q", journal, p.Journal)
	}
	return p.Seq
}

func (f *fixture) points(t failer, q store.Query) []store.Point {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	lines, err := f.s.Points(ctx, q)
	if err != nil {
		t.Fatalf("points of %+v: %v", q, err)
	}
	if len(lines) != 1 {
		t.Fatalf("points of %+v: got %d lines, want 1", q, len(lines))
	}
	want := q.Line()
	got := lines[0]
	if got.Kind != want.Kind || got.Device != want.Device || got.Cell != want.Cell || got.Area != want.Area {
		t.Fatalf("points of %+v: line is of %+v", q, got)
	}
	return got.Points
}

// wantPoints asks q and compares the answer with what observations give.
func (f *fixture) wantPoints(t failer, q store.Query, observations []grid.Placed) {
	t.Helper()
	got, want := f.points(t, q), expected(q, observations)
	if !slices.Equal(got, want) {
		t.Fatalf("%s\ngot  %v\nwant %v", describe(q), got, want)
	}
}

func describe(q store.Query) string {
	return fmt.Sprintf("%s of %s, device %q, cell %s, area %q, every %s in [%s, %s)", q.Agg, q.Kind, q.Device, q.Cell, q.Area, q.Every,
		q.From.Format(time.RFC3339Nano), q.To.Format(time.RFC3339Nano))
}

// expected is the answer to q computed from the observations one by one.
func expected(q store.Query, observations []grid.Placed) []store.Point {
	from, to := q.Windows()
	windows := make(map[time.Time]*grid.Rollup)
	for _, p := range observations {
		if p.At.Before(from) || !p.At.Before(to) || !matches(q, p) {
			continue
		}
		start := grid.Span(q.Every).Start(p.At)
		if windows[start] == nil {
			windows[start] = &grid.Rollup{}
		}
		windows[start].Add(p.Value, p.At)
	}
	var out []store.Point
	for start, r := range windows {
		out = append(out, store.Point{Start: start, Value: valueOf(q.Agg, *r)})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Start.Before(out[j].Start) })
	return out
}

func matches(q store.Query, p grid.Placed) bool {
	if q.Kind != p.Kind || q.Device != "" && q.Device != p.Device || q.Area != "" && q.Area != p.Area {
		return false
	}
	if q.Cell == 0 {
		return true
	}
	parent, err := p.Cell.Parent(q.Cell.Resolution())
	return err == nil && parent == q.Cell
}

func valueOf(agg store.Aggregate, r grid.Rollup) float64 {
	switch agg {
	case store.Count:
		return float64(r.Count)
	case store.Sum:
		return r.Sum
	case store.Mean:
		return r.Sum / float64(r.Count)
	case store.Min:
		return r.Min
	case store.Max:
		return r.Max
	default:
		return r.Last
	}
}

// observations reads every page of q.
func (f *fixture) observations(t failer, q store.ObservationQuery) []grid.Placed {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	var out []grid.Placed
	for {
		page, next, err := f.s.Observations(ctx, q)
		if err != nil {
			t.Fatalf("observations of %+v: %v", q, err)
		}
		if len(page) > q.Limit || next != "" && len(page) == 0 {
			t.Fatalf("observations of %+v: page of %d with next %q", q, len(page), next)
		}
		out = append(out, page...)
		if next == "" {
			return out
		}
		q.Cursor = next
	}
}

// wantHeld compares all observations of q with want, whatever the order among
// equal times.
func (f *fixture) wantHeld(t failer, q store.ObservationQuery, want []grid.Placed) {
	t.Helper()
	got := f.observations(t, q)
	for i := 1; i < len(got); i++ {
		if got[i].At.After(got[i-1].At) {
			t.Fatalf("observation %d at %s comes after one at %s, want newest first", i, got[i].At, got[i-1].At)
		}
	}
	wantSame(t, got, want)
}

func wantSame(t failer, got, want []grid.Placed) {
	t.Helper()
	got, want = sorted(got), sorted(want)
	if len(got) != len(want) {
		t.Fatalf("got %d observations, want %d\ngot  %+v\nwant %+v", len(got), len(want), head(got), head(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("observation %d differs\ngot  %#v\nwant %#v", i, got[i], want[i])
		}
	}
}

func head(p []grid.Placed) []grid.Placed { return p[:min(len(p), 20)] }

func sorted(p []grid.Placed) []grid.Placed {
	key := func(p grid.Placed) string {
		return fmt.Sprintf("%s %s %s %q %v %s", p.At.Format("2006-01-02T15:04:05.000000"), p.Device, p.Kind, p.ID, p.Value, p.Cell)
	}
	p = slices.Clone(p)
	sort.SliceStable(p, func(i, j int) bool { return key(p[i]) < key(p[j]) })
	return p
}

// start is a day's beginning, so that windows of every length begin there.
var start = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// cellAt returns the nth of some cells, of which every seven or so share
// parents at the coarser resolutions.
func cellAt(n int) grid.Cell {
	c, err := grid.CellAt(place(n), grid.Resolution)
	if err != nil {
		panic(err) // a fixed place of this package
	}
	return c
}

func place(n int) grid.Point {
	return grid.Point{LatDegrees: 31.25 + float64(n/4)*0.004, LonDegrees: 121.40 + float64(n%4)*0.004}
}

// observation returns the value of device n at a time, with a place and area
// that follow from n. Values are quarters, so that sums are exact in any order.
func observation(n int, kind string, at time.Time, value float64) grid.Placed {
	return grid.Placed{
		Observation: sensors.Observation{
			Device:   sensors.DeviceID(fmt.Sprintf("device-%d", n)),
			Kind:     sensors.KindKey(kind),
			Value:    value,
			At:       at.UTC(),
			Received: at.UTC().Add(120 * time.Millisecond),
		},
		Point: place(n),
		Cell:  cellAt(n),
		Area:  grid.AreaCode(fmt.Sprintf("3101070%02d", n%3)),
	}
}
