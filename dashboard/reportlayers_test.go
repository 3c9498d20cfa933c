package dashboard_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/urbangrid/urbangrid/analytics/report"
)

// geographer answers questions for hot spots with one cell and no cluster.
type geographer struct {
	analyst
	asked []report.Request
}

func (g *geographer) Answer(_ context.Context, req report.Request, _ string, _ report.Tell) (*report.Result, error) {
	g.asked = append(g.asked, req)
	number := func(key string) report.Column { return report.Column{Key: key, Type: report.NumberColumn, Unit: "1"} }
	return &report.Result{
		Report: req.Report, Title: req.Report.Title(), Period: report.NewPeriod(req.From, req.To, g.district.Zone, req.Every, 1),
		Methods: []report.Method{{Key: "fdr"}, {Key: "kde"}}, Definitions: []report.Definition{{Key: "gi"}, {Key: "moran"}},
		Tables: []report.Table{
			{Key: "clusters", Rows: [][]report.Value{}},
			{Key: "cells", Columns: []report.Column{{Key: "cell", Type: report.TextColumn}, number("z"), number("q"), number("moran")}, Rows: [][]report.Value{
				{report.Text("8930e1d8d37ffff"), report.Number(3.5), report.Number(0.01), report.Number(2)},
			}},
		},
		Features: []report.Feature{report.CellFeature("cells", 0, 0x8930e1d8d37ffff)},
	}, nil
}

func TestLayers_AreAPartOfTheReportOfHotSpotsAndComeFromItsMemory(t *testing.T) {
	g := &geographer{}
	s := newReportSiteOf(t, g, &g.analyst)
	type properties struct{ Z, Q, Moran *float64 }
	var geo struct {
		Type     string
		Features []struct {
			Geometry   struct{ Type string }
			Properties properties
		}
		Report struct {
			Definitions []struct{ Key string }
		}
	}
	a := s.get(t, "/api/v1/layers/gistar?kind=smoke&period=7d", &geo)
	if a.header.Get("Content-Type") != "application/geo+json" || len(geo.Features) != 1 || geo.Features[0].Geometry.Type != "Polygon" {
		t.Fatalf("got %s %s", a.header.Get("Content-Type"), a.body)
	}
	if p := geo.Features[0].Properties; p.Z == nil || *p.Z != 3.5 || p.Q == nil || p.Moran != nil {
		t.Errorf("properties are %+v", p)
	}
	if d := geo.Report.Definitions; len(d) != 1 || d[0].Key != "gi" {
		t.Errorf("definitions are %+v", d)
	}
	var columns struct {
		Cells   [][]string
		Columns []struct {
			Key    string
			Values []json.RawMessage
		}
	}
	s.get(t, "/api/v1/layers/moran?kind=smoke&period=1w&format=columns", &columns)
	if len(columns.Cells) != 1 || len(columns.Columns) != 2 || string(columns.Columns[1].Values[0]) != "2" {
		t.Errorf("columns are %+v", columns)
	}
	if a := s.get(t, "/api/v1/layers/hotspots?kind=smoke&period=7d", &geo); len(geo.Features) != 0 {
		t.Errorf("without a cluster there is %s", a.body)
	}
	// A week is seven days: one answer served all three, and serves the report's page.
	var r struct{ Report string }
	q := g.asked[0].Values(g.district.Zone)
	s.get(t, "/api/v1/reports/hotspots?"+q.Encode(), &r)
	if len(g.asked) != 1 {
		t.Errorf("%d questions were answered, want one: %+v", len(g.asked), g.asked)
	}
	s.get(t, "/api/v1/layers/gistar?kind=smoke&period=24h", &geo)
	if last := g.asked[len(g.asked)-1]; last.Every != report.Hour || last.To.Sub(last.From).Hours() != 24 {
		t.Errorf("24 hours are %+v", last)
	}
}

func TestLayers_SayWhatIsWrong(t *testing.T) {
	g := &geographer{}
	s := newReportSiteOf(t, g, &g.analyst)
	for _, path := range []string{"weather?kind=smoke", "gistar", "gistar?kind=ufo", "gistar?kind=smoke&period=soon", "gistar?kind=smoke&period=9999d", "gistar?kind=smoke&resolution=12", "kde?kind=smoke&period=7d"} {
		s.do(t, http.MethodGet, "/api/v1/layers/"+path, "").wantProblem(t, http.StatusUnprocessableEntity)
	}
}
