package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/analytics/report/schedule"
	"github.com/urbangrid/urbangrid/sensors"
)

var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

const twoKinds = `kinds:
  - {key: smoke, names: {zh: 烟雾, en: Smoke}, type: event, unit: "1", unit_label: {zh: 次, en: events}, range: [1, 1], scale: [0, 10], bad: high}
  - {key: stall, names: {zh: 摊, en: Stall}, type: event, unit: "1", unit_label: {zh: 次, en: events}, range: [1, 1], scale: [0, 10], bad: high}
`

// office answers every question after a while, and remembers what it was asked.
type office struct {
	kinds *sensors.Catalog
	takes time.Duration
	empty sensors.KindKey // of which nothing was observed
	bad   report.Name     // of which every question fails

	mu    sync.Mutex // guards what follows
	asked []report.Request
	busy  int
	most  int // questions at once
}

func newOffice(t *testing.T) *office {
	t.Helper()
	kinds, err := sensors.ReadCatalog(strings.NewReader(twoKinds))
	if err != nil {
		t.Fatal(err)
	}
	return &office{kinds: kinds, takes: time.Second}
}

func (o *office) District() report.District {
	return report.District{Kinds: o.kinds, Zone: shanghai, Now: time.Now()}
}

func (o *office) State(context.Context, report.Request) (string, error) { return "s", nil }

func (o *office) Answer(ctx context.Context, req report.Request, state string, _ report.Tell) (*report.Result, error) {
	o.count(1, req)
	defer o.count(-1, req)
	select {
	case <-time.After(o.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if req.Report == o.bad {
		return nil, errors.New("the store is on fire")
	}
	r := &report.Result{
		Report: req.Report, Title: req.Report.Title(), GeneratedAt: time.Now().UTC(),
		Period: report.NewPeriod(req.From, req.To, shanghai, req.Every, 1), Data: report.Data{Fingerprint: state, Observations: 1},
	}
	if kind := req.Kinds.Only(); kind != "" && kind == o.empty {
		r.Data.Observations = 0
	}
	return r, nil
}

func (o *office) count(n int, req report.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy += n; n > 0 {
		o.asked = append(o.asked, req)
	}
	o.most = max(o.most, o.busy)
}

// questions are what was asked since the last time, in short.
func (o *office) questions() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var out []string
	for _, r := range o.asked {
		day := time.DateOnly + "T15"
		out = append(out, fmt.Sprintf("%s %s %s %s..%s", r.Report, r.Kinds, r.Every, r.From.In(shanghai).Format(day), r.To.In(shanghai).Format(day)))
	}
	o.asked = nil
	return out
}

// started runs a Scheduler on a folder until the returned function is called.
func started(t *testing.T, o *office, dir string, reg *prometheus.Registry) (library *saved.Library, stop func()) {
	t.Helper()
	library, err := saved.Open(dir, nil, saved.Options{Runs: schedule.Runs()})
	if err != nil {
		t.Fatal(err)
	}
	s, err := schedule.New(o, library, schedule.Options{Zone: shanghai, Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return library, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
	}
}

// until sleeps to a moment of the fake clock, which begins at midnight UTC of
// Saturday, 1 January 2000: eight in the morning in Shanghai.
func until(at string) {
	t, err := time.ParseInLocation("2006-01-02 15:04", at, shanghai)
	if err != nil {
		panic(err)
	}
	time.Sleep(time.Until(t))
	synctest.Wait()
}

func wantQuestions(t *testing.T, o *office, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, o.questions()); d != "" {
		t.Errorf("questions (-want +got):\n%s", d)
	}
}

var night = []string{
	"emerging smoke day 1999-12-03T00..2000-01-02T00", "emerging stall day 1999-12-03T00..2000-01-02T00",
	"trend  day 1999-10-04T00..2000-01-02T00", "stubborn  day 1999-10-04T00..2000-01-02T00", "quality  week 1999-10-04T00..1999-12-27T00",
}

func TestScheduler_MakesReportsByTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, reg := newOffice(t), prometheus.NewRegistry()
		library, stop := started(t, o, t.TempDir(), reg)
		until("2000-01-01 08:05")
		wantQuestions(t, o)
		until("2000-01-01 08:11")
		wantQuestions(t, o, "emerging smoke hour 1999-12-25T08..2000-01-01T08", "emerging stall hour 1999-12-25T08..2000-01-01T08")
		until("2000-01-02 02:29")
		o.questions()
		until("2000-01-02 02:31")
		wantQuestions(t, o, night...)
		until("2000-01-03 05:59")
		o.questions()
		until("2000-01-03 06:01")
		const week = "1999-12-27T00..2000-01-03T00"
		wantQuestions(t, o, "trend  day "+week, "trend  day "+week, "hotspots smoke day "+week, "emerging smoke day 1999-12-06T00..2000-01-03T00",
			"hotspots stall day "+week, "emerging stall day 1999-12-06T00..2000-01-03T00", "stubborn  day 1999-10-05T00..2000-01-03T00", "quality  week "+week)
		books := library.List(saved.Query{Schedule: string(schedule.Weekly)})
		if len(books) != 1 || books[0].Results != 8 || books[0].Title.ZH != "周报 1999-12-27 至 2000-01-02" {
			t.Errorf("books are %+v", books)
		}
		if got := library.List(saved.Query{Schedule: string(schedule.Nightly), Report: report.Emerging, Kind: "stall"}); len(got) != 2 || got[0].ID != "nightly-20000102T1830Z-emerging-stall" {
			t.Errorf("of two nights there is %+v", got)
		}
		until("2000-01-05 12:00")
		hours := library.List(saved.Query{Schedule: string(schedule.Hourly), Kind: "smoke"})
		if len(hours) != 48 {
			t.Errorf("%d hours are kept, want 48", len(hours))
		}
		if o.most != 1 {
			t.Errorf("%d reports were made at once", o.most)
		}
		stop()
		if n := testutil.ToFloat64(counter(t, reg, "urbangrid_schedule_runs_total", "nightly", "done")); n != 4 {
			t.Errorf("%v nights are counted, want 4", n)
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Errorf("metrics: %v %v", problems, err)
		}
	})
}

