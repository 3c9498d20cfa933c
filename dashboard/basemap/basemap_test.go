package basemap_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/dashboard/basemap"
	"github.com/urbangrid/urbangrid/sensors"
)

// service is a tile service whose answer a test chooses.
type service struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.answers(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = fmt.Fprintf(w, "picture of %s?%s", r.URL.Path, r.URL.RawQuery)
	})
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		(*s.answer.Load())(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *service) answers(h http.HandlerFunc) { s.answer.Store(&h) }

type mapOf struct {
	*basemap.Basemap
	clock time.Time
	reg   *prometheus.Registry
}

func newMap(t *testing.T, opts basemap.Options) *mapOf {
	t.Helper()
	m := &mapOf{clock: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), reg: prometheus.NewRegistry()}
	opts.Registerer, opts.Now = m.reg, func() time.Time { return m.clock }
	var err error
	if m.Basemap, err = basemap.New(opts); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mapOf) tile(z, x, y int) (status int, body string, header http.Header) {
	w := httptest.NewRecorder()
	m.ServeTile(w, httptest.NewRequest(http.MethodGet, "/", nil), z, x, y)
	return w.Code, w.Body.String(), w.Header()
}

func (m *mapOf) outcomes(t *testing.T, outcome string, want float64) {
	t.Helper()
	m.counted(t, "urbangrid_basemap_tiles_total", outcome, want)
	if n, err := testutil.GatherAndCount(m.reg, "urbangrid_basemap_tiles_total"); err != nil || n != 5 {
		t.Errorf("%d series (%v), want one an outcome", n, err)
	}
}

func (m *mapOf) counted(t *testing.T, name, outcome string, want float64) {
	t.Helper()
	families, err := m.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.Metric {
			if family.GetName() != name || metric.Label[0].GetValue() != outcome {
				continue
			}
			if got := metric.Counter.GetValue(); got != want {
				t.Errorf("%s of %s: %g, want %g", name, outcome, got, want)
			}
			return
		}
	}
	t.Errorf("no %s of %s", name, outcome)
}

func TestBasemap_FetchesATileWithItsKeyAndKeepsIt(t *testing.T) {
	s := newService(t)
	m := newMap(t, basemap.Options{
		Tiles: basemap.Tiles{URL: s.URL + "/w?TILEMATRIX={z}&TILECOL={x}&TILEROW={y}&tk={key}", Key: "se&cret", Datum: sensors.GCJ02},
		Cache: filepath.Join(t.TempDir(), "tiles"),
	})
	for range 3 {
		status, body, header := m.tile(12, 3429, 1672)
		if status != http.StatusOK || body != "picture of /w?TILEMATRIX=12&TILECOL=3429&TILEROW=1672&tk=se%26cret" || header.Get("Content-Type") != "image/png" {
			t.Fatalf("%d %q %v", status, body, header)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the service was asked %d times, want once", n)
	}
	m.outcomes(t, "fetched", 1)
	m.outcomes(t, "cache", 2)
	told, ok := m.Tiles()
	if !ok || told.Key != "" || told.URL != "" || told.Datum != sensors.GCJ02 || told.MaxZoom != 18 {
		t.Errorf("tells %+v, %v: the address and the key are secrets", told, ok)
	}
}

func TestBasemap_ShowsNoTilesOfTheServiceBefore(t *testing.T) {
	s := newService(t)
	folder := t.TempDir()
	before := newMap(t, basemap.Options{Tiles: basemap.Tiles{URL: s.URL + "/old/{z}/{x}/{y}"}, Cache: folder})
	before.tile(3, 1, 2)
	for name, tiles := range map[string]basemap.Tiles{
		"another address": {URL: s.URL + "/new/{z}/{x}/{y}"},
		"another datum":   {URL: s.URL + "/new/{z}/{x}/{y}", Datum: sensors.GCJ02},
	} {
		asked := s.asked.Load()
		m := newMap(t, basemap.Options{Tiles: tiles, Cache: folder})
		if _, body, _ := m.tile(3, 1, 2); body != "picture of /new/3/1/2?" || s.asked.Load() != asked+1 {
			t.Errorf("%s: got %q", name, body)
		}
		if kept, err := os.ReadDir(folder); err != nil || len(kept) != 1 {
			t.Errorf("%s: %d services are kept (%v), want the present one", name, len(kept), err)
		}
	}
}

func TestBasemap_GivesOldTilesWhileTheServiceIsAway(t *testing.T) {
	s := newService(t)
	m := newMap(t, basemap.Options{Tiles: basemap.Tiles{URL: s.URL + "/{z}/{x}/{y}"}, Cache: t.TempDir()})
	_, first, _ := m.tile(3, 1, 2)
	m.clock = m.clock.AddDate(0, 2, 0)
	s.answers(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	if status, body, _ := m.tile(3, 1, 2); status != http.StatusOK || body != first {
		t.Errorf("after two months without the service: %d %q, want the kept tile", status, body)
	}
	m.outcomes(t, "stale", 1)
	if status, _, _ := m.tile(3, 1, 3); status != http.StatusBadGateway {
		t.Errorf("a tile that was never kept: %d, want 502", status)
	}
	m.outcomes(t, "failed", 1)
}

func TestBasemap_TakesPicturesAlone(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<script>")
		},
		"a drawing with scripts": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/svg+xml")
			_, _ = io.WriteString(w, "<svg>")
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusFound)
		},
		"too much": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, strings.Repeat("x", 2<<20+1))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			s.answers(answer)
			m := newMap(t, basemap.Options{Tiles: basemap.Tiles{URL: s.URL + "/{z}/{x}/{y}"}, Cache: t.TempDir()})
			if status, body, _ := m.tile(1, 0, 0); status != http.StatusBadGateway {
				t.Errorf("%d %.40q, want 502", status, body)
			}
		})
	}
}

