package dashboard_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// deviceList is the answer to a question for devices.
type deviceList struct {
	Devices []struct {
		ID        string
		Condition string
		Since     *time.Time
	}
	Next   string
	Total  int
	Counts map[string]int
}

func (l *deviceList) ids() string {
	var ids []string
	for _, d := range l.Devices {
		ids = append(ids, d.ID)
	}
	return strings.Join(ids, " ")
}

// mixed has a device in every condition.
func mixed(t *testing.T) *site {
	t.Helper()
	s := newSite(t, dashboard.Options{})
	half, low := 50.0, 3.0
	for _, d := range []sensors.Device{
		{ID: "well", Name: "乙", LastSeen: clock.Add(-time.Minute), Condition: sensors.Condition{BatteryPercent: &half, Hour: clock, LastHour: 60, Observations: 100}},
		{ID: "late", Name: "甲", LastSeen: clock.Add(-90 * time.Second), Interval: time.Minute, Condition: sensors.Condition{BatteryPercent: &low, Observations: 50, Bad: 50}},
		{ID: "gone", Interval: time.Minute, LastSeen: clock.Add(-time.Hour)},
		{ID: "odd", LastSeen: clock.Add(-time.Second), Maintenance: []sensors.Maintenance{{From: clock, To: clock.Add(time.Hour)}}},
		{ID: "new", Kinds: []sensors.KindKey{"smoke"}, Position: sensors.Position{LatDegrees: 31.2560, LonDegrees: 121.3940, Datum: sensors.WGS84}},
	} {
		s.stores.devices[d.ID] = d
	}
	s.stores.alerts = []store.Alert{
		{ID: "q1", Rule: "drift", Kind: "noise", Device: "odd", Severity: store.Warning, RaisedAt: clock.Add(-time.Hour), Category: store.AboutQuality},
		{ID: "q2", Rule: "no_signal", Kind: "noise", Device: "gone", RaisedAt: clock.Add(-time.Minute), Category: store.AboutQuality},
	}
	return s
}

func TestAPI_DevicesAreInOneConditionEach(t *testing.T) {
	s := mixed(t)
	var list deviceList
	s.get(t, "/api/v1/devices", &list)
	want := map[string]struct {
		condition string
		since     time.Time
	}{
		"well": {"online", time.Time{}}, "late": {"late", clock.Add(-30 * time.Second)}, "gone": {"offline", clock.Add(-57 * time.Minute)},
		"odd": {"odd", clock.Add(-time.Hour)}, "new": {"silent", time.Time{}},
	}
	for _, d := range list.Devices {
		w := want[d.ID]
		if d.Condition != w.condition || (d.Since == nil) != w.since.IsZero() || d.Since != nil && !d.Since.Equal(w.since) {
			t.Errorf("%s is %s since %v, want %s since %v", d.ID, d.Condition, d.Since, w.condition, w.since)
		}
	}
	if q := s.stores.alertQuery; q.State != store.AlertOpen || q.Category != store.AboutQuality {
		t.Errorf("looked at alerts %+v, want the open ones about quality", q)
	}
	var one struct {
		Condition string
		Alerts    []struct{ Rule string }
	}
	s.get(t, "/api/v1/devices/odd", &one)
	if one.Condition != "odd" || len(one.Alerts) != 1 || one.Alerts[0].Rule != "drift" {
		t.Errorf("one device: %+v, want what is said against it", one)
	}
}

func TestAPI_DevicesAreSortedByWhatIsKnown(t *testing.T) {
	s := mixed(t)
	for query, want := range map[string]string{
		"sort=-id": "well odd new late gone", "sort=name": "well late gone new odd", "sort=condition": "gone odd late new well",
		"sort=-condition": "well new late odd gone", "sort=last_seen": "gone late well odd new", "sort=-last_seen": "odd well late gone new",
		"sort=battery": "late well gone new odd", "sort=-battery": "well late gone new odd", "sort=-bad": "late gone new odd well",
		"sort=-rate": "well gone late new odd", "sort=area": "new gone late odd well",
		"condition=late": "late", "maintenance=true": "odd", "maintenance=false&condition=online": "well", "kind=smoke": "new", "place=true": "new",
		"place=false&sort=condition": "gone odd late well",
	} {
		var list deviceList
		s.get(t, "/api/v1/devices?"+query, &list)
		if got := list.ids(); got != want || list.Total != len(list.Devices) {
			t.Errorf("%s lists %q of %d, want %q", query, got, list.Total, want)
		}
		// The same by pages of two.
		var paged []string
		for after := ""; ; {
			var page deviceList
			s.get(t, "/api/v1/devices?limit=2&"+query+"&after="+url.QueryEscape(after), &page)
			paged = append(paged, strings.Fields(page.ids())...)
			if after = page.Next; after == "" || len(paged) > 10 {
				break
			}
		}
		if got := strings.Join(paged, " "); got != want {
			t.Errorf("%s by pages lists %q, want %q", query, got, want)
		}
	}
	var list deviceList
	s.get(t, "/api/v1/devices?condition=odd&limit=1", &list)
	if list.Total != 1 || list.Counts["online"] != 1 || list.Counts["silent"] != 1 || list.Counts["odd"] != 1 {
		t.Errorf("counts %v of %d, want one of each condition", list.Counts, list.Total)
	}
	if s.get(t, "/api/v1/devices?sort=name&offset=3&limit=1", &list); list.ids() != "new" || list.Total != 5 {
		t.Errorf("after three lists %q of %d, want new of 5", list.ids(), list.Total)
	}
	if s.get(t, "/api/v1/devices?offset=99", &list); list.ids() != "" || list.Next != "" {
		t.Errorf("after all lists %q and %q", list.ids(), list.Next)
	}
	s.do(t, http.MethodGet, "/api/v1/devices?sort=name&after=%21", "").wantProblem(t, http.StatusUnprocessableEntity)
	s.do(t, http.MethodGet, "/api/v1/devices?sort=colour", "").wantProblem(t, http.StatusUnprocessableEntity)
}

