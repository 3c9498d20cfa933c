package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/recordstest"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

func mustOpen(t *testing.T, path string) *sqlite.Records {
	t.Helper()
	r, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecords(t *testing.T) {
	recordstest.Run(t, func(t *testing.T, dir string) recordstest.Records {
		return mustOpen(t, filepath.Join(dir, "记录 100%?#.db"))
	})
}

// raw opens the file beside the records, as an administrator's tool would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOpen_EveryWriteIsSynced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	r := mustOpen(t, path)
	defer r.Close()
	var mode string
	if err := raw(t, path).QueryRow(`PRAGMA journal_mode`).Scan(&mode); err != nil || mode != "wal" {
		t.Errorf("journal_mode %q, %v, want wal", mode, err)
	}
	if err := r.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
}

func TestOpen_MigratesAnExistingFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	if _, err := raw(t, path).Exec(`CREATE TABLE diary (text TEXT); INSERT INTO diary VALUES ('kept')`); err != nil {
		t.Fatal(err)
	}
	r := mustOpen(t, path)
	if err := r.SaveAlerts(t.Context(), store.Position{Journal: "j", Seq: 3}, nil); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = mustOpen(t, path)
	defer r.Close()
	if got, err := r.JudgedPosition(t.Context(), "j"); err != nil || got.Seq != 3 {
		t.Errorf("position %+v, %v, want 3", got, err)
	}
	var note string
	if err := raw(t, path).QueryRow(`SELECT text FROM diary`).Scan(&note); err != nil || note != "kept" {
		t.Errorf("note %q, %v, want kept", note, err)
	}
}

// migrator changes the schema of the file at path to any version.
func migrator(t *testing.T, path string) *goose.Provider {
	t.Helper()
	p, err := goose.NewProvider(goose.DialectSQLite3, raw(t, path), os.DirFS("../sqlrecords/migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The third version knew only these columns of alerts.
func TestOpen_AlertsOfAnEarlierVersionReadAsZero(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	if _, err := migrator(t, path).UpTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	for table, more := range map[string][2]string{"alerts": {}, "outbox": {", number", ", 1"}} {
		_, err := raw(t, path).Exec(`INSERT INTO ` + table + ` (id, revision, rule, kind, place, state, severity, device, cell, area,
			lat_degrees, lon_degrees, value, baseline, p, window_us, reason_zh, reason_en, raised_at_us, updated_at_us` + more[0] + `)
			VALUES ('a', 1, 'r', 'noise', 'device/x', 'open', 'warning', 'x', 0, '', 0, 0, 1, 2, 0, 0, '', '', 1000000, 1000000` + more[1] + `)`)
		if err != nil {
			t.Fatal(err)
		}
	}
	r := mustOpen(t, path)
	defer r.Close()
	want := store.Alert{
		ID: "a", Revision: 1, Rule: "r", Kind: "noise", Place: "device/x", State: store.AlertOpen, Severity: store.Warning,
		Device: "x", Value: 1, Baseline: 2, RaisedAt: time.Unix(1, 0).UTC(), UpdatedAt: time.Unix(1, 0).UTC(),
	}
	found, err := r.FindAlerts(t.Context(), store.AlertQuery{Category: store.AboutCity})
	if diff := cmp.Diff([]store.Alert{want}, found); err != nil || diff != "" {
		t.Errorf("found, %v (-want +got):\n%s", err, diff)
	}
	out, err := r.Outbox(t.Context(), 1)
	if diff := cmp.Diff([]store.OutboxEntry{{ID: 1, Alert: want}}, out); err != nil || diff != "" {
		t.Errorf("outbox, %v (-want +got):\n%s", err, diff)
	}
}

func TestMigrations_GoBackAndForthAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	r := mustOpen(t, path)
	defer r.Close()
	m := migrator(t, path)
	if _, err := m.DownTo(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	if found, err := r.FindAlerts(t.Context(), store.AlertQuery{}); err != nil || len(found) != 0 {
		t.Errorf("found %v, %v, want no alerts", found, err)
	}
}

// Two branches took numbers, and the later one was released first.
func TestOpen_RefusesAMigrationThatComesLate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	if _, err := migrator(t, path).UpTo(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, path).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9, 1)`); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "version 8") {
		t.Errorf("opened with %v, want an error that names the migration that is missing", err)
	}
}

func TestOpen_RefusesAFileOfANewerVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	if err := mustOpen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, path).Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), "newer program") {
		t.Errorf("error %v, want advice to run a newer program", err)
	}
}

func TestOpen_SaysWhichFileCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "records.db")
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s", err, path)
	}
}

func TestRecords_RememberNotesOverARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	r := mustOpen(t, path)
	if got, err := r.Recall(t.Context(), "a"); err != nil || got != nil {
		t.Errorf("recalled %q, %v, want nothing", got, err)
	}
	for _, note := range []string{"first", "second"} {
		if err := r.Remember(t.Context(), "a", []byte(note)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = mustOpen(t, path)
	defer r.Close()
	if got, err := r.Recall(t.Context(), "a"); err != nil || string(got) != "second" {
		t.Errorf("recalled %q, %v, want second", got, err)
	}
}

func TestOpen_MakesAFileForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "records.db")
	r := mustOpen(t, path)
	defer r.Close()
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want 0600", name, info, err)
		}
	}
}
