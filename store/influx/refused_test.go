package influx_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
)

// pretend answers as an InfluxDB 1.8 that has its policies and holds nothing; a
// part of it can be taken over.
func pretend(t *testing.T, parts map[string]http.HandlerFunc) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, part := range parts {
			if r.URL.Path == path {
				part(w, r)
				return
			}
		}
		if r.URL.Path == "/query" {
			answer := map[string]any{"results": []any{map[string]any{"series": []any{map[string]any{
				"values": [][]any{{"raw", "0s"}, {"minutes", "0s"}, {"hours", "0s"}, {"days", "0s"}},
			}}}}}
			_ = json.NewEncoder(w).Encode(answer) // the other end may be gone
		}
	}))
	t.Cleanup(server.Close)
	return "influx+" + server.URL + "?bucket=b"
}

// refusals notes what a store rejects.
type refusals map[string][]grid.Placed

func (r refusals) add(observations []grid.Placed, reason string) {
	r[reason] = append(r[reason], observations...)
}

func TestSeries_TellsWhatMayPassFromWhatNeverWill(t *testing.T) {
	for status, mayPass := range map[int]bool{400: false, 413: false, 422: false, 401: true, 404: true, 429: true, 500: true, 503: true} {
		rejected := refusals{}
		s := mustOpen(t, pretend(t, map[string]http.HandlerFunc{"/api/v2/write": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("bucket") == "b/raw" {
				http.Error(w, "as told", status)
			}
		}}), influx.Options{OnRejected: rejected.add})
		err := s.Write(t.Context(), store.Position{Journal: "j", Seq: 1}, crossing(t, "noise")[:1])
		if errors.Is(err, store.ErrUnavailable) != mayPass {
			t.Errorf("status %d: %v, want ErrUnavailable %v", status, err, mayPass)
		}
		if got := len(rejected[store.RejectRefused]); !mayPass && (err != nil || got != 3) {
			t.Errorf("status %d: %v with %d rejected, want all 3 and no error", status, err, got)
		}
		if mayPass && len(rejected) != 0 {
			t.Errorf("status %d: rejected %v, want nothing", status, rejected)
		}
	}
}

func TestSeries_HandsOnThePauseThatTheServerAsksFor(t *testing.T) {
	for header, want := range map[string][2]time.Duration{
		"7": {7 * time.Second, 7 * time.Second},
		time.Now().Add(time.Minute).UTC().Format(http.TimeFormat): {50 * time.Second, time.Minute},
		"soon": {0, 0},
	} {
		s := mustOpen(t, pretend(t, map[string]http.HandlerFunc{"/api/v2/write": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			http.Error(w, "slow down", http.StatusTooManyRequests)
		}}), influx.Options{})
		err := s.Write(t.Context(), store.Position{Journal: "j", Seq: 1}, crossing(t, "noise")[:1])
		var away *store.Away
		var got time.Duration
		if errors.As(err, &away) {
			got = away.After
		}
		if !errors.Is(err, store.ErrUnavailable) || got < want[0] || got > want[1] {
			t.Errorf("Retry-After %q: pause of %s in %v, want %v", header, got, err, want)
		}
	}
}

func TestSeries_EndsAQueryAtTheServerWithItsContext(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	s := mustOpen(t, pretend(t, map[string]http.HandlerFunc{"/api/v2/query": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/csv")
		_, _ = io.WriteString(w, "#datatype,string,long\r\n") // the first part of an answer that never ends
		w.(http.Flusher).Flush()
		close(began)
		<-r.Context().Done()
		close(ended)
	}}), influx.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := s.Counts(ctx, time.Time{}, time.Time{})
		done <- err
	}()
	<-began
	cancel()
	if err := <-done; err == nil {
		t.Error("a query that was cancelled gave an answer")
	}
	<-ended
}

// write sends lines past the store.
func write(t *testing.T, server *influxtest.Server, bucket, lines string) {
	t.Helper()
	u := server.URL + "/api/v2/write?" + url.Values{"org": {server.Org}, "bucket": {bucket}}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u, strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+influxtest.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusNoContent {
		t.Fatalf("write: %s %s", res.Status, body)
	}
}

// rawBucket returns the name of the bucket that the observations of an address
// are in.
func rawBucket(server *influxtest.Server, address string) string {
	u, _ := url.Parse(address) // it was made by the test
	if server.Org == "" {
		return u.Query().Get("bucket") + "/raw"
	}
	return u.Query().Get("bucket") + "_raw"
}

