package report_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// The hot groups of the reference are the clusters of the report: cells that touch with
// z > 0 and q ≤ 0.05, with their peak and what they hold.
func TestHotspots_ClustersAreTheHotGroupsOfTheReference(t *testing.T) {
	text, err := os.ReadFile("../spatial/testdata/gistar_h3.json")
	if err != nil {
		t.Fatal(err)
	}
	type group struct {
		Cells []int   `json:"cells"`
		Peak  int     `json:"peak"`
		PeakZ float64 `json:"peak_z"`
		Total float64 `json:"total_count"`
	}
	var file struct {
		Lattices []struct {
			Name  string   `json:"name"`
			Res   int      `json:"res"`
			Cells []string `json:"cells"`
			Y     []int    `json:"y"`
		} `json:"lattices"`
		Results map[string]struct {
			Groups []group `json:"hot_groups_k1_fdr05"`
		} `json:"results"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, l := range file.Lattices {
		groups := file.Results[l.Name].Groups
		s := newTown(t)
		for i, name := range l.Cells {
			c, err := grid.ParseCell(name)
			if err != nil {
				t.Fatal(err)
			}
			p := center(t, c)
			s.devices = append(s.devices, sensors.Device{
				ID: sensors.DeviceID(name), Kinds: []sensors.KindKey{"smoke"},
				Position: sensors.Position{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees, Datum: sensors.WGS84},
			})
			s.events(t, "smoke", p, day(t, 3), l.Y[i])
		}
		if l.Res != 9 {
			t.Fatalf("%s is of resolution %d: the question asks for 9", l.Name, l.Res)
		}
		r := s.ask(t, report.Hotspots, "kind=smoke&of=count")
		clusters, _ := r.Table("clusters")
		if len(clusters.Rows) != len(groups) {
			t.Errorf("%s: %d clusters, want %d", l.Name, len(clusters.Rows), len(groups))
			continue
		}
		for i, g := range groups {
			checked++
			wantText(t, r, "clusters", i, "peak", l.Cells[g.Peak])
			wantNumber(t, r, "clusters", i, "z", g.PeakZ, 1e-9*math.Abs(g.PeakZ))
			wantNumber(t, r, "clusters", i, "count", g.Total, 0)
			var got, want []string
			for _, f := range r.Features {
				if f.Table == "clusters" && f.Row == i {
					for _, c := range f.Cells {
						got = append(got, grid.Cell(c).String())
					}
				}
			}
			for _, k := range g.Cells {
				want = append(want, l.Cells[k])
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: cluster %d has the cells %q, want %q", l.Name, i, got, want)
			}
		}
	}
	if checked == 0 {
		t.Fatal("nothing to compare with")
	}
}
