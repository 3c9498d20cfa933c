package duckdb

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

func openForTest(t *testing.T) *Series {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "series.duckdb"), Options{RollEvery: -1, CompactEvery: -1, ExpireEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// wantWritten offers an empty entry and checks that the position is then there.
func wantWritten(t *testing.T, s *Series, seq uint64) {
	t.Helper()
	to := store.Position{Journal: "j", Seq: seq}
	if err := s.Write(t.Context(), to, nil); err != nil {
		t.Fatalf("a write after one that was cut off: %v", err)
	}
	if got, err := s.Position(t.Context(), "j"); err != nil || got != to {
		t.Fatalf("position %+v, %v; want %+v", got, err, to)
	}
}

func TestSeries_WritesOnAfterATransactionThatWasLeftOpen(t *testing.T) {
	for name, leave := range map[string]string{
		"open":    "SELECT 1",
		"aborted": "INSERT INTO positions SELECT 'j', error('made to fail')",
	} {
		t.Run(name, func(t *testing.T) {
			s := openForTest(t)
			if err := s.exec(t.Context(), "BEGIN TRANSACTION"); err != nil {
				t.Fatal(err)
			}
			if err := s.exec(t.Context(), leave); (err != nil) != (name == "aborted") {
				t.Fatalf("%q gave %v", leave, err)
			}
			s.loaded = false // as after every transaction that failed
			wantWritten(t, s, 1)
		})
	}
}

func TestSeries_BeginsAfterATransactionThatWasLeftOpen(t *testing.T) {
	s := openForTest(t)
	if err := s.exec(t.Context(), "BEGIN TRANSACTION"); err != nil {
		t.Fatal(err)
	}
	if err := s.transact(t.Context(), func() error { return s.exec(t.Context(), "SELECT 1") }); err != nil {
		t.Fatalf("a transaction after one that was left open: %v", err)
	}
}

func TestSeries_WritesOnAfterContextsThatEndAtAnyMoment(t *testing.T) {
	s := openForTest(t)
	for i := range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		late := time.AfterFunc(time.Duration(i)*3*time.Microsecond, cancel)
		_ = s.Write(ctx, store.Position{Journal: "cut", Seq: uint64(i + 1)}, nil) // may or may not be cut off
		_ = s.Roll(ctx)
		late.Stop()
		cancel()
		wantWritten(t, s, uint64(i+1))
	}
}
