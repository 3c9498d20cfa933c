package influx_test

import (
	"flag"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
	"github.com/urbangrid/urbangrid/store/storetest"
)

var databases atomic.Int64

// fresh returns the address of a bucket that nobody has used.
func fresh(server *influxtest.Server) string {
	return server.Address(fmt.Sprintf("test_%d", databases.Add(1)))
}

func mustOpen(t *testing.T, address string, opts influx.Options) *influx.Series {
	t.Helper()
	if opts.Retention == (store.Retention{}) {
		opts.Retention = store.KeepForever
	}
	opts.Token = influxtest.Token
	s, err := influx.Open(t.Context(), address, opts)
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

func backend(server *influxtest.Server, opts influx.Options) storetest.Backend {
	var addresses sync.Map
	open := func(t *testing.T, address string) store.Series {
		s := mustOpen(t, address, opts)
		addresses.Store(s, address)
		return s
	}
	return storetest.Backend{
		Calendar: opts.Calendar,
		Open:     func(t *testing.T) store.Series { return open(t, fresh(server)) },
		Reopen: func(t *testing.T, s store.Series) store.Series {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			address, _ := addresses.Load(s)
			return open(t, address.(string))
		},
	}
}

// Each step of a property costs this server tens of milliseconds, so there are
// fewer of them; the other stores run the same properties at full length.
const propertyRuns = "25"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", propertyRuns); err != nil {
			panic(err) // the flag is rapid's own
		}
	}
	os.Exit(m.Run())
}

func berlin(t *testing.T) grid.Calendar {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return grid.NewCalendar(zone)
}

func TestSeries(t *testing.T) {
	server := influxtest.Start(t)
	for name, opts := range map[string]influx.Options{
		"with everything open in memory":        {},
		"with little memory and short requests": {MaxRows: 100, MaxLines: 50, Plain: true, Calendar: berlin(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, backend(server, opts))
		})
	}
}
