package analytics_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

func skipped(t *testing.T, reg *prometheus.Registry, reason string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "urbangrid_analytics_observations_skipped_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == reason {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no series for reason %q", reason)
	return 0
}

func TestEngine_NeverJudgesHistoryOrWhatIsLate(t *testing.T) {
	reg := prometheus.NewRegistry()
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 80})
	inCity(t, rules, analytics.Options{Registerer: reg}, func(c *city) {
		old := func(age time.Duration) grid.Placed {
			o := seen("n1", "noise", 100, c.start.Add(-age))
			o.Received = c.start
			return o
		}
		c.report(seen("n2", "noise", 50, c.start))
		c.report(old(8 * 365 * 24 * time.Hour))
		c.report(old(24*time.Hour + time.Microsecond))
		c.report(old(24 * time.Hour))
		c.report(old(5*time.Minute + 10*time.Second))
		pass(time.Second)
		c.wantStates("history and late")
		if h, l := skipped(t, reg, "history"), skipped(t, reg, "late"); h != 2 || l != 2 {
			t.Errorf("skipped %v as history and %v as late, want 2 and 2", h, l)
		}
		if got := c.watcher.cell("noise", caoyang); got.Count != 1 || got.Max != 50 {
			t.Errorf("cell shows %+v, want the one reading of now", got)
		}
		c.report(old(4 * time.Minute))
		c.wantStates("within the live window", open)
	})
}

func TestEngine_AClockThatRunsAheadMakesNobodyLate(t *testing.T) {
	reg := prometheus.NewRegistry()
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{Registerer: reg}, func(c *city) {
		ahead := seen("n1", "noise", 50, c.start.Add(5*time.Minute))
		ahead.Received = c.start
		c.report(ahead)
		c.report(seen("n2", "noise", 90, c.start.Add(time.Second)))
		c.wantStates("a right clock beside a wrong one", open)
		if l := skipped(t, reg, "late"); l != 0 {
			t.Errorf("skipped %v as late, want 0", l)
		}
	})
}

func TestEngine_CountsWhatItLeavesOut(t *testing.T) {
	reg := prometheus.NewRegistry()
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{Registerer: reg}, func(c *city) {
		c.report(in(0, seen("n1", "noise", 90, c.start)), seen("n1", "noise", 60, c.start),
			seen("n1", "no_such_kind", 1, c.start))
		c.wantStates("a device without a place is judged", open)
		for _, reason := range []string{"unplaced", "out_of_order", "unknown_kind"} {
			if got := skipped(t, reg, reason); got != 1 {
				t.Errorf("skipped %v as %s, want 1", got, reason)
			}
		}
	})
}

func TestEngine_TellsChangedCellsOnceASecond(t *testing.T) {
	inCity(t, nil, analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 50, c.start), seen("n2", "noise", 60, c.start),
			in(zhenru, seen("n3", "noise", 70, c.start)), seen("cam", "stall", 1, c.start))
		time.Sleep(1100 * time.Millisecond)
		if got := c.watcher.told(); len(got) != 3 {
			t.Errorf("told %+v, want three cell states", got)
		}
		got := c.watcher.cell("noise", caoyang)
		if got.Count != 2 || got.Sum != 110 || got.Min != 50 || got.Max != 60 || got.Last != 60 || !got.LastAt.Equal(c.start) {
			t.Errorf("noise shows %+v", got)
		}
		if newest := c.watcher.newestJudged(); !newest.Equal(c.start) {
			t.Errorf("newest %v, want %v", newest, c.start)
		}
		pass(time.Second)
		if got := c.watcher.told(); len(got) != 0 {
			t.Errorf("told %+v without a change", got)
		}
	})
}

