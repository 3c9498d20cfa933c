package saved_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

var monday = time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC) // midnight in Shanghai

// sample is a report with a value of every sort and a place of every sort.
func sample(t *testing.T, area grid.Area) *report.Result {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	names := sensors.Names{ZH: "趋势", EN: "Trends"}
	return &report.Result{
		Report: report.Trend, Title: names, Version: report.Version{Program: "test", Format: "1"}, GeneratedAt: monday.Add(3 * time.Hour),
		Period: report.NewPeriod(monday.AddDate(0, 0, -7), monday, zone, report.Day, 7), Data: report.Data{Observations: 3, Fingerprint: "f"},
		Methods:    []report.Method{{Key: "m", Names: names, Reference: "x"}},
		Parameters: []report.Parameter{{Key: "from", Names: names, Text: "t", Value: report.Moment(monday)}, {Key: "kind", Names: names, Value: report.Named(names)}},
		Notes:      []report.Note{{Code: report.NoteNoData, Text: names, Count: 1}}, Definitions: []report.Definition{},
		Tables: []report.Table{{
			Key: "summary", Title: names,
			Columns: []report.Column{
				{Key: "name", Names: names, Type: report.TextColumn}, {Key: "n", Names: names, Type: report.NumberColumn, Unit: "1", Digits: 2},
				{Key: "at", Names: names, Type: report.TimeColumn},
			},
			Rows: [][]report.Value{
				{report.Named(names), report.Number(1.25), report.Moment(monday.Add(time.Second / 2))},
				{report.Text("2026-11-22T16:00:00Z"), report.Missing(report.NoteNoData), report.Missing(report.NoteStillOpen)},
				{report.Text(""), report.Count(0), report.Moment(time.Time{})},
			},
		}},
		Features: []report.Feature{
			report.AreaFeature("summary", 0, area), report.CellFeature("summary", 1, 0x8a309930a0affff), {Table: "summary", Row: 2, Point: &report.Point{Lat: 31, Lon: 121}},
		},
	}
}

func open(t *testing.T, dir string, areas []grid.Area, opts saved.Options) *saved.Library {
	t.Helper()
	l, err := saved.Open(dir, areas, opts)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func save(t *testing.T, l *saved.Library, schedule string, due time.Time, name string, results ...*report.Result) {
	t.Helper()
	if err := l.Save(saved.Item{ID: fmt.Sprintf("%s-%d-%s", schedule, due.Unix(), name), Schedule: schedule, DueAt: due, Report: report.Trend}, results); err != nil {
		t.Fatal(err)
	}
}

func TestLibrary_WhatIsLoadedIsWhatWasSavedInEveryForm(t *testing.T) {
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := sample(t, areas.All()[0])
	save(t, open(t, dir, areas.All(), saved.Options{}), "nightly", monday, "trend", r)
	l := open(t, dir, areas.All(), saved.Options{}) // after a restart
	list := l.List(saved.Query{})
	if len(list) != 1 || list[0].Results != 1 || !list[0].GeneratedAt.Equal(r.GeneratedAt) || list[0].Bytes == 0 {
		t.Fatalf("the list is %+v", list)
	}
	_, got, err := l.Load(list[0].ID)
	if err != nil || len(got) != 1 {
		t.Fatalf("%d results, %v", len(got), err)
	}
	for _, f := range export.Files {
		if f == export.XLSX {
			continue // has the moment at which it is written
		}
		var want, have bytes.Buffer
		if err := errors.Join(export.Write(&want, f, r, report.ZH), export.Write(&have, f, got[0], report.ZH)); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want.String(), have.String()); d != "" {
			t.Errorf("%s (-saved +loaded):\n%s", f, d)
		}
	}
	if at, ok := got[0].Tables[0].Rows[0][2].Moment(); !ok || !at.Equal(monday.Add(time.Second/2)) {
		t.Error("a time is no time any more")
	}
	if _, ok := got[0].Tables[0].Rows[1][0].Moment(); ok {
		t.Error("a text that looks like a time became one")
	}
}

func TestLibrary_KeepsTheNewestRunsOfEachScheduleWithinItsBytes(t *testing.T) {
	dir := t.TempDir()
	r := sample(t, grid.Area{Code: "A"})
	l := open(t, dir, nil, saved.Options{Runs: map[string]int{"hourly": 2, "nightly": 3}})
	for i := range 5 {
		save(t, l, "hourly", monday.Add(time.Duration(i)*time.Hour), "a", r)
		save(t, l, "hourly", monday.Add(time.Duration(i)*time.Hour), "b", r)
		save(t, l, "nightly", monday.AddDate(0, 0, i), "a", r)
	}
	hours, nights := l.List(saved.Query{Schedule: "hourly"}), l.List(saved.Query{Schedule: "nightly", Limit: 2})
	if len(hours) != 4 || !hours[3].DueAt.Equal(monday.Add(3*time.Hour)) || len(nights) != 2 || !nights[0].DueAt.Equal(monday.AddDate(0, 0, 4)) {
		t.Errorf("kept are %+v and %+v", hours, nights)
	}
	if n := len(files(t, dir)); n != 4+3 {
		t.Errorf("%d files, want 7", n)
	}
	one := hours[0].Bytes
	small := open(t, dir, nil, saved.Options{MaxBytes: 3 * one})
	save(t, small, "weekly", monday.AddDate(0, 0, 9), "a", r)
	if n := len(small.List(saved.Query{})); n != 3 {
		t.Errorf("%d reports are kept in the bytes of three", n)
	}
}