func TestSeries_ReportsPointByPointWhatTheServerRejectsAndWritesTheRest(t *testing.T) {
	server := influxtest.Start(t)
	address := fresh(server)
	rejected := refusals{}
	s := mustOpen(t, address, influx.Options{OnRejected: rejected.add, MaxLines: 64})
	if err := s.Ping(t.Context()); err != nil { // which makes the buckets
		t.Fatal(err)
	}
	// Another program has written the same field with another type, in one week.
	// The server tells types apart by week.
	conflict := crashStart.Add(-28 * 24 * time.Hour)
	write(t, server, rawBucket(server, address), fmt.Sprintf("observation,kind=x value=1i %d", conflict.UnixNano()))
	var entry store.Entry
	for i := range 100 {
		p := crossing(t, "noise")[0].Observations[0]
		p.At = crashStart.Add(time.Duration(i) * time.Second)
		if i%17 == 5 {
			p.At = conflict.Add(time.Duration(i) * time.Second)
		}
		p.Received = p.At
		entry.Observations = append(entry.Observations, p)
	}
	entry.Seq = 1
	for range 2 { // once more, after which nothing may have changed
		if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: 1}, []store.Entry{entry}); err != nil {
			t.Fatalf("write with six bad observations: %v", err)
		}
	}
	if len(rejected) != 1 || len(rejected[store.RejectConflict]) != 6 {
		t.Errorf("rejected %d for a conflict among %d reasons, want 6 and no other", len(rejected[store.RejectConflict]), len(rejected))
	}
	for _, p := range rejected[store.RejectConflict] {
		if p.At.After(crashStart.Add(-24 * time.Hour)) {
			t.Errorf("rejected a good observation of %s", p.At)
		}
	}
	wantCount(t, s, "noise", 94)
	q := store.Query{Kind: "noise", From: conflict.Add(-time.Hour), To: conflict.Add(time.Hour), Every: time.Hour, Agg: store.Count}
	if lines, err := s.Points(t.Context(), q); err != nil || len(lines[0].Points) != 0 {
		t.Errorf("rejected observations are in the roll-ups: %v, %v", lines, err)
	}
}

func TestSeries_RejectsWhatIsOlderThanTheBucketKeeps(t *testing.T) {
	server := influxtest.Start(t)
	rejected := refusals{}
	s := mustOpen(t, fresh(server), influx.Options{
		Retention: store.Retention{Raw: 2 * time.Hour}, OnRejected: rejected.add,
	})
	entries := crossing(t, "noise")[:2]
	now := time.Now().UTC().Truncate(time.Microsecond)
	for i := range entries[0].Observations {
		entries[0].Observations[i].At = now.Add(-time.Duration(i) * time.Second)
		entries[1].Observations[i].At = time.Date(2018, 1, 1, 0, 0, i, 0, time.UTC)
	}
	if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: entries[1].Seq}, entries); err != nil {
		t.Fatalf("write of new and old observations: %v", err)
	}
	p, err := s.Position(t.Context(), "j")
	if err != nil || p.Seq != entries[1].Seq {
		t.Errorf("position %d, %v, want %d", p.Seq, err, entries[1].Seq)
	}
	if len(rejected[store.RejectRetention]) != 3 || len(rejected) != 1 {
		t.Errorf("rejected %v, want three for the retention", rejected)
	}
	counts, err := s.Counts(t.Context(), time.Time{}, time.Time{})
	if err != nil || counts["noise"] != 3 {
		t.Errorf("counts %v, %v, want 3", counts, err)
	}
	old := store.Query{Kind: "noise", From: time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2018, 1, 2, 0, 0, 0, 0, time.UTC), Every: time.Hour, Agg: store.Count}
	if lines, err := s.Points(t.Context(), old); err != nil || len(lines[0].Points) != 0 {
		t.Errorf("roll-ups of what was rejected: %v, %v", lines, err)
	}
}

func TestOpen_MakesOneBucketForEachRetentionAndKeepsThoseThatAreThere(t *testing.T) {
	server := influxtest.Start(t)
	address := fresh(server)
	for i, retention := range []store.Retention{store.Retention{}.WithDefaults(), {Raw: store.Forever}} { // the second time they are there
		s := mustOpen(t, address, influx.Options{Retention: retention})
		u, err := s.Usage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := store.Retention{Raw: 720 * time.Hour, Minutes: 2160 * time.Hour, Hours: 26280 * time.Hour, Days: 87600 * time.Hour}
		if i == 1 {
			// What was asked for differs, what is there holds.
			if u.Retention != want {
				t.Errorf("retention %+v, want that of the buckets, %+v", u.Retention, want)
			}
			continue
		}
		if u.Retention != want {
			t.Errorf("retention %+v, want %+v", u.Retention, want)
		}
	}
}

func TestOpen_SaysWhatToCreateWhenTheTokenMayNot(t *testing.T) {
	deny := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"code":"forbidden","message":"insufficient permissions"}`)
	}
	none := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			deny(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"buckets":[]}`)
	}
	orgs := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"orgs":[{"id":"0000000000000001","name":"putuo"}]}`)
	}
	for name, parts := range map[string]map[string]http.HandlerFunc{
		"may not create": {"/api/v2/buckets": none, "/api/v2/orgs": orgs},
		"may not look":   {"/api/v2/buckets": deny},
		"has no org":     {"/api/v2/buckets": none, "/api/v2/orgs": deny},
		"is of 1.8":      {"/query": deny},
	} {
		address := pretend(t, parts)
		want := []string{"urbangrid_raw (keeps 720h0m0s)", "urbangrid_minutes (keeps 2160h0m0s)", "urbangrid_hours (keeps 26280h0m0s)", "urbangrid_days (keeps 87600h0m0s)", "token"}
		if parts["/query"] != nil {
			want = []string{"urbangrid/raw", "urbangrid/minutes", "urbangrid/hours", "urbangrid/days", "retention policies"}
			address = strings.Replace(address, "bucket=b", "bucket=urbangrid", 1)
		} else {
			address = strings.Replace(address, "bucket=b", "org=putuo&bucket=urbangrid", 1)
		}
		_, err := influx.Open(t.Context(), address, influx.Options{})
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: error %q does not say %q", name, err, w)
			}
		}
	}
}
