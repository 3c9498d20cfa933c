package sensors_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestDevice_NamesEveryFault(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	good := sensors.Device{ID: "a", Kinds: []sensors.KindKey{"noise"}, Interval: time.Minute, Tags: []string{"x"}}
	if faults := good.Faults(catalog); len(faults) > 0 {
		t.Errorf("a good device has %v", faults)
	}
	bad := sensors.Device{
		ID: "a/b", Name: "a\nb", Owner: strings.Repeat("x", 300), Profile: "A B", Area: "x/y", Installed: noon,
		Position: sensors.Position{LatDegrees: math.NaN(), LonDegrees: 181, Datum: sensors.WGS84},
		Interval: time.Millisecond, Kinds: []sensors.KindKey{"noise", "noise", "nonsense", "Bad"}, Tags: []string{"", "a", "a"},
		Maintenance: []sensors.Maintenance{{From: noon, To: noon, Note: " x"}},
	}
	got := map[string]int{}
	for _, f := range bad.Faults(catalog) {
		got[f.Field]++
	}
	for field, want := range map[string]int{"id": 1, "name": 1, "owner": 1, "profile": 1, "area": 1, "installed": 1, "place": 1, "interval": 1,
		"kinds": 3, "tags": 2, "maintenance": 2} {
		if got[field] != want {
			t.Errorf("%d faults of %s, want %d", got[field], field, want)
		}
	}
}

func TestDevice_IsOfflineAfterThreeIntervalsOrWhenSomebodySaysSo(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	said := func(p sensors.Presence, ago time.Duration) sensors.Condition {
		return sensors.Condition{Presence: p, PresenceAt: noon.Add(-ago)}
	}
	for name, c := range map[string]struct {
		device sensors.Device
		state  sensors.State
		why    string
	}{
		"never heard of":                    {sensors.Device{}, sensors.StateSilent, ""},
		"spoke within three hours":          {sensors.Device{LastSeen: noon.Add(-3 * time.Hour)}, sensors.StateOnline, ""},
		"silent for longer":                 {sensors.Device{LastSeen: noon.Add(-3*time.Hour - 1)}, sensors.StateOffline, "overdue"},
		"within its own interval":           {sensors.Device{LastSeen: noon.Add(-5 * time.Hour), Interval: 2 * time.Hour}, sensors.StateOnline, ""},
		"events alone may be silent a day":  {sensors.Device{LastSeen: noon.Add(-71 * time.Hour), Kinds: []sensors.KindKey{"smoke"}}, sensors.StateOnline, ""},
		"events and measures may not":       {sensors.Device{LastSeen: noon.Add(-71 * time.Hour), Kinds: []sensors.KindKey{"smoke", "noise"}}, sensors.StateOffline, "overdue"},
		"its will says that it is gone":     {sensors.Device{LastSeen: noon.Add(-2), Condition: said(sensors.Offline, 1)}, sensors.StateOffline, "said"},
		"it spoke after its will":           {sensors.Device{LastSeen: noon, Condition: said(sensors.Offline, 1)}, sensors.StateOnline, ""},
		"it was born and has not spoken":    {sensors.Device{Condition: said(sensors.Online, time.Minute)}, sensors.StateOnline, ""},
		"gone without ever having spoken":   {sensors.Device{Condition: said(sensors.Offline, time.Minute)}, sensors.StateOffline, "said"},
		"said to be there a long while ago": {sensors.Device{Condition: said(sensors.Online, 4*time.Hour)}, sensors.StateOffline, "overdue"},
	} {
		if state, why := c.device.State(noon, catalog); state != c.state || why != c.why {
			t.Errorf("%s: %s %q, want %s %q", name, state, why, c.state, c.why)
		}
	}
}

func TestCondition_RateLooksBackAnHour(t *testing.T) {
	for name, c := range map[string]struct {
		condition sensors.Condition
		at        time.Time
		want      float64
	}{
		"nothing":                {sensors.Condition{}, noon, 0},
		"steady":                 {sensors.Condition{Hour: noon, ThisHour: 30, LastHour: 60}, noon.Add(30 * time.Minute), 1},
		"stopped an hour ago":    {sensors.Condition{Hour: noon, ThisHour: 60}, noon.Add(90 * time.Minute), 0.5},
		"stopped two hours ago":  {sensors.Condition{Hour: noon, ThisHour: 60, LastHour: 60}, noon.Add(2 * time.Hour), 0},
		"began ten minutes ago":  {sensors.Condition{FirstSeen: noon, Hour: noon, ThisHour: 20}, noon.Add(10 * time.Minute), 2},
		"began this very second": {sensors.Condition{FirstSeen: noon, Hour: noon, ThisHour: 1}, noon, 1},
	} {
		if got := c.condition.PerMinute(c.at); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: %v a minute, want %v", name, got, c.want)
		}
	}
	if got := (sensors.Condition{Observations: 3, Bad: 1}).BadShare(); got != 0.25 {
		t.Errorf("share of the bad is %v, want 0.25", got)
	}
}

func TestDevice_UnderMaintenanceFromOneTimeToBeforeAnother(t *testing.T) {
	d := sensors.Device{Maintenance: []sensors.Maintenance{{From: noon, To: noon.Add(time.Hour)}}}
	for after, want := range map[time.Duration]bool{-1: false, 0: true, time.Hour - 1: true, time.Hour: false} {
		if got := d.UnderMaintenance(noon.Add(after)); got != want {
			t.Errorf("%s after its beginning: %v, want %v", after, got, want)
		}
	}
}
