package ingest_test

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

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/ingesttest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
	"github.com/urbangrid/urbangrid/stream"
)

var received = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// tokens is a source that remembers what was committed.
type tokens struct {
	mu  sync.Mutex
	got []uint64
}

func (c *tokens) Committed(token uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, token)
}

func (c *tokens) list() []uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

func newIntake(t *testing.T, j ingest.Journal, opts ingest.Options) *ingest.Intake {
	t.Helper()
	return newIntakeOf(t, j, nil, opts)
}

// newIntakeOf is newIntake for other formats; nil means the native one.
func newIntakeOf(t *testing.T, j ingest.Journal, formats []sensors.Format, opts ingest.Options) *ingest.Intake {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	registered := func(id sensors.DeviceID, _ time.Time) (sensors.Position, bool) {
		return sensors.Position{LatDegrees: 31.2498, LonDegrees: 121.3955, Datum: sensors.WGS84}, id == "known"
	}
	placer := grid.NewPlacer(areas, registered, grid.PlacerOptions{})
	if formats == nil {
		formats = []sensors.Format{native.NewFormat(catalog)}
	}
	return ingest.New(j, formats, catalog, placer, opts)
}

func message(device, payload string) ingest.Message {
	return ingest.Message{Topic: "urbangrid/v1/" + device + "/obs", Payload: []byte(payload), Received: received}
}

const place = `"lat":31.2498,"lon":121.3955`

func noise(ms int) string {
	return fmt.Sprintf(`{"kind":"noise","value":57.3,"time":%d,%s}`, received.UnixMilli()+int64(ms), place)
}

// running starts Run and returns a function that ends it and gives its result.
func running(in *ingest.Intake) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- in.Run(ctx) }()
	return func() error { cancel(); return <-ended }
}

func TestIntake_AcknowledgesOnlyAfterTheCommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		in := newIntake(t, g, ingest.Options{})
		stop := running(in)
		var c tokens
		for i := range 3 {
			m := message("d", noise(i))
			m.Source, m.Token = &c, uint64(i)
			in.Submit(m)
		}
		synctest.Wait()
		if got := c.list(); len(got) != 0 {
			t.Fatalf("acknowledged %v before any commit", got)
		}
		g.Let(10)
		synctest.Wait()
		if got := c.list(); !slices.Equal(got, []uint64{0, 1, 2}) {
			t.Errorf("acknowledged %v, want 0 1 2", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestIntake_CommitsWhatCameDuringACommitTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		in := newIntake(t, g, ingest.Options{})
		stop := running(in)
		in.Submit(message("d", noise(0)))
		synctest.Wait() // the first commit is under way
		for i := 1; i <= 1000; i++ {
			in.Submit(message("d", noise(i)))
		}
		g.Let(2)
		synctest.Wait()
		var sizes []int
		for _, e := range g.Entries() {
			sizes = append(sizes, len(e.Observations))
		}
		if !slices.Equal(sizes, []int{1, 1000}) {
			t.Errorf("commits of %v observations, want 1 and 1000", sizes)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestIntake_CountsTheSameObservationOnceAndAcknowledgesItAfterTheOriginal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		in := newIntake(t, g, ingest.Options{})
		stop := running(in)
		var c tokens
		for i := range 3 {
			m := message("d", noise(0))
			m.Source, m.Token = &c, uint64(i)
			in.Submit(m)
			synctest.Wait() // the original is being committed while the others come
		}
		if got := c.list(); len(got) != 0 {
			t.Fatalf("a duplicate was acknowledged (%v) before its original was durable", got)
		}
		g.Let(10)
		synctest.Wait()
		if n := len(g.Observations()); n != 1 {
			t.Errorf("%d observations committed, want 1", n)
		}
		if got := c.list(); !slices.Equal(got, []uint64{0, 1, 2}) {
			t.Errorf("acknowledged %v, want all three in order", got)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestIntake_RecognisesDuplicatesOfWhatTheJournalHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before := ingesttest.NewGate()
		before.Let(1)
		first := newIntake(t, before, ingest.Options{})
		first.Submit(message("d", noise(0)))
		if err := running(first)(); err != nil {
			t.Fatal(err)
		}

		after := ingesttest.NewGate()
		after.Let(10)
		in := newIntake(t, after, ingest.Options{})
		for _, e := range before.Entries() {
			in.Remember(e)
		}
		stop := running(in)
		in.Submit(message("d", noise(0)))
		in.Submit(message("d", noise(1)))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		if got := after.Observations(); len(got) != 1 || got[0].At.Sub(received) != time.Millisecond {
			t.Errorf("after a restart committed %v, want only the new observation", got)
		}
	})
}

func TestIntake_QuarantinesWhatIsInvalidAndKeepsItsSiblings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(100)
		reg := prometheus.NewRegistry()
		in := newIntake(t, g, ingest.Options{Registerer: reg})
		stop := running(in)
		for _, p := range []string{
			`{`,
			`{"kind":"noise","value":57.3}`,
			`{"kind":"nonsense","value":1,` + place + `}`,
			`[{"kind":"noise","value":5000,` + place + `},` + noise(0) + `]`,
			`{"kind":"noise","value":50,"time":"2027-01-01T00:00:00Z",` + place + `}`,
		} {
			in.Submit(message("d", p))
		}
		in.Submit(message("", noise(0)))
		in.Submit(message("known", `{"kind":"noise","value":57.3}`))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{
			"bad_json": 1, "no_position": 1, "unknown_kind": 1, "out_of_range": 1, "future_time": 1, "bad_device": 1,
		}
		if got := g.Reasons(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("quarantined %v, want %v", got, want)
		}
		if n := len(g.Observations()); n != 2 {
			t.Errorf("%d observations kept, want the array's good one and the one of the registered device", n)
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Errorf("metrics: %v %v", problems, err)
		}
	})
}

