package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

func TestTrimTo_KeepsWhatIsOfUse(t *testing.T) {
	for _, c := range []struct {
		name string
		j    journalState
		want uint64
	}{
		{"nothing is old", journalState{first: 1, last: 100, read: 100, recent: 50, old: 0, bytes: 10, maxBytes: 100}, 0},
		{"old and read", journalState{first: 1, last: 100, read: 100, recent: 90, old: 40, bytes: 10, maxBytes: 100}, 40},
		{"old and not read", journalState{first: 1, last: 100, read: 30, recent: 90, old: 40, bytes: 10, maxBytes: 100}, 30},
		{"already trimmed", journalState{first: 41, last: 100, read: 100, recent: 90, old: 40, bytes: 10, maxBytes: 100}, 0},
		{"more than half full: young ones go", journalState{first: 1, last: 101, read: 100, recent: 90, bytes: 60, maxBytes: 100}, 17},
		{"more than half full: what is read back stays", journalState{first: 1, last: 101, read: 100, recent: 5, bytes: 60, maxBytes: 100}, 5},
		{"nearly full: what is read back goes", journalState{first: 1, last: 101, read: 100, recent: 5, bytes: 100, maxBytes: 100}, 51},
		{"full and not read", journalState{first: 1, last: 101, read: 3, recent: 90, bytes: 100, maxBytes: 100}, 3},
		{"full and nothing read", journalState{first: 1, last: 101, bytes: 100, maxBytes: 100}, 0},
	} {
		if got := trimTo(c.j); got != c.want {
			t.Errorf("%s: trims to %d, want %d", c.name, got, c.want)
		}
	}
}

// A journal without room slows its publishers, shows in readiness, loses
// nothing and recovers by itself.
func TestServe_SlowsPublishersWhileTheJournalIsFullAndRecovers(t *testing.T) {
	p := startServer(t, t.TempDir(), "--journal-max-bytes", strconv.Itoa(1<<20))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	const messages = 40_000 // about three times what the journal holds
	base := time.Now().UnixMilli() - 60_000
	sawStalled := make(chan bool, 1)
	go func() { sawStalled <- watchReadiness(ctx, p) }()
	res, err := mqttraw.Load{
		Addr: p.mqtt, Connections: 4, Window: 500, Messages: messages,
		Message: func(conn, n int, buf []byte) (string, []byte) {
			return fmt.Sprintf("urbangrid/v1/full-%d-%d/obs", conn, n%20),
				fmt.Appendf(buf[:0], `{"kind":"noise","value":57.3,"lat":31.2498,"lon":121.3955,"time":%d}`, base+int64(n/20))
		},
	}.Run(ctx)
	if err != nil || res.Acked != messages {
		t.Fatalf("%d of %d messages acknowledged: %v", res.Acked, messages, err)
	}
	cancel()
	if !<-sawStalled {
		t.Error("readiness never said that the journal takes nothing")
	}
	p.drained(t)
	if n := get[countsAnswer](t, p.http+"/api/v1/counts").Counts["noise"]; n != messages {
		t.Errorf("%d observations stored, want %d", n, messages)
	}
	get[map[string]any](t, p.http+"/readyz") // 200 again
	p.stop(t)
}

// watchReadiness reports whether /readyz was ever 503 because of the journal.
func watchReadiness(ctx context.Context, p *process) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.http+"/readyz", nil)
		if err != nil {
			return false
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			continue
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(body), "journal has taken nothing") {
			return true
		}
	}
}
