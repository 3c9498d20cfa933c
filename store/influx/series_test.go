package influx_test

import (
	"fmt"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
	"github.com/urbangrid/urbangrid/store/storetest"
)

var databases atomic.Int64

// fresh returns the address of an empty bucket of the server.
func fresh(t *testing.T, server *influxtest.Server) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", databases.Add(1))
	server.CreateDatabase(t, name)
	return "influx+" + server.URL + "?bucket=" + url.QueryEscape(name+"/autogen")
}

func mustOpen(t *testing.T, address string, opts influx.Options) *influx.Series {
	t.Helper()
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
	addresses := make(map[store.Series]string)
	open := func(t *testing.T, address string) store.Series {
		s := mustOpen(t, address, opts)
		addresses[s] = address
		return s
	}
	return storetest.Backend{
		Open: func(t *testing.T) store.Series { return open(t, fresh(t, server)) },
		Reopen: func(t *testing.T, s store.Series) store.Series {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, addresses[s])
		},
	}
}

func TestSeries(t *testing.T) {
	server := influxtest.Start(t)
	t.Run("with everything open in memory", func(t *testing.T) { storetest.Run(t, backend(server, influx.Options{})) })
	t.Run("with little memory and short requests", func(t *testing.T) {
		storetest.Run(t, backend(server, influx.Options{MaxRows: 100, MaxLines: 50, Compress: true}))
	})
}