func TestBasemap_ATileThatTheServiceDoesNotHaveIsNotFound(t *testing.T) {
	s := newService(t)
	s.answers(func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	m := newMap(t, basemap.Options{Tiles: basemap.Tiles{URL: s.URL + "/{z}/{x}/{y}", MinZoom: 2, MaxZoom: 5}})
	for _, k := range [][3]int{{3, 1, 1}, {1, 0, 0}, {6, 0, 0}, {3, 8, 0}, {3, 0, -1}} {
		if status, _, _ := m.tile(k[0], k[1], k[2]); status != http.StatusNotFound {
			t.Errorf("tile %v: %d, want 404", k, status)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the service was asked %d times: tiles that cannot be are not asked for", n)
	}
}

func TestBasemap_AsksOnceForWhatManyWant(t *testing.T) {
	s := newService(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.answers(func(w http.ResponseWriter, _ *http.Request) {
		once.Do(func() { close(begun) })
		<-goOn
		w.Header().Set("Content-Type", "image/webp")
	})
	m := newMap(t, basemap.Options{Tiles: basemap.Tiles{URL: s.URL + "/{z}/{x}/{y}"}, Cache: t.TempDir()})
	var all sync.WaitGroup
	all.Go(func() { m.tile(4, 1, 1) })
	<-begun
	for range 20 {
		all.Go(func() {
			if status, _, _ := m.tile(4, 1, 1); status != http.StatusOK {
				t.Errorf("status %d", status)
			}
		})
	}
	close(goOn)
	all.Wait()
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the service was asked %d times, want once", n)
	}
}

func TestBasemap_TheCacheIsBoundedAndTheOldestLeave(t *testing.T) {
	s := newService(t)
	s.answers(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.WriteString(w, strings.Repeat("x", 990))
	})
	folder := t.TempDir()
	m := newMap(t, basemap.Options{Tiles: basemap.Tiles{URL: s.URL + "/{z}/{x}/{y}"}, Cache: folder, CacheBytes: 20_000})
	for x := range 60 {
		m.clock = m.clock.Add(time.Minute)
		m.tile(10, x, 0)
	}
	var bytes int64
	err := filepath.WalkDir(folder, func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			info, infoErr := d.Info()
			err = infoErr
			bytes += info.Size()
		}
		return err
	})
	if err != nil || bytes > 20_000 || bytes < 15_000 {
		t.Errorf("%d bytes are kept (%v), want at most 20,000 and not much less", bytes, err)
	}
	before := s.asked.Load()
	m.tile(10, 59, 0)
	m.tile(10, 0, 0)
	if n := s.asked.Load() - before; n != 1 {
		t.Errorf("%d of the newest and the oldest were asked for again, want the oldest alone", n)
	}
}

func TestNew_RefusesAnAddressThatCannotWorkAndNamesNoKey(t *testing.T) {
	for name, tiles := range map[string]basemap.Tiles{
		"no row":                  {URL: "https://t.example.org/{z}/{x}"},
		"another scheme":          {URL: "file:///{z}/{x}/{y}"},
		"no key":                  {URL: "https://t.example.org/{z}/{x}/{y}?k={key}"},
		"zooms the other way":     {URL: "https://t.example.org/{z}/{x}/{y}", MinZoom: 9, MaxZoom: 3},
		"a datum of no tiles":     {URL: "https://t.example.org/{z}/{x}/{y}", Datum: sensors.BD09},
		"an address that is none": {URL: "https://t.example.org:port/{z}/{x}/{y}?k={key}", Key: "hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := basemap.New(basemap.Options{Tiles: tiles})
			if err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestBasemap_ServesFilesByRanges(t *testing.T) {
	folder := t.TempDir()
	if err := errors.Join(
		os.WriteFile(filepath.Join(folder, "putuo.pmtiles"), []byte("0123456789"), 0o644),
		os.WriteFile(filepath.Join(folder, "secret.txt"), []byte("x"), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	m := newMap(t, basemap.Options{Folder: folder})
	files, err := m.Files()
	if err != nil || len(files) != 1 || files[0].Name != "putuo.pmtiles" || files[0].Bytes != 10 {
		t.Fatalf("files %+v, %v", files, err)
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Range", "bytes=2-4")
	w := httptest.NewRecorder()
	m.ServeFile(w, r, "putuo.pmtiles")
	if w.Code != http.StatusPartialContent || w.Body.String() != "234" || w.Header().Get("ETag") == "" {
		t.Errorf("%d %q %v", w.Code, w.Body, w.Header())
	}
	for _, name := range []string{"secret.txt", "../putuo.pmtiles", "none.pmtiles", ".pmtiles", ""} {
		w := httptest.NewRecorder()
		m.ServeFile(w, httptest.NewRequest(http.MethodGet, "/", nil), name)
		if w.Code != http.StatusNotFound {
			t.Errorf("file %q: %d, want 404", name, w.Code)
		}
	}
	if none, err := newMap(t, basemap.Options{Folder: filepath.Join(folder, "none")}).Files(); err != nil || len(none) != 0 {
		t.Errorf("a folder that is not there: %v, %v", none, err)
	}
}
