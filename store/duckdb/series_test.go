package duckdb_test

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
	"github.com/urbangrid/urbangrid/store/storetest"
)

func mustOpen(t *testing.T, path string, opts duckdb.Options) *duckdb.Series {
	t.Helper()
	s, err := duckdb.Open(t.Context(), path, opts)
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

func backend(opts duckdb.Options) storetest.Backend {
	var paths sync.Map
	open := func(t *testing.T, path string) store.Series {
		s := mustOpen(t, path, opts)
		paths.Store(s, path)
		return s
	}
	return storetest.Backend{
		Calendar: opts.Calendar,
		Open:     func(t *testing.T) store.Series { return open(t, filepath.Join(t.TempDir(), "series.db")) },
		Reopen: func(t *testing.T, s store.Series) store.Series {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			path, _ := paths.Load(s)
			return open(t, path.(string))
		},
	}
}

func zone(t *testing.T, name string) grid.Calendar {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return grid.NewCalendar(z)
}

func TestSeries(t *testing.T) {
	t.Run("with roll-ups at the end", func(t *testing.T) { storetest.Run(t, backend(duckdb.Options{RollEvery: -1})) })
	t.Run("with roll-ups at each write", func(t *testing.T) {
		storetest.Run(t, backend(duckdb.Options{RollRows: 1, Calendar: zone(t, "Europe/Berlin")}))
	})
}