func TestIntake_PlacesByDatumAndRegister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(10)
		in := newIntake(t, g, ingest.Options{})
		stop := running(in)
		in.Submit(message("known", `{"kind":"noise","value":50}`))
		in.Submit(message("gcj", `{"kind":"noise","value":50,"datum":"gcj02",`+place+`}`))
		if err := stop(); err != nil {
			t.Fatal(err)
		}
		got := g.Observations()
		if len(got) != 2 {
			t.Fatalf("%d observations, want 2", len(got))
		}
		if got[0].Cell.Resolution() != grid.Resolution || got[0].Area == "" {
			t.Errorf("registered device placed at cell %v area %q", got[0].Cell, got[0].Area)
		}
		if got[0].Cell == got[1].Cell {
			t.Error("the same degrees in GCJ-02 and WGS-84 fell into one cell; they are 490 m apart")
		}
	})
}

func TestIntake_BlocksPublishersWhenTooMuchIsPendingAndDropsLossyMessagesWithACount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		reg := prometheus.NewRegistry()
		in := newIntake(t, g, ingest.Options{MaxPending: 10, Registerer: reg})
		stop := running(in)
		submitted := 0
		go func() {
			for i := range 100 {
				in.Submit(message("d", noise(i)))
				submitted++
			}
		}()
		synctest.Wait()
		if submitted != 10 {
			t.Errorf("%d messages were taken in without a commit, bound 10", submitted)
		}
		lossy := message("d", noise(-1))
		lossy.Lossy = true
		in.Submit(lossy)
		if n := testutil.ToFloat64(counter(t, reg, "urbangrid_ingest_messages_dropped_total", "overflow")); n != 1 {
			t.Errorf("dropped{overflow} is %v, want 1", n)
		}
		g.Let(1000)
		synctest.Wait()
		if n := len(g.Observations()); submitted != 100 || n != 100 {
			t.Errorf("when the journal moved again %d were taken in and %d committed, want 100", submitted, n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// counter makes one series of a gathered registry readable by testutil.
func counter(t *testing.T, reg *prometheus.Registry, name, reason string) prometheus.Collector {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "copy"})
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == reason {
				g.Set(m.GetCounter().GetValue())
			}
		}
	}
	return g
}

func TestIntake_TriesAFailedCommitAgainUnderTheSameName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(100)
		failures := 3
		g.Fail = func() error {
			if failures--; failures >= 0 {
				return stream.ErrFull
			}
			return nil
		}
		in := newIntake(t, g, ingest.Options{})
		stop := running(in)
		var c tokens
		m := message("d", noise(0))
		m.Source = &c
		in.Submit(m)
		time.Sleep(time.Minute) // fake time: the waits between tries
		if names := g.Names(); len(names) != 4 || len(slices.Compact(names)) != 1 {
			t.Errorf("tries under names %v, want one name four times", names)
		}
		if len(c.list()) != 1 {
			t.Error("not acknowledged after the commit went through")
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestIntake_CommitsWhatItHoldsWhenItEndsAndThenTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		in := newIntake(t, g, ingest.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- in.Run(ctx) }()
		var c tokens
		submit := func(i int) {
			m := message("d", noise(i))
			m.Source, m.Token = &c, uint64(i)
			in.Submit(m)
		}
		submit(0)
		synctest.Wait()
		submit(1)
		cancel()
		synctest.Wait()
		submit(2)
		g.Let(10)
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if got := c.list(); !slices.Equal(got, []uint64{0, 1}) {
			t.Errorf("acknowledged %v, want what was submitted before the end", got)
		}
		if n := len(g.Observations()); n != 2 {
			t.Errorf("%d observations committed, want 2", n)
		}
	})
}

func TestIntake_AcknowledgesNothingWhenTheLastCommitFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := ingesttest.NewGate()
		g.Let(1000)
		g.Fail = func() error { return errors.New("disk gone") }
		in := newIntake(t, g, ingest.Options{})
		stop := running(in)
		var c tokens
		m := message("d", noise(0))
		m.Source = &c
		in.Submit(m)
		if err := stop(); err == nil || !strings.Contains(err.Error(), "disk gone") {
			t.Errorf("Run returned %v, want the commit's error", err)
		}
		if got := c.list(); len(got) != 0 {
			t.Errorf("acknowledged %v though nothing was committed", got)
		}
	})
}
