package analytics_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
	"github.com/urbangrid/urbangrid/stream"
)

// incidents is a journal in which a level with holds, a count that grows, a
// second alert at a place and late readings all come to pass within 40 minutes.
func incidents(start time.Time) []stream.Entry {
	var entries []stream.Entry
	for s := 0; s <= 40*60; s += 30 {
		at := start.Add(time.Duration(s) * time.Second)
		level := 60.0
		if s >= 120 && s < 300 || s >= 900 && s < 1100 {
			level = 90 + float64(s)/100
		}
		obs := []grid.Placed{
			seen("n1", "noise", level, at),
			in(zhenru, seen("n2", "noise", 55, at)),
			seen("w1", "road_water", float64(s%1200)/20, at),
		}
		if s%300 == 0 { // what is usual
			obs = append(obs, in(zhenru, seen("cam2", "illegal_parking", 1, at)), seen("cam1", "illegal_parking", 1, at))
		}
		if s >= 300 && s < 500 { // and what is not
			obs = append(obs, seen("cam1", "illegal_parking", 2, at), seen("cam3", "illegal_parking", 1, at))
		}
		if s%60 == 0 { // keeps the kind's clock going
			obs = append(obs, in(0x8a309930a137fff, seen("cam4", "illegal_parking", 1, at)))
			late := seen("n1", "noise", 99, at.Add(-30*time.Second))
			late.Received = at
			obs = append(obs, late)
		}
		entries = append(entries, stream.Entry{Seq: uint64(len(entries)+1) * 3, At: at, Observations: obs})
	}
	return entries
}

func incidentRules() []analytics.Rule {
	return []analytics.Rule{
		{Name: "loud", Kind: "noise", Names: names, Severity: store.Warning, Threshold: &analytics.Threshold{
			Raise: 85, Clear: 80, HoldRaise: time.Minute, HoldClear: 2 * time.Minute}},
		{Name: "water", Kind: "road_water", Names: names, Severity: store.Warning, Threshold: &analytics.Threshold{
			Raise: 15, Clear: 8, Critical: critical(27)}},
		{Name: "parking", Kind: "illegal_parking", Names: names, Severity: store.Notice, Exceedance: &analytics.Exceedance{
			MinCount: 4, Expected: 1, PriorWindows: 24, PRaise: 1e-3, PClear: 0.05, PCritical: 1e-7, HoldClear: time.Minute}},
	}
}

// fails makes SaveAlerts fail from an entry on, as when the process is killed
// before it could save.
type fails struct {
	*sqlite.Records
	from uint64
}

func (f fails) SaveAlerts(ctx context.Context, to store.Position, changes []store.Alert) error {
	if to.Seq >= f.from {
		return store.ErrAlertOpen // ends Run at once
	}
	return f.Records.SaveAlerts(ctx, to, changes)
}

func mustRecords(t testing.TB) *sqlite.Records {
	t.Helper()
	r, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// runThrough judges entries and returns when all were taken, with Run's error.
func runThrough(t *testing.T, alerts store.Alerts, memory analytics.Memory, entries []stream.Entry, now time.Time) error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e, err := analytics.NewEngine(replay{newJournal(entries...), cancel}, alerts, mustCatalog(t), incidentRules(), nil,
		analytics.Options{Memory: memory, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return e.Run(ctx)
}

// history is every change that was saved, in order, without what is new with
// each run.
func history(t *testing.T, r *sqlite.Records) []store.Alert {
	t.Helper()
	entries, err := r.Outbox(t.Context(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	var all []store.Alert
	for _, e := range entries {
		all = append(all, e.Alert)
	}
	slices.SortStableFunc(all, func(a, b store.Alert) int {
		return cmp.Or(a.UpdatedAt.Compare(b.UpdatedAt), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Place, b.Place), cmp.Compare(a.Revision, b.Revision))
	})
	return all
}

// sameHistory compares everything exactly but the baseline, of which an engine
// without memory has read back less.
func sameHistory(got, want []store.Alert, tolerance float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d changes, want %d", len(got), len(want))
	}
	ids := make(map[string]string)
	for i := range got {
		g, w := got[i], want[i]
		if id, ok := ids[w.ID]; ok && id != g.ID {
			return fmt.Errorf("change %d: revision %d of %s has another id than those before", i, g.Revision, g.Place)
		}
		ids[w.ID] = g.ID
		if math.Abs(g.Baseline-w.Baseline) > tolerance*w.Baseline {
			return fmt.Errorf("change %d: baseline %v, want about %v", i, g.Baseline, w.Baseline)
		}
		g.ID, g.Baseline, g.P, g.Reason = w.ID, w.Baseline, w.P, w.Reason
		if !reflect.DeepEqual(g, w) {
			return fmt.Errorf("change %d:\n got %+v\nwant %+v", i, g, w)
		}
	}
	return nil
}

func TestEngine_ARestartAtAnyEntryChangesNothing(t *testing.T) {
	start := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	entries := incidents(start)
	end := entries[len(entries)-1].At
	whole := mustRecords(t)
	if err := runThrough(t, whole, whole, entries, start); err != nil {
		t.Fatal(err)
	}
	want := history(t, whole)
	rules := make(map[string]int)
	for _, a := range want {
		rules[a.Rule+" "+string(a.State)]++
	}
	for _, seen := range []string{"loud open", "loud closed", "water open", "water closed", "parking open", "parking closed"} {
		if rules[seen] == 0 {
			t.Fatalf("the incidents hold no %s: %v", seen, rules)
		}
	}
	for cut := 1; cut < len(entries); cut++ {
		for _, how := range []struct {
			name  string
			kill  bool
			later time.Time // when the engine is started again
		}{
			{"killed", true, entries[cut].At},
			{"stopped", false, entries[cut].At},
			{"stopped for long", false, end.Add(3 * time.Hour)},
		} {
			if !how.kill && cut%4 != 0 { // a file and its commits for each would take too long
				continue
			}
			r := mustRecords(t)
			var first store.Alerts = r
			var memory analytics.Memory = r
			tolerance := 1e-9
			if how.kill { // before it could save anything, baselines included
				first, memory, tolerance = fails{r, entries[cut].Seq}, nil, 0.05
			}
			// The error of a killed engine is not looked at: it did not live to return it.
			if err := runThrough(t, first, memory, entries[:cut+1], start); err != nil && !how.kill {
				t.Fatal(err)
			}
			if err := runThrough(t, r, r, entries, how.later); err != nil {
				t.Fatal(err)
			}
			if err := sameHistory(history(t, r), want, tolerance); err != nil {
				t.Fatalf("%s at entry %d of %d: %v", how.name, cut, len(entries), err)
			}
		}
	}
}
