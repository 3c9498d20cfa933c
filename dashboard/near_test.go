package dashboard_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func TestAPI_DevicesNearAreThoseOfTheBoxWithWhatAMapShows(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	put := func(id sensors.DeviceID, lat, lon float64, more func(*sensors.Device)) {
		d := sensors.Device{ID: id, Name: "n " + string(id), Position: sensors.Position{LatDegrees: lat, LonDegrees: lon, Datum: sensors.WGS84}}
		more(&d)
		s.stores.devices[id] = d
	}
	put("noise-1", 31.25, 121.4, func(d *sensors.Device) { d.LastSeen = clock.Add(-time.Minute) })
	put("x-2", 31.26, 121.41, func(d *sensors.Device) { d.Profile = "Frigate-0.14" })
	put("far", 31.4, 121.4, func(*sensors.Device) {})
	s.stores.devices["moves"] = sensors.Device{ID: "moves"}

	var got struct {
		Devices []struct {
			ID, Name, State string
			Lat, Lon        float64
			Camera          bool
		}
		Truncated bool
	}
	s.get(t, "/api/v1/devices/near?bbox=121.3,31.2,121.5,31.3", &got)
	type row struct {
		id, state string
		camera    bool
	}
	var rows []row
	for _, d := range got.Devices {
		rows = append(rows, row{d.ID, d.State, d.Camera})
	}
	want := []row{{"noise-1", "online", false}, {"x-2", "silent", true}}
	if d := cmp.Diff(want, rows, cmp.AllowUnexported(row{})); d != "" || got.Truncated {
		t.Errorf("near (-want +got), truncated %v:\n%s", got.Truncated, d)
	}
	s.do(t, http.MethodGet, "/api/v1/devices/near?bbox=1,2,3", "").wantProblem(t, http.StatusUnprocessableEntity)
}

type usualAnswer struct {
	Unit   string
	Days   int
	Points []struct {
		At                time.Time
		Low, Middle, High float64
	}
}

func TestAPI_UsualIsTheRangeOfTheSameTimeOnDaysBefore(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	from := clock.Add(-30 * time.Minute)
	line := store.Line{Kind: "noise"}
	for day := 14; day >= 1; day-- {
		// 13 windows of 5 minutes around the same time: 40 to 52 on every day.
		for k := -6; k <= 6; k++ {
			line.Points = append(line.Points, store.Point{Start: from.AddDate(0, 0, -day).Add(time.Duration(k) * 5 * time.Minute), Value: float64(46 + k)})
		}
	}
	s.stores.lines = []store.Line{line}
	var got usualAnswer
	s.get(t, "/api/v1/series/usual?kind=noise&cell="+cellA+"&from="+from.Format(time.RFC3339)+"&to="+from.Add(5*time.Minute).Format(time.RFC3339), &got)
	if len(got.Points) != 1 || got.Days != 14 || got.Unit != "dB[SPL]" {
		t.Fatalf("got %+v, want one point out of 14 days in dB[SPL]", got)
	}
	if p := got.Points[0]; !p.At.Equal(from) || p.Low != 41 || p.Middle != 46 || p.High != 51 {
		t.Errorf("got %+v, want 41, 46 and 51 at %s", p, from)
	}
	if q := s.stores.query; !q.From.Equal(from.AddDate(0, 0, -14).Add(-30*time.Minute)) || q.Every != 5*time.Minute || q.Agg != store.Mean {
		t.Errorf("the store was asked %+v", q)
	}
}

func TestAPI_UsualOfEventsCountsQuietWindowsAndSaysNothingOfTooLittle(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	from := clock.Add(-time.Hour)
	ask := func() (got usualAnswer) {
		t.Helper()
		s.get(t, "/api/v1/series/usual?kind=smoke&from="+from.Format(time.RFC3339)+"&to="+from.Add(10*time.Minute).Format(time.RFC3339)+"&every=10m", &got)
		return got
	}
	s.stores.lines = []store.Line{{Kind: "smoke", Points: []store.Point{{Start: from.AddDate(0, 0, -14).Add(-30 * time.Minute), Value: 1}}}}
	if got := ask(); len(got.Points) != 1 || got.Points[0].High != 0 || got.Points[0].Middle != 0 {
		t.Errorf("one event in two weeks: %+v, want a usual count of 0", got)
	}
	s.stores.lines = []store.Line{{Kind: "smoke", Points: []store.Point{{Start: from.AddDate(0, 0, -1), Value: 1}}}}
	if got := ask(); len(got.Points) != 0 || got.Days != 1 {
		t.Errorf("half an hour of a single day: %+v, want no band", got)
	}
	s.do(t, http.MethodGet, "/api/v1/series/usual?kind=smoke&from=2026-11-01T00:00:00Z&to=2026-11-22T00:00:00Z", "").wantProblem(t, http.StatusUnprocessableEntity)
	s.do(t, http.MethodGet, "/api/v1/series/usual?kind=smoke&every=1m&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z", "").wantProblem(t, http.StatusUnprocessableEntity)
}
