package influx_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/influxtest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/influx"
)

// withoutDays takes everything of days out of the server, so that it is as the
// programs before days left it.
func withoutDays(t *testing.T, server *influxtest.Server, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	bucket := u.Query().Get("bucket")
	if server.Org == "" {
		statement := url.Values{"q": {fmt.Sprintf(`DROP RETENTION POLICY "days" ON "%s"`, bucket)}}
		ask(t, http.MethodPost, server.URL+"/query", "application/x-www-form-urlencoded", statement.Encode())
		return
	}
	everything := fmt.Sprintf(`{"start":%q,"stop":%q}`, store.Earliest.Add(-48*time.Hour).Format(time.RFC3339), store.Latest.Format(time.RFC3339))
	ask(t, http.MethodPost, server.URL+"/api/v2/delete?"+url.Values{"org": {server.Org}, "bucket": {bucket + "_days"}}.Encode(), "application/json", everything)
}

func ask(t *testing.T, method, address, contentType, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+influxtest.Token)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body) // 1.8 begins it before it has done anything
	if err != nil || res.StatusCode/100 != 2 || strings.Contains(string(answer), "error") {
		t.Fatalf("%s: %s %s %v", address, res.Status, answer, err)
	}
}

// overDays are observations of some days in three cells and two areas.
func overDays(t *testing.T, count int) []grid.Placed {
	t.Helper()
	out := make([]grid.Placed, count)
	for i := range out {
		cell, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4 + float64(i%3)*0.01}, grid.Resolution)
		if err != nil {
			t.Fatal(err)
		}
		at := crashStart.Add(time.Duration(i) * 37 * time.Minute)
		out[i] = grid.Placed{
			Observation: sensors.Observation{Device: "d", Kind: "noise", Value: float64(i%17) / 4, At: at, Received: at},
			Cell:        cell, Area: grid.AreaCode(fmt.Sprint("area-", i%2)),
		}
	}
	return out
}

func cubesOf(t *testing.T, s store.Series, bounds []time.Time) (cubes []store.Cube) {
	t.Helper()
	for _, by := range []store.Grouping{store.ByCell, store.ByArea, store.ByCity} {
		q := store.CubeQuery{Kind: "noise", By: by, Bounds: bounds, With: []store.Aggregate{store.Sum, store.Min, store.Max, store.Last}}
		cube, err := s.Cube(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		cubes = append(cubes, cube)
	}
	return cubes
}

func writeSeq(t *testing.T, s store.Series, seq uint64, observations []grid.Placed) {
	t.Helper()
	entries := []store.Entry{{Seq: seq, Observations: observations}}
	if err := s.Write(t.Context(), store.Position{Journal: "j", Seq: seq}, entries); err != nil {
		t.Fatal(err)
	}
}

func TestSeries_MakesTheDaysOfAServerThatHasNone(t *testing.T) {
	server := influxtest.Start(t)
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	for name, calendar := range map[string]grid.Calendar{"from hours": grid.China(), "from minutes": grid.NewCalendar(kolkata)} {
		t.Run(name, func(t *testing.T) {
			address := fresh(server)
			opts := influx.Options{Calendar: calendar}
			observations := overDays(t, 400) // ten days
			bounds := calendar.Days(crashStart.Add(-48*time.Hour), crashStart.Add(14*24*time.Hour))
			s := mustOpen(t, address, opts)
			writeSeq(t, s, 1, observations[:100])
			writeSeq(t, s, 2, observations[100:300])
			want := cubesOf(t, s, bounds)
			if want[0].Span != grid.OneDay {
				t.Fatalf("days are answered from windows of %s", time.Duration(want[0].Span))
			}
			withoutDays(t, server, address)
			s = mustOpen(t, address, opts)
			for i, cube := range cubesOf(t, s, bounds) {
				if cube.Span == grid.OneDay {
					t.Error("days are answered from days that are not there")
				}
				cube.Span = grid.OneDay
				if diff := cmp.Diff(want[i], cube); diff != "" {
					t.Errorf("answer without days (-want +got):\n%s", diff)
				}
			}
			writeSeq(t, s, 3, observations[300:350]) // of days that are made after it
			writeSeq(t, s, 4, observations[350:])
			seq := uint64(4)
			for cubesOf(t, s, bounds)[0].Span != grid.OneDay && seq < 100 { // each write makes some
				seq++
				writeSeq(t, s, seq, nil)
			}
			s = mustOpen(t, address, opts)
			wanted := mustOpen(t, fresh(server), opts)
			writeSeq(t, wanted, 1, observations)
			want = cubesOf(t, wanted, bounds)
			for i, cube := range cubesOf(t, s, bounds) {
				if diff := cmp.Diff(want[i], cube); diff != "" {
					t.Errorf("answer from days that were made later (-want +got):\n%s", diff)
				}
			}
			late := observations[10] // and on with the oldest of them
			late.At, late.Device = late.At.Add(time.Second), "late"
			for _, s := range []store.Series{s, wanted} {
				writeSeq(t, s, 100, []grid.Placed{late})
			}
			if diff := cmp.Diff(cubesOf(t, wanted, bounds), cubesOf(t, s, bounds)); diff != "" {
				t.Errorf("after a late observation (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeries_RefusesDaysOfAnotherZone(t *testing.T) {
	server := influxtest.Start(t)
	address := fresh(server)
	writeSeq(t, mustOpen(t, address, influx.Options{}), 1, overDays(t, 20))
	_, err := influx.Open(t.Context(), address, influx.Options{Token: influxtest.Token, Calendar: berlin(t), Retention: store.KeepForever})
	if err == nil || !strings.Contains(err.Error(), "Asia/Shanghai") {
		t.Fatalf("error %v, want one that names the zone of the days", err)
	}
	withoutDays(t, server, address)
	s := mustOpen(t, address, influx.Options{Calendar: berlin(t)})
	writeSeq(t, s, 2, overDays(t, 40)[20:])
	cube := cubesOf(t, s, berlin(t).Days(crashStart, crashStart.Add(48*time.Hour)))[2]
	var n int64
	for _, c := range cube.Count {
		n += c
	}
	if n != 40 || cube.Span != grid.OneDay {
		t.Errorf("days of the new zone count %d of %s, want 40", n, time.Duration(cube.Span))
	}
}

func TestSeries_LoadGivesWhatWritingGives(t *testing.T) {
	server := influxtest.Start(t)
	observations := overDays(t, 200)
	written, loaded := mustOpen(t, fresh(server), influx.Options{}), mustOpen(t, fresh(server), influx.Options{})
	writeSeq(t, written, 1, observations)
	for _, half := range [][]grid.Placed{observations[:90], observations[90:]} { // the same hour may be in both
		err := loaded.Load(t.Context(), func(yield func(grid.RollupKey, grid.Rollup) bool) {
			for _, p := range half {
				var r grid.Rollup
				r.Add(p.Value, p.At)
				if !yield(grid.RollupKey{Span: grid.OneHour, Start: grid.OneHour.Start(p.At), Kind: p.Kind, Cell: p.Cell, Area: p.Area}, r) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, bounds := range [][]time.Time{grid.China().Days(crashStart, crashStart.Add(9*24*time.Hour)), {crashStart.Truncate(time.Hour), crashStart.Truncate(time.Hour).Add(50 * time.Hour)}} {
		if diff := cmp.Diff(cubesOf(t, written, bounds), cubesOf(t, loaded, bounds)); diff != "" {
			t.Errorf("loaded roll-ups differ (-written +loaded):\n%s", diff)
		}
	}
}