func TestEngine_CellsExpire(t *testing.T) {
	reg := prometheus.NewRegistry()
	inCity(t, nil, analytics.Options{Registerer: reg}, func(c *city) {
		c.report(seen("n1", "noise", 50, time.Now()), seen("cam", "stall", 1, time.Now()))
		pass(time.Minute)
		c.report(seen("n2", "noise", 70, time.Now()))
		keep := func(d time.Duration) { // another kind keeps time going
			for end := time.Now().Add(d); time.Now().Before(end); {
				pass(10 * time.Second)
				c.report(in(zhenru, seen("air", "pm25", 20, time.Now())))
			}
			pass(time.Second)
		}
		keep(4*time.Minute + 10*time.Second)
		if got := c.watcher.cell("noise", caoyang); got.Count != 1 || got.Max != 70 {
			t.Errorf("after 5 minutes noise shows %+v, want the second reading", got)
		}
		keep(time.Minute)
		if got := c.watcher.cell("noise", caoyang); got.Count != 0 {
			t.Errorf("after 6 minutes noise shows %+v, want nothing", got)
		}
		if got := c.watcher.cell("stall", caoyang); got.Count != 1 {
			t.Errorf("after 6 minutes stall shows %+v, want the event", got)
		}
		keep(10 * time.Minute)
		if got := c.watcher.cell("stall", caoyang); got.Count != 0 {
			t.Errorf("after 16 minutes stall shows %+v, want nothing", got)
		}
		want := "# HELP urbangrid_analytics_active_cells Pairs of kind and cell that are kept in memory.\n" +
			"# TYPE urbangrid_analytics_active_cells gauge\nurbangrid_analytics_active_cells 1\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "urbangrid_analytics_active_cells"); err != nil {
			t.Error(err)
		}
	})
}

func TestEngine_TheMapEmptiesWhenEverythingIsSilent(t *testing.T) {
	inCity(t, nil, analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 50, time.Now()))
		pass(5 * time.Minute)
		if got := c.watcher.cell("noise", caoyang); got.Count != 1 {
			t.Errorf("after 5 minutes noise shows %+v, want the reading", got)
		}
		pass(time.Minute + 15*time.Second)
		if got := c.watcher.cell("noise", caoyang); got.Count != 0 {
			t.Errorf("after 6 minutes noise shows %+v, want nothing", got)
		}
	})
}

func TestEngine_SavesThePositionWithoutAlerts(t *testing.T) {
	inCity(t, nil, analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 50, c.start))
		pass(6 * time.Second)
		if got, _ := c.records.JudgedPosition(t.Context(), ""); got.Seq != 1 {
			t.Errorf("position %d after 6 s, want 1", got.Seq)
		}
	})
}

func TestEngine_WaitsForTheRecords(t *testing.T) {
	reg := prometheus.NewRegistry()
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{Registerer: reg}, func(c *city) {
		c.records.mu.Lock()
		c.records.fail = 4
		c.records.mu.Unlock()
		c.report(seen("n1", "noise", 90, c.start))
		c.wantStates("records are down")
		c.journal.add(time.Now(), seen("n1", "noise", 60, c.start.Add(time.Second)))
		pass(10 * time.Second)
		c.wantStates("records are back", open, closed)
		want := "# HELP urbangrid_analytics_save_errors_total Attempts to save alerts that failed and were repeated; judging waits meanwhile.\n" +
			"# TYPE urbangrid_analytics_save_errors_total counter\nurbangrid_analytics_save_errors_total 4\n"
		if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "urbangrid_analytics_save_errors_total"); err != nil {
			t.Error(err)
		}
	})
}

func TestEngine_ClosesAlertsOfRulesThatAreGone(t *testing.T) {
	inCity(t, loudRule(analytics.Threshold{Raise: 85, Clear: 80}), analytics.Options{}, func(c *city) {
		c.report(seen("n1", "noise", 90, c.start))
		c.stop()
		c.run(nil, analytics.Options{})
		c.wantStates("without the rule", open, closed)
	})
}

func TestNewEngine_NamesEveryFaultOfTheRules(t *testing.T) {
	threshold := &analytics.Threshold{Raise: 80, Clear: 85}
	rules := []analytics.Rule{
		{Name: "a", Kind: "noise", Names: names, Severity: store.Warning, Threshold: threshold},
		{Name: "a", Kind: "smoke", Names: names, Severity: store.Warning, Threshold: threshold},
		{Name: "c", Kind: "ghosts", Names: names, Severity: store.Warning, Threshold: threshold},
		{Name: "d", Kind: "noise", Names: names, Severity: store.Warning, Exceedance: &analytics.Exceedance{
			MinCount: 1, Expected: 1, PriorWindows: 1, PRaise: 0.1, PClear: 0.2}},
	}
	_, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"clear 85 lies beyond raise 80", "smoke is an event", "used twice", `"ghosts" is not in the catalogue`, "noise is a measure"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
}

