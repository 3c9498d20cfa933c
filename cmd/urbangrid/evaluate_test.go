package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
)

// TestEvaluate_BrokenSensorsAndClocksAreNotTheCity sends faults through ingest and
// the engine with its rules.
func TestEvaluate_BrokenSensorsAndClocksAreNotTheCity(t *testing.T) {
	faults, err := evaluate.Faults(t.Context(), evaluate.FaultsOptions{
		SpatialOptions: evaluate.SpatialOptions{Towns: 1, Replicates: 2, Weeks: 4, Town: evaluate.TownOptions{Radius: 5}}, Gate: ingestGate,
	})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range faults {
		names = append(names, f.Type)
		if strings.HasPrefix(f.Type, "stuck") && f.Quality < f.Replicates {
			t.Errorf("%s: people were told of %d of %d sensors that are stuck", f.Type, f.Quality, f.Replicates)
		}
		if !f.Kept {
			t.Errorf("%s: %d alerts about the city at the faulty cells, %d without the fault", f.Type, f.Overlapping, f.Chance)
		}
	}
	for _, want := range []string{"dropout_known", "duplicate_burst", "clock_skew", "stuck_sensor_fast", "stuck_sensor_slow", "stuck_sensor_uneven", "holiday_known", "holiday_unknown"} {
		if !slices.Contains(names, want) {
			t.Errorf("no fault is called %s: %v", want, names)
		}
	}
}

func TestEvaluate_MeasuresARecordedRun(t *testing.T) {
	dir := t.TempDir()
	truth, alerts, out := filepath.Join(dir, "truth.jsonl"), filepath.Join(dir, "alerts.json"), filepath.Join(dir, "out")
	cell := "8a30995b38d7fff"
	for name, text := range map[string]string{
		truth:  `{"kind":"noise","type":"noise_burst","cells":["` + cell + `"],"start":"2026-03-02T12:00:00Z","end":"2026-03-02T13:00:00Z"}`,
		alerts: `{"alerts":[{"id":"1","kind":"noise","cell":"` + cell + `","raised_at":"2026-03-02T12:10:00Z"}]}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, err := runCommand(t, "evaluate", "--truth", truth, "--alerts", alerts, "--out", out)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	md, err := os.ReadFile(filepath.Join(out, "report.md"))
	if err != nil || !strings.Contains(string(md), "| noise_burst | 1 | 1 ± 0 |") {
		t.Errorf("report: %v\n%s", err, md)
	}
	if _, err := runCommand(t, "evaluate", "--truth", truth, "--out", out); err == nil {
		t.Error("a truth without alerts: no error")
	}
}
