package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// forget makes every schedule of a data folder look as if it ran ten days ago.
func forget(t *testing.T, data string) {
	t.Helper()
	name := filepath.Join(data, "reports", "index.json")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var index struct {
		Runs  map[string]map[string]any `json:"runs"`
		Saved []any                     `json:"saved"`
	}
	if err := json.Unmarshal(b, &index); err != nil {
		t.Fatal(err)
	}
	if len(index.Runs) != 3 {
		t.Fatalf("schedules are %v, want three", index.Runs)
	}
	for _, r := range index.Runs {
		r["due_at"] = time.Now().AddDate(0, 0, -10)
	}
	if b, err = json.Marshal(index); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReport_SavedOnesAreMadeUpAfterARestart(t *testing.T) {
	data := t.TempDir()
	p := startServer(t, data)
	smokeWeeks(t, p)
	eventually(t, "the schedules are known", func() error {
		_, err := os.Stat(filepath.Join(data, "reports", "index.json"))
		return err
	})
	if shown := run(t, "report", "saved", "--server", p.http); shown != "" {
		t.Errorf("at the first start there is already %s", shown)
	}
	p.stop(t)
	forget(t, data)

	p = startServer(t, data)
	book := ""
	eventually(t, "what was missed is made up", func() error {
		shown := run(t, "report", "saved", "--server", p.http)
		for _, want := range []string{"-emerging-smoke", "-trend", "-stubborn", "-quality", "weekly-", "hourly-"} {
			if !strings.Contains(shown, want) {
				return fmt.Errorf("nothing of %s in\n%s", want, shown)
			}
		}
		book, _, _ = strings.Cut(shown[strings.Index(shown, "weekly-"):], " ")
		return nil
	})
	file := filepath.Join(t.TempDir(), "周报.xlsx")
	run(t, "report", "saved", book, "--server", p.http, "-o", file)
	f, err := excelize.OpenFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := f.GetRows("目录"); err != nil || len(rows) != 1+6 {
		t.Errorf("the contents are %q, %v: want trends twice, two of smoke, stubborn problems and quality", rows, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
	p.stop(t)
	// From the folder, without a server.
	list := strings.Fields(run(t, "report", "saved", "--data", data, "--schedule", "nightly", "--report", "quality"))
	if len(list) == 0 {
		t.Fatal("the folder has no report of the night")
	}
	if text := run(t, "report", "saved", list[0], "--data", data, "--lang", "en"); !strings.Contains(text, "Detection quality") {
		t.Errorf("the report of the night:\n%s", text)
	}
}

func TestConfig_NightlyReportsAreAtATimeOfDayOrOff(t *testing.T) {
	for text, want := range map[string]time.Duration{"02:30": 150 * time.Minute, "23:59": 24*time.Hour - time.Minute, "00:00": time.Second} {
		if got, on, err := (config{Nightly: text}).nightly(); got != want || !on || err != nil {
			t.Errorf("%s: %v %v %v, want %v", text, got, on, err, want)
		}
	}
	if _, on, err := (config{Nightly: "off"}).nightly(); on || err != nil {
		t.Errorf("off: %v %v", on, err)
	}
	if _, err := configOf(t, "reports_nightly: soon\n", nil); err == nil || !strings.Contains(err.Error(), "reports_nightly") {
		t.Errorf("soon: %v", err)
	}
}
