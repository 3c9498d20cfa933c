package analytics

import (
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// mobile is a judge by one rule, and what it knows of devices.
func mobile(t *testing.T, r Rule) (*judge, *secondary) {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	study, err := newStudy(Study{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMetrics(nil, []Rule{r})
	if err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(catalog, []Rule{r}, study, Options{}.withDefaults(), m)
	if err != nil {
		t.Fatal(err)
	}
	j.live = true
	return j, j.kinds[r.Kind].secondary
}

func reading(device string, value float64, at time.Time, c grid.Cell) *grid.Placed {
	return &grid.Placed{Observation: sensors.Observation{Device: sensors.DeviceID(device), Kind: "noise", Value: value, At: at, Received: at}, Cell: c}
}

var loudNames = sensors.Names{ZH: "响", EN: "loud"}

// A sensor on a bus is in a thousand cells a day, and nothing is known of a cell that
// it has left.
func TestSecondary_ForgetsCellsThatAMobileDeviceHasLeft(t *testing.T) {
	j, s := mobile(t, Rule{Name: "noise_unusual", Kind: "noise", Names: loudNames, Severity: store.Notice,
		Baseline: &Baseline{Raise: 5, Clear: 3, Spread: 3, Swing: 5}})
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, grid.Resolution)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(12)
	if err != nil {
		t.Fatal(err)
	}
	var route []grid.Cell
	for _, ring := range rings {
		route = append(route, ring...)
	}
	at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	for i := range 24 * 60 {
		j.seq++
		j.observe(reading("bus", 60, at, route[i%len(route)]))
		j.observe(reading("roof", 50, at, center))
		at = at.Add(time.Minute)
	}
	if n := len(s.places); n > 130 {
		t.Errorf("after a day the bus has been in %d cells and %d are kept", len(route), n)
	}
	if len(s.place(center).members) == 0 {
		t.Error("the sensor on the roof is forgotten")
	}
}

// Devices are forgotten whatever the rules are, with what is open about them.
func TestSecondary_ForgetsDevicesThatAreNotHeardOfAnyMore(t *testing.T) {
	for name, r := range map[string]Rule{
		"a baseline": {Baseline: &Baseline{Raise: 5, Clear: 3, Spread: 3, Swing: 5}},
		"silence":    {Silence: &Silence{}},
		"an outlier": {Outlier: &Outlier{}},
	} {
		t.Run(name, func(t *testing.T) {
			r.Name, r.Kind, r.Names, r.Severity = "r", "noise", loudNames, store.Notice
			j, s := mobile(t, r)
			at := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
			tell := func(device string) {
				j.seq++
				j.observe(reading(device, 50, at, 0))
			}
			for i := range 500 {
				tell(fmt.Sprint("once", i))
			}
			tell("seldom")
			a := aboutDevice(&r, s.kind, reading("once7", 50, at, 0), store.AboutQuality)
			s.sender("once7").faulty.open = a
			j.raised(a)
			for day := range 40 {
				for range 24 * 20 { // every three minutes somebody is heard of
					at = at.Add(3 * time.Minute)
					tell("often")
				}
				if day == 20 {
					tell("seldom")
				}
			}
			if n := len(s.senders); n != 2 {
				t.Errorf("after 40 days %d devices are known, want the two that were heard of", n)
			}
			closed := false
			for _, c := range j.changes {
				closed = closed || c.ID == a.ID && c.State == store.AlertClosed && c.Reason.EN != ""
			}
			if !closed {
				t.Error("what was open about a device is still open after it was forgotten")
			}
		})
	}
}
