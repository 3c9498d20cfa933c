package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
	"github.com/urbangrid/urbangrid/stream"
)

// fixed is a journal of some entries.
type fixed []stream.Entry

func (fixed) Identity() string { return "fixed" }

func (f fixed) Follow(ctx context.Context, after uint64, out chan<- stream.Entry) error {
	for _, e := range f {
		if e.Seq <= after {
			continue
		}
		select {
		case out <- e:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

func openRecords(t *testing.T, path string) *sqlite.Records {
	t.Helper()
	r, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestKeeper_FillsQuarantineAndRegisterOnceAcrossRestarts(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	spoke := func(device string, minute int) grid.Placed {
		return grid.Placed{Observation: sensors.Observation{
			Device: sensors.DeviceID(device), Kind: "noise", Received: at.Add(time.Duration(minute) * time.Minute),
		}}
	}
	bad := func(reason string) stream.Reject { return stream.Reject{At: at, Reason: reason, Topic: "t"} }
	j := fixed{
		{Seq: 1, Observations: []grid.Placed{spoke("a", 1), spoke("b", 1)}},
		{Seq: 2, Rejects: []stream.Reject{bad("no_position"), bad("bad_json")}},
		{Seq: 4, Observations: []grid.Placed{spoke("a", 3)}, Rejects: []stream.Reject{bad("no_position")}},
	}
	path := filepath.Join(t.TempDir(), "records.db")
	for run := range 2 {
		records := openRecords(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		k := store.NewKeeper(j, records, records, store.KeeperOptions{
			Every: 10 * time.Millisecond,
			Saved: func(seq uint64) {
				if seq == 4 {
					cancel()
				}
			},
		})
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("run %d: %v, want that it was cancelled", run, err)
		}
		counts, err := records.RejectCounts(t.Context())
		if err != nil || counts["no_position"] != 2 || counts["bad_json"] != 1 || len(counts) != 2 {
			t.Errorf("run %d: quarantine counts %v (%v), want no_position 2 and bad_json 1", run, counts, err)
		}
		for device, minute := range map[sensors.DeviceID]int{"a": 3, "b": 1} {
			d, err := records.Device(t.Context(), device)
			if err != nil || !d.Auto || !d.LastSeen.Equal(at.Add(time.Duration(minute)*time.Minute)) {
				t.Errorf("run %d: register has %+v (%v), want one seen at minute %d", run, d, err, minute)
			}
		}
	}
}

// away is a quarantine that cannot be written for the first few times.
type away struct {
	store.Quarantine
	failures int
}

func (a *away) SaveRejects(ctx context.Context, to store.Position, entries []store.RejectEntry) error {
	if a.failures--; a.failures >= 0 {
		return errors.New("records are away")
	}
	return a.Quarantine.SaveRejects(ctx, to, entries)
}

func TestKeeper_TriesAgainWhenTheRecordsAreAway(t *testing.T) {
	records := openRecords(t, filepath.Join(t.TempDir(), "records.db"))
	j := fixed{{Seq: 1, Rejects: []stream.Reject{{Reason: "bad_json"}}}}
	reg := prometheus.NewRegistry()
	ctx, cancel := context.WithCancel(t.Context())
	k := store.NewKeeper(j, &away{records, 3}, records, store.KeeperOptions{
		Every: time.Millisecond, Registerer: reg,
		Saved: func(seq uint64) {
			if seq == 1 {
				cancel()
			}
		},
	})
	if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if counts, err := records.RejectCounts(t.Context()); err != nil || counts["bad_json"] != 1 {
		t.Errorf("quarantine counts %v (%v), want bad_json 1", counts, err)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

func TestKeeper_CountsWhatDevicesDoOnceAlthoughTheQuarantineWasAway(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 10, 0, 0, time.UTC)
	battery, signal := 80.0, -101.0
	spoke := grid.Placed{Observation: sensors.Observation{Device: "a", Kind: "noise", Received: at}}
	j := fixed{
		{Seq: 1, Observations: []grid.Placed{spoke, spoke}, Rejects: []stream.Reject{{At: at, Reason: "bad_json", Topic: "urbangrid/v1/a/obs"}}},
		{Seq: 2, Health: []sensors.Health{
			{Device: "a", At: at, Presence: sensors.Online, BatteryPercent: &battery, Note: "ImageTooDark"},
			{Device: "a", At: at.Add(-time.Hour), Presence: sensors.Offline, SignalDBm: &signal},
			{Device: "ghost", At: at, Presence: sensors.Online},
		}},
		{Seq: 3, Rejects: []stream.Reject{
			{At: at, Reason: "unknown_device", Topic: "gw/7", Detail: "device new one is not in the register"},
			{At: at, Reason: "unknown_device", Topic: "urbangrid/v1/other/obs"},
		}},
	}
	path := filepath.Join(t.TempDir(), "records.db")
	for run, quarantine := range []int{1_000_000, 0, 0} { // at first the quarantine is away until the end
		records := openRecords(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		sink := &told{Activities: records, done: cancel, last: 3}
		k := store.NewKeeper(j, &away{records, quarantine}, sink, store.KeeperOptions{
			Every: 5 * time.Millisecond,
			Saved: func(seq uint64) {
				if seq == 3 {
					cancel()
				}
			},
		})
		if err := k.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("run %d: %v, want that it was cancelled", run, err)
		}
		d, err := records.Device(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		c := d.Condition
		if c.Observations != 2 || c.Bad != 1 || c.ThisHour != 2 || c.Presence != sensors.Online || c.Note != "ImageTooDark" ||
			c.BatteryPercent == nil || *c.BatteryPercent != battery || c.SignalDBm == nil || *c.SignalDBm != signal {
			t.Errorf("run %d: condition %+v", run, c)
		}
		if err := records.Close(); err != nil {
			t.Fatal(err)
		}
	}
	records := openRecords(t, path)
	unknown, err := records.UnknownDevices(t.Context(), 10)
	if err != nil || len(unknown) != 2 || unknown[0].ID != "new one" || unknown[1].ID != "other" || unknown[0].Rejects != 1 {
		t.Errorf("unknown devices %+v, %v, want new one and other, once each", unknown, err)
	}
	if _, err := records.Device(t.Context(), "ghost"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a device entered itself by its health alone: %v", err)
	}
}

// told ends a run when what the last entry says of devices is saved.
type told struct {
	store.Activities
	done func()
	last uint64
}

func (s *told) SaveActivity(ctx context.Context, to store.Position, list []store.Activity) error {
	err := s.Activities.SaveActivity(ctx, to, list)
	if err == nil && to.Seq == s.last {
		s.done()
	}
	return err
}

func TestDeviceOf_FindsTheDeviceWhereTheTopicNamesIt(t *testing.T) {
	for topic, want := range map[string]sensors.DeviceID{
		"urbangrid/v1/noise-1/obs": "noise-1", "urbangrid/v1/noise-1/obs/pb": "noise-1", "urbangrid/v1/obs": "",
		"application/7/device/0102030405060708/event/up": "0102030405060708", "v3/app@tenant/devices/dev-1/up": "dev-1",
		"spBv1.0/g/DDATA/n/d": "", "": "", "urbangrid/v1//obs": "",
	} {
		if got := store.DeviceOf(store.Reject{Topic: topic, Detail: "device x is not in the register"}); got != want {
			t.Errorf("%q is of %q, want %q", topic, got, want)
		}
	}
}