func TestReadRules_NamesEveryFaultOfTheFile(t *testing.T) {
	_, err := analytics.ReadRules(strings.NewReader(`
rules:
  - {name: Loud!, kind: noise, names: {zh: 响, en: loud}, severity: mild, threshold: {raise: 1, clear: 1, hold_raise: 16m}}
  - {name: b, names: {zh: 甲}, severity: notice}
  - {name: b, kind: stall, names: {zh: 甲, en: b}, severity: notice, colour: red,
     exceedance: {min_count: 0, expected: 0, prior_windows: -1, p_raise: 2, p_clear: 0.1, hold_clear: soon}}
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{`name "Loud!"`, `severity "mild"`, "must differ", "hold_raise 16m", "line 3",
		"kind is missing", "names needs", "exactly one", "used twice", "colour", "min_count", "expected 0", "prior_windows", "p_raise 2", "soon"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error does not say %q:\n%v", part, err)
		}
	}
}

func TestMetrics_AreNamedAsPrometheusWants(t *testing.T) {
	reg := prometheus.NewRegistry()
	rules, err := analytics.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{Registerer: reg, Study: district(t)}); err != nil {
		t.Fatal(err)
	}
	if _, err := analytics.NewPublisher(newRecords(), nil, analytics.PublisherOptions{Registerer: reg}); err != nil {
		t.Fatal(err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n, err := testutil.GatherAndCount(reg); err != nil || n == 0 {
		t.Errorf("%d series from the start, %v", n, err)
	}
}

// replay is a journal that ends its reader when everything was taken.
type replay struct {
	*journal
	end func()
}

func (r replay) Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error {
	for _, e := range r.entries {
		if e.Seq <= after {
			continue
		}
		select {
		case out <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.end()
	<-ctx.Done()
	return ctx.Err()
}

// The budget is 500 ns an observation at 75,000 obs/s, everything included.
func BenchmarkEngine(b *testing.B) {
	rules, err := analytics.DefaultRules()
	if err != nil {
		b.Fatal(err)
	}
	catalog := mustCatalog(b)
	for _, bench := range []struct {
		name  string
		kinds []sensors.KindKey
	}{
		{"mixed", []sensors.KindKey{"noise", "pm25", "bin_fill", "manhole_tilt", "road_water", "smoke", "illegal_parking", "stall", "crowd_count", "lane_blocked"}},
		{"measures", []sensors.KindKey{"noise", "pm25", "bin_fill", "manhole_tilt", "road_water", "crowd_count"}},
		{"events", []sensors.KindKey{"illegal_parking", "stall", "lane_blocked"}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			entries := load(b, bench.kinds, b.N)
			ctx, cancel := context.WithCancel(b.Context())
			e, err := analytics.NewEngine(replay{newJournal(entries...), cancel}, newRecords(), catalog, rules, &watcher{}, analytics.Options{Study: district(b)})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if err := e.Run(ctx); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "obs/s")
		})
	}
}

// load is n observations of 20,000 devices in 2,000 cells at 75,000 a second,
// in entries of 500.
func load(b *testing.B, kinds []sensors.KindKey, n int) []stream.Entry {
	b.Helper()
	const devices = 20_000
	ids, cells := make([]sensors.DeviceID, devices), make([]grid.Cell, devices)
	for i := range ids {
		ids[i] = sensors.DeviceID(fmt.Sprintf("device-%06d", i))
		cells[i] = mustCell(b, 31.2+float64(i%50)*0.002, 121.3+float64(i/50%40)*0.002)
	}
	start := time.Now().Add(-time.Minute)
	var entries []stream.Entry
	for i := 0; i < n; i += 500 {
		obs := make([]grid.Placed, 0, 500)
		for k := i; k < min(i+500, n); k++ {
			d := (k * 7919) % devices
			o := seen(ids[d], kinds[d%len(kinds)], 40+float64(k%30), start.Add(time.Duration(k)*time.Second/75_000))
			obs = append(obs, in(cells[d], o))
		}
		entries = append(entries, stream.Entry{Seq: uint64(len(entries) + 1), At: obs[0].Received, Observations: obs})
	}
	return entries
}
