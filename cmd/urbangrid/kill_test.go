package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

const (
	killMessages    = 20_000
	killConnections = 8
	killDevices     = 50 // of each connection
)

// sensorStory names message n of a connection: no two are alike, and telling it
// again tells the same.
func sensorStory(base time.Time) func(conn, n int) (device string, at time.Time) {
	return func(conn, n int) (string, time.Time) {
		return fmt.Sprintf("kill-%d-%02d", conn, n%killDevices), base.Add(time.Duration(n/killDevices) * time.Millisecond)
	}
}

// What was acknowledged is in the series store once, whatever happens to the
// process; and when its senders send again what was not, everything is.
func TestServe_LosesNothingAcknowledgedWhenKilled(t *testing.T) {
	for _, c := range []struct {
		name   string
		series func(*testing.T) string
	}{
		{"DuckDB", func(*testing.T) string { return "duckdb:series.db" }},
		{"InfluxDB", func(t *testing.T) string {
			return "influx+" + influxtest.Start(t).URL + "?bucket=" + influxtest.Database + "/autogen"
		}},
	} {
		t.Run(c.name, func(t *testing.T) { loseNothing(t, c.series(t)) })
	}
}

func loseNothing(t *testing.T, series string) {
	data := t.TempDir()
	base := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	story := sensorStory(base)
	acked := map[string]bool{}

	for _, killAt := range []int64{4_000, 13_000} {
		p := startServer(t, data, "--series", series)
		sendUntilKilled(t, p, story, acked, killAt)
		p = startServer(t, data, "--series", series)
		p.drained(t)
		stored := storedOnce(t, p, base)
		for key := range acked {
			if !stored[key] {
				t.Fatalf("%s was acknowledged and is not in the store (%d acknowledged, %d stored)", key, len(acked), len(stored))
			}
		}
		t.Logf("killed: %d acknowledged so far, %d in the store", len(acked), len(stored))
		p.kill()
		_ = p.wait()
	}

	p := startServer(t, data, "--series", series)
	if _, err := storyLoad(p, story, nil).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.drained(t)
	if stored := storedOnce(t, p, base); len(stored) != killMessages {
		t.Errorf("after everything was sent again %d observations are stored, want %d", len(stored), killMessages)
	}
	if n := rolledUp(t, p, base); n != killMessages {
		t.Errorf("roll-ups count %v observations, want %d", n, killMessages)
	}
	p.stop(t)
}

func storyLoad(p *process, story func(int, int) (string, time.Time), acked func(conn, n int)) mqttraw.Load {
	return mqttraw.Load{
		Addr: p.mqtt, Connections: killConnections, Window: 400, Messages: killMessages, Acked: acked,
		Message: func(conn, n int, buf []byte) (string, []byte) {
			device, at := story(conn, n)
			buf = append(buf[:0], `{"kind":"noise","value":57.3,"lat":31.2498,"lon":121.3955,"time":`...)
			buf = strconv.AppendInt(buf, at.UnixMilli(), 10)
			return "urbangrid/v1/" + device + "/obs", append(buf, '}')
		},
	}
}

// sendUntilKilled sends the whole story and kills the server in the middle of it.
func sendUntilKilled(t *testing.T, p *process, story func(int, int) (string, time.Time), acked map[string]bool, killAt int64) {
	t.Helper()
	var mu sync.Mutex
	var n atomic.Int64
	_, err := storyLoad(p, story, func(conn, i int) {
		device, at := story(conn, i)
		mu.Lock()
		acked[observationKey(device, at)] = true
		mu.Unlock()
		if n.Add(1) == killAt {
			p.kill()
		}
	}).Run(context.Background())
	if err == nil {
		t.Fatal("the load ended well though the server was killed")
	}
	_ = p.wait()
}

func observationKey(device string, at time.Time) string {
	return device + " " + at.UTC().Format("15:04:05.000")
}

// storedOnce reads every raw observation and fails when one is there twice.
func storedOnce(t *testing.T, p *process, base time.Time) map[string]bool {
	t.Helper()
	type page struct {
		Observations []struct {
			Device string
			Time   time.Time
		}
		Next string
	}
	stored := map[string]bool{}
	q := url.Values{
		"kind": {"noise"}, "limit": {"5000"},
		"from": {base.Add(-time.Minute).Format(time.RFC3339)}, "to": {base.Add(10 * time.Minute).Format(time.RFC3339)},
	}
	for {
		got := get[page](t, p.http+"/api/v1/observations?"+q.Encode())
		for _, o := range got.Observations {
			key := observationKey(o.Device, o.Time)
			if stored[key] {
				t.Fatalf("%s is stored twice", key)
			}
			stored[key] = true
		}
		if got.Next == "" {
			return stored
		}
		q.Set("cursor", got.Next)
	}
}

// rolledUp sums the counts of the roll-ups of the whole city.
func rolledUp(t *testing.T, p *process, base time.Time) float64 {
	t.Helper()
	type series struct {
		Series []struct {
			Points [][2]any
		}
	}
	total := 0.0
	got := get[series](t, fmt.Sprintf("%s/api/v1/series?kind=noise&agg=count&every=10s&from=%s&to=%s", p.http,
		base.Add(-time.Minute).Format(time.RFC3339), base.Add(10*time.Minute).Format(time.RFC3339)))
	for _, s := range got.Series {
		for _, pt := range s.Points {
			total += pt[1].(float64)
		}
	}
	return total
}
