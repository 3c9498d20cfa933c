package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
)

// watchLine is a line that watch --json prints.
type watchLine struct {
	At        string
	Topic     string
	Cell      string
	Value     *float64
	N         int64
	Shows     *int
	Connected string
	Lost      string
	Alert     *struct {
		ID, Rule, State, Area string
		Revision              int
	}
}

// startWatch runs `watch` until the test ends.
func startWatch(t *testing.T, args ...string) *lockedBuffer {
	t.Helper()
	out := &lockedBuffer{}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := command(ctx, append([]string{"watch"}, args...)...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	return out
}

func watchLines(t *testing.T, out string) (lines []watchLine) {
	t.Helper()
	whole, _, _ := cutLast(out, "\n") // the last line may still be written
	for _, text := range strings.Split(whole, "\n") {
		var l watchLine
		if err := json.Unmarshal([]byte(text), &l); text != "" && err != nil {
			t.Fatalf("line %q: %v", text, err)
		}
		if text != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// A second program that speaks docs/PROTOCOL.md sees the cells and alerts of an
// area, and goes on after the server was started anew.
func TestWatch_PrintsWhatHappensInAnAreaOverARestart(t *testing.T) {
	data := t.TempDir()
	p := startServer(t, data)
	const lat, lon = 31.2498, 121.3955
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	inside := areas.At(grid.Point{LatDegrees: lat, LonDegrees: lon})
	cell, err := grid.CellAt(grid.Point{LatDegrees: lat, LonDegrees: lon}, 10)
	if err != nil {
		t.Fatal(err)
	}
	here := startWatch(t, "--server", p.http, "--kind", "noise", "--resolution", "10", "--area", string(inside), "--alerts", "--json")
	counts := startWatch(t, "--server", p.http+"/", "--kind", "noise", "--layer", "count", "--resolution", "7")
	eventually(t, "both show what there is", func() error {
		if !strings.Contains(here.String(), `"shows"`) || !strings.Contains(counts.String(), "shows 0 cells") {
			return fmt.Errorf("printed %s\n%s", here, counts)
		}
		return nil
	})
	say := func(device, kind string, value, lat, lon float64) {
		t.Helper()
		pub, err := mqttpub.Dial(t.Context(), "mqtt://"+p.mqtt, mqttpub.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer pub.Close()
		if err := pub.Publish(t.Context(), "urbangrid/v1/"+device+"/obs", 1, fmt.Appendf(nil, `{"kind":%q,"value":%g,"lat":%g,"lon":%g}`, kind, value, lat, lon)); err != nil {
			t.Fatal(err)
		}
	}
	say("n-1", "noise", 57.34, lat, lon)
	say("n-2", "noise", 60, 31.24, 121.46) // in another area
	say("tilt-1", "manhole_tilt", 30, lat, lon)
	alerts := func() (found []watchLine) {
		for _, l := range watchLines(t, here.String()) {
			if l.Alert != nil {
				found = append(found, l)
			}
		}
		return found
	}
	eventually(t, "a cell and an alert are printed", func() error {
		for _, l := range watchLines(t, here.String()) {
			if l.Cell == cell.String() && l.Value != nil && *l.Value == 57.34 && l.N == 1 && len(alerts()) == 1 {
				return nil
			}
		}
		return fmt.Errorf("printed %s", here)
	})
	for _, l := range watchLines(t, here.String()) {
		if l.Cell != "" && l.Cell != cell.String() {
			t.Errorf("printed a cell of another area: %+v", l)
		}
	}
	eventually(t, "observations are counted", func() error {
		if !strings.Contains(counts.String(), "count/noise/r7 ") {
			return fmt.Errorf("printed %s", counts)
		}
		return nil
	})

	p.stop(t)
	p = startServer(t, data, "--http", strings.TrimPrefix(p.http, "http://"), "--mqtt", p.mqtt)
	say("tilt-2", "manhole_tilt", 30, lat, lon)
	eventually(t, "the alert after the restart is printed", func() error {
		if n := len(alerts()); n != 2 {
			return fmt.Errorf("%d alerts printed: %s", n, here)
		}
		return nil
	})
	if got := alerts(); got[0].Alert.ID == got[1].Alert.ID || got[0].Alert.Area != string(inside) {
		t.Errorf("printed %+v and %+v, want two alerts of the area", got[0].Alert, got[1].Alert)
	}
	if printed := here.String(); !strings.Contains(printed, `"lost"`) || strings.Count(printed, `"connected"`) < 2 {
		t.Errorf("does not say that the line was cut and is back: %s", printed)
	}
}

func TestWatch_SaysWhatTheServerRefuses(t *testing.T) {
	p := startServer(t, t.TempDir())
	for _, c := range []struct{ args, want string }{
		{"--kind nothing", `bad_topic`},
		{"--kind noise --area nowhere", `no area "nowhere"`},
		{"--server http://127.0.0.1:1 --attempts 1", "connect to live view"},
	} {
		args := append([]string{"watch", "--server", p.http}, strings.Fields(c.args)...)
		out, err := command(t.Context(), args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("watch %s: %v, printed %s, want %s", c.args, err, out, c.want)
		}
	}
}