// files are the reports in a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.gz*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestLibrary_SavedAgainItReplacesWhatWasThere(t *testing.T) {
	l := open(t, t.TempDir(), nil, saved.Options{})
	r := sample(t, grid.Area{Code: "A"})
	save(t, l, "weekly", monday, "book", r)
	save(t, l, "weekly", monday, "book", r, r)
	if list := l.List(saved.Query{}); len(list) != 1 || list[0].Results != 2 {
		t.Errorf("kept are %+v", list)
	}
}

func TestOpen_TidiesWhatAnInterruptionLeft(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, nil, saved.Options{})
	r := sample(t, grid.Area{Code: "A"})
	save(t, l, "nightly", monday, "a", r)
	save(t, l, "nightly", monday, "b", r)
	gone := l.List(saved.Query{})[0].ID
	if err := l.SetRun("nightly", saved.Run{DueAt: monday, Attempts: 1}); err != nil {
		t.Fatal(err)
	}
	for _, f := range []string{"orphan.jsonl.gz", "x.jsonl.gz-123.part"} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(filepath.Join(dir, gone+".jsonl.gz")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Load(gone); !errors.Is(err, saved.ErrNotFound) {
		t.Errorf("one whose file is gone: %v, want ErrNotFound", err)
	}
	l = open(t, dir, nil, saved.Options{})
	if n, list := len(files(t, dir)), l.List(saved.Query{}); n != 1 || len(list) != 1 || list[0].ID == gone {
		t.Errorf("%d files and the list %+v", n, list)
	}
	if got, ok := l.Run("nightly"); !ok || !got.DueAt.Equal(monday) || got.Done {
		t.Errorf("the schedule stands at %+v", got)
	}
}

func TestLibrary_RefusesIdentitiesThatAreNoNames(t *testing.T) {
	l := open(t, t.TempDir(), nil, saved.Options{})
	r := sample(t, grid.Area{Code: "A"})
	for _, id := range []string{"", "../x", "a/b", ".hidden", strings.Repeat("x", 200)} {
		if err := l.Save(saved.Item{ID: id}, []*report.Result{r}); err == nil {
			t.Errorf("%q was accepted", id)
		}
		if _, _, err := l.Load(id); !errors.Is(err, saved.ErrNotFound) {
			t.Errorf("load %q: %v, want ErrNotFound", id, err)
		}
	}
}

func TestLibrary_MayBeUsedByMany(t *testing.T) {
	l := open(t, t.TempDir(), nil, saved.Options{Runs: map[string]int{"hourly": 2}})
	r := sample(t, grid.Area{Code: "A"})
	var people sync.WaitGroup
	for p := range 4 {
		people.Go(func() {
			for i := range 5 {
				save(t, l, "hourly", monday.Add(time.Duration(i)*time.Hour), fmt.Sprint(p), r)
				for _, item := range l.List(saved.Query{}) {
					if _, _, err := l.Load(item.ID); err != nil && !errors.Is(err, saved.ErrNotFound) {
						t.Error(err)
					}
				}
			}
		})
	}
	people.Wait()
}

func TestBook_HasEveryReportInOneWorkbook(t *testing.T) {
	r := sample(t, grid.Area{Code: "A"})
	title := sensors.Names{ZH: "周报", EN: "Weekly"}
	var b bytes.Buffer
	if err := export.WriteBook(&b, export.XLSX, title, []*report.Result{r, r}, report.ZH); err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if d := cmp.Diff([]string{"目录", "01 说明", "01 趋势", "02 说明", "02 趋势"}, f.GetSheetList()); d != "" {
		t.Errorf("sheets (-want +got):\n%s", d)
	}
	if rows, err := f.GetRows("目录"); err != nil || len(rows) != 3 || rows[2][1] != "趋势" || rows[2][5] != "3" {
		t.Errorf("contents are %q, %v", rows, err)
	}
	if rows, err := f.GetRows("02 趋势"); err != nil || len(rows) != 4 {
		t.Errorf("the second report has %d rows, %v", len(rows), err)
	}
	b.Reset()
	if err := export.WriteBook(&b, export.JSON, title, []*report.Result{r, r}, report.ZH); err != nil || strings.Count(b.String(), `"report":"trend"`) != 2 {
		t.Errorf("as JSON: %v, %.80s", err, b.String())
	}
	if err := export.WriteBook(&b, export.CSV, title, []*report.Result{r, r}, report.ZH); !errors.Is(err, export.ErrOneReport) {
		t.Errorf("as CSV: %v, want ErrOneReport", err)
	}
}
