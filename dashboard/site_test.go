package dashboard_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "rewrite golden files")

var clock = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// stores are all stores at once: they remember what they were asked and answer
// what they were given.
type stores struct {
	err          error // of every answer
	query        store.Query
	lines        []store.Line
	observations store.ObservationQuery
	page         []grid.Placed
	alertQuery   store.AlertQuery
	alerts       []store.Alert
	rejects      []store.QuarantinedReject
	counts       map[string]int64
	devices      map[sensors.DeviceID]sensors.Device
	places       []sensors.Placement
	unknown      []store.UnknownDevice
	credentials  map[string]sensors.Credential
	changes      []store.DeviceChange
	messages     map[sensors.DeviceID]store.LastMessage
	rejectQuery  store.RejectQuery
	keptQuery    store.RejectQuery
}

func (s *stores) Points(_ context.Context, q store.Query) ([]store.Line, error) {
	s.query = q
	return s.lines, s.err
}

func (s *stores) Observations(_ context.Context, q store.ObservationQuery) ([]grid.Placed, string, error) {
	s.observations = q
	return s.page, "more", s.err
}

func (s *stores) Counts(context.Context, time.Time, time.Time) (map[sensors.KindKey]int64, error) {
	return map[sensors.KindKey]int64{"noise": 8000, "smoke": 898}, s.err
}

func (s *stores) FindAlerts(_ context.Context, q store.AlertQuery) ([]store.Alert, error) {
	s.alertQuery = q
	return s.alerts, s.err
}

func (s *stores) CountAlerts(_ context.Context, q store.AlertQuery) (int, error) {
	s.alertQuery = q
	return len(s.alerts), s.err
}

func (s *stores) Rejects(_ context.Context, q store.RejectQuery, _ int64, _ int) ([]store.QuarantinedReject, error) {
	s.rejectQuery = q
	return s.rejects, s.err
}

func (s *stores) RejectCounts(context.Context) (map[string]int64, error) { return s.counts, s.err }

func (s *stores) PutDevice(_ context.Context, d sensors.Device) error {
	s.devices[d.ID] = d
	return s.err
}

func (s *stores) Device(_ context.Context, id sensors.DeviceID) (sensors.Device, error) {
	d, ok := s.devices[id]
	if !ok {
		return d, fmt.Errorf("device %s: %w", id, store.ErrNotFound)
	}
	return d, s.err
}

func (s *stores) PutDevices(_ context.Context, _ string, list []sensors.Device) error {
	for _, d := range list {
		s.devices[d.ID] = d
	}
	return s.err
}

func (s *stores) ListDevices(_ context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error) {
	var out []sensors.Device
	for _, id := range slices.Sorted(maps.Keys(s.devices)) {
		if id > after && len(out) < limit {
			out = append(out, s.devices[id])
		}
	}
	return out, s.err
}

func (s *stores) DevicePlaces(context.Context, sensors.DeviceID) ([]sensors.Placement, error) {
	return s.places, s.err
}

func (s *stores) UnknownDevices(_ context.Context, limit int) ([]store.UnknownDevice, error) {
	return s.unknown[:min(limit, len(s.unknown))], s.err
}

func (s *stores) Issue(_ context.Context, c sensors.Credential) (string, error) {
	if c.Device == "" && len(c.Prefixes) == 0 {
		return "", fmt.Errorf("%w: it could not publish anything", sensors.ErrInvalidCredential)
	}
	s.credentials[c.User] = c
	return fmt.Sprintf("secret-%d", len(s.credentials)), s.err
}

func (s *stores) Credential(_ context.Context, user string) (sensors.Credential, bool, error) {
	c, ok := s.credentials[user]
	return c, ok, s.err
}

func (s *stores) ListCredentials(_ context.Context, after string, limit int) ([]sensors.Credential, error) {
	var out []sensors.Credential
	for _, user := range slices.Sorted(maps.Keys(s.credentials)) {
		if user > after && len(out) < limit {
			out = append(out, s.credentials[user])
		}
	}
	return out, s.err
}

func (s *stores) RemoveCredential(_ context.Context, user string) error {
	if _, ok := s.credentials[user]; !ok {
		return fmt.Errorf("credential of %s: %w", user, store.ErrNotFound)
	}
	delete(s.credentials, user)
	return s.err
}

// quietLog is an alert log without events.
type quietLog struct{}

func (quietLog) Epoch() string                        { return "log-1" }
func (quietLog) Last(context.Context) (uint64, error) { return 0, nil }
func (quietLog) Follow(ctx context.Context, _ uint64, _ chan<- stream.Event) error {
	<-ctx.Done()
	return ctx.Err()
}

type site struct {
	*dashboard.Server
	url     string
	stores  *stores
	metrics *prometheus.Registry
	checks  map[string]func(context.Context) error
}

func newSite(t testing.TB, opts dashboard.Options) *site {
	t.Helper()
	return newSiteWith(t, opts, func(*dashboard.Deps) {})
}

// newSiteWith makes a site after more has changed what it stands on.
func newSiteWith(t testing.TB, opts dashboard.Options, more func(*dashboard.Deps)) *site {
	t.Helper()
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		stores:  &stores{devices: map[sensors.DeviceID]sensors.Device{}, credentials: map[string]sensors.Credential{}},
		metrics: prometheus.NewRegistry(), checks: map[string]func(context.Context) error{},
	}
	deps := dashboard.Deps{
		Kinds: kinds, Areas: areas, Series: s.stores, Alerts: s.stores, Quarantine: s.stores, Devices: s.stores, Credentials: s.stores,
		AlertLog: quietLog{}, Checks: s.checks, Gatherer: s.metrics, Registerer: s.metrics,
		Progress: func(context.Context) (dashboard.Progress, error) {
			return dashboard.Progress{Journal: "j1", JournalSeq: 9, RecordedSeq: 8, JudgedSeq: 7}, nil
		},
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return clock },
	}
	more(&deps)
	s.Server, err = dashboard.New(deps, opts)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	s.url = srv.URL
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run ended with %v", err)
		}
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s
}

type answer struct {
	status int
	header http.Header
	body   []byte
}

func (s *site) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, b}
}

// get asks for a JSON document and fails when it does not come.
func (s *site) get(t *testing.T, path string, into any) answer {
	t.Helper()
	a := s.do(t, http.MethodGet, path, "")
	if a.status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("GET %s: %v in %s", path, err, a.body)
	}
	return a
}

func (a answer) wantProblem(t *testing.T, status int) {
	t.Helper()
	var p struct {
		Status int
		Title  string
		Detail string
	}
	if a.status != status || a.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %d %s %s, want problem %d", a.status, a.header.Get("Content-Type"), a.body, status)
	}
	if err := json.Unmarshal(a.body, &p); err != nil || p.Status != status || p.Detail == "" {
		t.Fatalf("problem %s (%v) wants status %d and a detail", a.body, err, status)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs; look at it and run go test -update (-want +got):\n%s", path, d)
	}
}