// counter is one series of a metric of the registry.
func counter(t *testing.T, reg *prometheus.Registry, name, schedule, outcome string) prometheus.Counter {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			values := map[string]string{}
			for _, l := range m.GetLabel() {
				values[l.GetName()] = l.GetValue()
			}
			if f.GetName() == name && values["schedule"] == schedule && values["outcome"] == outcome {
				c := prometheus.NewCounter(prometheus.CounterOpts{Name: "copy_total"})
				c.Add(m.GetCounter().GetValue())
				return c
			}
		}
	}
	t.Fatalf("no series %s{%s,%s}", name, schedule, outcome)
	return nil
}

func TestScheduler_MakesUpWhatWasMissedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, dir := newOffice(t), t.TempDir()
		_, stop := started(t, o, dir, prometheus.NewRegistry())
		until("2000-01-01 08:30")
		stop()
		until("2000-01-02 12:30") // a night and four hours later
		o.questions()
		_, stop = started(t, o, dir, prometheus.NewRegistry())
		until("2000-01-02 12:40")
		wantQuestions(t, o, append(slices.Clone(night), "emerging smoke hour 1999-12-26T12..2000-01-02T12", "emerging stall hour 1999-12-26T12..2000-01-02T12")...)
		stop()
		_, stop = started(t, o, dir, prometheus.NewRegistry())
		until("2000-01-02 12:50")
		wantQuestions(t, o)
		stop()
	})
}

func TestScheduler_GivesUpAtShutdownAndBeginsAnewTwiceAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, dir, reg := newOffice(t), t.TempDir(), prometheus.NewRegistry()
		o.takes = time.Hour
		_, stop := started(t, o, dir, reg)
		until("2000-01-01 08:11")
		began := time.Now()
		stop()
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v to give up", took)
		}
		if n := testutil.ToFloat64(counter(t, reg, "urbangrid_schedule_runs_total", "hourly", "cancelled")); n != 1 {
			t.Errorf("%v runs were cancelled, want 1", n)
		}
		wantQuestions(t, o, "emerging smoke hour 1999-12-25T08..2000-01-01T08")
		for _, want := range []int{1, 0} {
			_, stop = started(t, o, dir, prometheus.NewRegistry())
			synctest.Wait()
			stop()
			if n := len(o.questions()); n != want {
				t.Errorf("started again it asked %d questions, want %d", n, want)
			}
		}
	})
}

func TestScheduler_OneThatFailsDoesNotKeepTheOthersFromBeingMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o, reg := newOffice(t), prometheus.NewRegistry()
		o.bad, o.empty = report.Trend, "stall"
		library, stop := started(t, o, t.TempDir(), reg)
		until("2000-01-02 02:40")
		var got []string
		for _, i := range library.List(saved.Query{Schedule: string(schedule.Nightly)}) {
			got = append(got, i.ID)
		}
		const run = "nightly-20000101T1830Z-"
		if d := cmp.Diff([]string{run + "emerging-smoke", run + "quality", run + "stubborn"}, got); d != "" {
			t.Errorf("kept (-want +got):\n%s", d)
		}
		if n := testutil.ToFloat64(counter(t, reg, "urbangrid_schedule_runs_total", "nightly", "failed")); n != 1 {
			t.Errorf("%v nights failed, want 1", n)
		}
		stop()
	})
}

func TestNew_RefusesTimesThatAreNotOfTheirDay(t *testing.T) {
	library, err := saved.Open(t.TempDir(), nil, saved.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []schedule.Options{{Nightly: 24 * time.Hour}, {Weekly: -time.Hour}, {Hourly: time.Hour}} {
		if _, err := schedule.New(newOffice(t), library, opts); err == nil {
			t.Errorf("%+v was accepted", opts)
		}
	}
}

// Where clocks change, half past two in the night is not there once and there twice
// once: one run a night all the same.
func TestScheduler_OneRunANightWhereClocksChange(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		library, err := saved.Open(t.TempDir(), nil, saved.Options{Runs: map[string]int{"nightly": 1000, "hourly": 1}})
		if err != nil {
			t.Fatal(err)
		}
		s, err := schedule.New(o, library, schedule.Options{Zone: berlin})
		if err != nil {
			t.Fatal(err)
		}
		o.takes = 0
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		until("2000-03-24 12:00")
		go func() { ended <- s.Run(ctx) }()
		until("2000-03-29 12:00")
		if n := len(library.List(saved.Query{Schedule: "nightly", Report: report.Quality})); n != 5 {
			t.Errorf("%d runs in five nights", n)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
