package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
	"github.com/urbangrid/urbangrid/store/influx"
)

// check runs the command and returns what it prints.
func check(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := newCheckCommand()
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	cmd.SetArgs(append(args, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"))
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func wantSaid(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(out, w) {
			t.Errorf("check does not say %q:\n%s", w, out)
		}
	}
}

// hourOf fills s with an observation a second.
func hourOf(t *testing.T, s store.Series) {
	t.Helper()
	began := time.Now().UTC().Add(-2 * time.Hour).Truncate(time.Hour)
	var observations []grid.Placed
	for i := range 3_601 {
		at := began.Add(time.Duration(i) * time.Second)
		cell, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		observations = append(observations, grid.Placed{
			Observation: sensors.Observation{Device: sensors.DeviceID(fmt.Sprint("d", i%10)), Kind: "noise", Value: 50, At: at, Received: at}, Cell: cell,
		})
	}
	if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: 1}, []store.Entry{{Seq: 1, Observations: observations}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCheck_SaysWhatTheSeriesTakeAndForHowLongTheDiskLasts(t *testing.T) {
	dir := t.TempDir()
	s, err := duckdb.Open(t.Context(), filepath.Join(dir, "series.db"), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hourOf(t, s)
	out, err := check(t, "--data", dir)
	if err != nil {
		t.Errorf("check: %v", err)
	}
	wantSaid(t, out, "duckdb:series.db in "+filepath.Join(dir, "series.db"), "3601 observations", "86400 a day", "bytes an observation", "No faults.", "the disk", "sqlite:records.db", "embedded:")
}

func TestCheck_SaysOfInfluxDBWhatItsServerTells(t *testing.T) {
	server := influxtest.Start(t)
	s, err := influx.Open(t.Context(), server.Address("checked"), influx.Options{})
	if err != nil {
		t.Fatal(err)
	}
	hourOf(t, s)
	out, err := check(t, "--data", t.TempDir(), "--series", server.Address("checked"))
	if err != nil {
		t.Errorf("check: %v", err)
	}
	wantSaid(t, out, "3601 observations", "keeps observations 30 days, minutes 90 days, hours 1095 days", "days left: not known", "No faults.")
}

func TestCheck_SaysEveryFaultAtOnceAndFails(t *testing.T) {
	out, err := check(t, "--data", t.TempDir(), "--zone", "Nowhere/Land", "--kinds", "missing-kinds.yaml", "--series", "paper:", "--records", "stone:", "--journal", "nats://127.0.0.1:1")
	if err == nil {
		t.Error("check of faulty settings gave no error")
	}
	wantSaid(t, out, "zone:", "missing-kinds.yaml", "paper:", "stone:", "journal:", "Faults:")
	if n := strings.Count(out, "missing-kinds.yaml"); n > 2 {
		t.Errorf("one fault is said %d times:\n%s", n, out)
	}
}

func TestCheck_LeavesTheFilesOfAServerThatRunsAlone(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockData(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	s, err := duckdb.Open(context.Background(), filepath.Join(dir, "series.db"), duckdb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := check(t, "--data", dir)
	if err != nil {
		t.Errorf("check: %v", err)
	}
	wantSaid(t, out, "a server runs on it", "not opened")
}