func TestAPI_DevicesOnAMapAreColumns(t *testing.T) {
	s := mixed(t)
	var m struct {
		IDs            []string
		Lat, Lon       []float64
		Conditions     []int
		ConditionNames []string `json:"condition_names"`
		Unplaced       int
	}
	s.get(t, "/api/v1/devices/map", &m)
	if len(m.IDs) != 1 || m.IDs[0] != "new" || m.Lat[0] != 31.2560 || m.Lon[0] != 121.3940 || m.ConditionNames[m.Conditions[0]] != "silent" || m.Unplaced != 4 {
		t.Errorf("map %+v, want the one that stands somewhere", m)
	}
	s.stores.devices["zz"] = sensors.Device{ID: "zz", Position: sensors.Position{LatDegrees: 31.25, LonDegrees: 121.4, Datum: sensors.WGS84}}
	s.do(t, http.MethodPut, "/api/v1/devices/zzz", `{}`, "Content-Type", jsonType) // lists look again
	var pages []string
	for after := ""; ; {
		var page struct {
			IDs      []string
			Unplaced int
			Next     string
		}
		s.get(t, "/api/v1/devices/map?limit=1&after="+after, &page)
		pages = append(pages, fmt.Sprint(page.IDs, page.Unplaced))
		if after = page.Next; after == "" {
			break
		}
	}
	if got := strings.Join(pages, " "); got != "[new] 5 [zz] 5" {
		t.Errorf("by pages of one %q, want both and how many have no place", got)
	}
}

func TestAPI_SaysWhatIsAtAPlaceInItsDatum(t *testing.T) {
	s := newSite(t, dashboard.Options{})
	at := func(datum string) (place struct {
		WGS84 struct{ Lat, Lon float64 }
		Cell  string
		Area  string
	}) {
		s.get(t, "/api/v1/locate?lat=31.2560&lon=121.3940&datum="+datum, &place)
		return place
	}
	wgs, gcj := at("wgs84"), at("gcj02")
	if wgs.WGS84.Lat != 31.2560 || wgs.Cell == "" || wgs.Area == "" || gcj.Cell == wgs.Cell || gcj.WGS84.Lon >= 121.3940 {
		t.Errorf("in WGS 84 %+v, in GCJ-02 %+v, want different cells", wgs, gcj)
	}
	s.do(t, http.MethodGet, "/api/v1/locate?lat=31", "").wantProblem(t, http.StatusUnprocessableEntity)
}

// Twenty thousand devices are what a large district has; the page asks for a page
// of them, sorted, every few seconds.
func BenchmarkDevices_PageOf20000(b *testing.B) {
	s := newSite(b, dashboard.Options{})
	for i := range 20_000 {
		id := sensors.DeviceID(fmt.Sprintf("noise-%05d", i))
		s.stores.devices[id] = sensors.Device{
			ID: id, Name: fmt.Sprintf("设备 %d", i), Kinds: []sensors.KindKey{"noise"}, LastSeen: clock.Add(-time.Duration(i) * time.Second),
			Position: sensors.Position{LatDegrees: 31.2 + float64(i%200)*0.0005, LonDegrees: 121.36 + float64(i/200)*0.0007, Datum: sensors.GCJ02},
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		resp, err := http.Get(s.url + "/api/v1/devices?sort=-last_seen&limit=200&q=%E8%AE%BE%E5%A4%87")
		if err != nil {
			b.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
	}
}
