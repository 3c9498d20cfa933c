package evaluate_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// disk returns the cells within distance k of a cell of resolution 9, ascending.
func disk(t *testing.T, k int) (center grid.Cell, cells []grid.Cell) {
	t.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}, 9)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(k)
	if err != nil {
		t.Fatal(err)
	}
	cells = slices.Concat(rings...)
	slices.Sort(cells)
	return center, cells
}

func episode(raised time.Duration, reports ...evaluate.Report) evaluate.Episode {
	return evaluate.Episode{ID: "e", Kind: "noise", Category: store.AboutCity, RaisedAt: noon.Add(raised), Reports: reports}
}

func report(at time.Duration, score float64, peak grid.Cell, cells ...grid.Cell) evaluate.Report {
	return evaluate.Report{At: noon.Add(at), Score: score, Peak: peak, Cells: cells}
}

func TestFind_AnEventIsFoundOnlyByAReportInItsTimeAndPlace(t *testing.T) {
	center, seven := disk(t, 1)
	_, many := disk(t, 5)
	far := slices.DeleteFunc(slices.Clone(many), func(c grid.Cell) bool { return slices.Contains(seven, c) })[:3]
	slices.Sort(far)
	truth := evaluate.Truth{Kind: "noise", Cells: seven, Start: noon, End: noon.Add(6 * time.Hour)}
	quality := episode(time.Hour, report(time.Hour, 20, center, seven...))
	quality.Category = store.AboutQuality
	other := episode(time.Hour, report(time.Hour, 20, center, seven...))
	other.Kind = "stall"
	for name, test := range map[string]struct {
		episode evaluate.Episode
		found   bool
	}{
		"in time and place":            {episode(90*time.Minute, report(90*time.Minute, 12, center, seven...)), true},
		"one cell of it":               {episode(time.Hour, report(time.Hour, 12, center, center)), true},
		"elsewhere":                    {episode(time.Hour, report(time.Hour, 12, far[0], far...)), false},
		"raised before":                {episode(-time.Minute, report(time.Hour, 12, center, seven...)), false},
		"raised after":                 {episode(7*time.Hour, report(7*time.Hour, 12, center, seven...)), false},
		"there only after its end":     {episode(time.Hour, report(time.Hour, 12, far[0], far...), report(7*time.Hour, 20, center, seven...)), false},
		"about sensors":                {quality, false},
		"of another kind":              {other, false},
		"elsewhere first, there later": {episode(time.Hour, report(time.Hour, 12, far[0], far...), report(2*time.Hour, 20, center, seven...)), true},
	} {
		if got := evaluate.Find(truth, []evaluate.Episode{test.episode}); got.Found != test.found {
			t.Errorf("%s: found %v, want %v", name, got.Found, test.found)
		}
	}
}

func TestFind_MeasuresTheReportOfTheHighestScore(t *testing.T) {
	center, seven := disk(t, 1)
	truth := evaluate.Truth{Kind: "noise", Cells: seven, Start: noon, End: noon.Add(6 * time.Hour)}
	f := evaluate.Find(truth, []evaluate.Episode{
		episode(time.Hour, report(time.Hour, 12, center, center), report(2*time.Hour, 20, center, seven[:4]...), report(3*time.Hour, 15, center, seven...)),
	})
	if f.Delay != time.Hour || f.Jaccard != 4.0/7 || f.Rings != 0 || f.Raised != 1 || f.Overlap != 1 {
		t.Errorf("finding %+v, want a delay of 1 h, Jaccard 4/7 and the right middle", f)
	}
}

func TestMeasure_SumsUpByHand(t *testing.T) {
	nan := math.NaN()
	q := evaluate.Measure("x", []evaluate.Finding{
		{Found: true, Delay: time.Hour, Jaccard: 1, Rings: 0, Raised: 2, Overlap: 1},
		{Found: true, Delay: 3 * time.Hour, Jaccard: 0.5, Rings: 2, Raised: 1, Overlap: 1},
		{Jaccard: nan, Rings: nan, Raised: 1}, {Jaccard: nan, Rings: nan},
	}, []evaluate.Finding{{Found: true, Jaccard: nan, Rings: nan}, {Jaccard: nan, Rings: nan}})
	if q.Found != 0.5 || q.FoundSE != 0.25 || q.Within2h != 0.25 || *q.MedianMinutes != 120 || *q.Jaccard != 0.75 ||
		*q.Rings != 1 || *q.PPV != 0.5 || q.Chance != 0.5 || q.Episodes != 1 {
		t.Errorf("quality %+v, median %v, jaccard %v, rings %v, ppv %v", q, *q.MedianMinutes, *q.Jaccard, *q.Rings, *q.PPV)
	}
}

// The exact limits of Garwood (1936).
func TestPoissonInterval_IsExact(t *testing.T) {
	for _, test := range []struct {
		k         int
		low, high float64
	}{{0, 0, 3.6889}, {1, 0.0253, 5.5716}, {10, 4.7954, 18.3904}, {40, 28.5766, 54.4686}} {
		low, high := evaluate.PoissonInterval(test.k)
		if math.Abs(low-test.low) > 1e-3 || math.Abs(high-test.high) > 1e-3 {
			t.Errorf("%d: %.4f to %.4f, want %.4f to %.4f", test.k, low, high, test.low, test.high)
		}
	}
}

func small(t *testing.T) *evaluate.Result {
	t.Helper()
	designs := slices.DeleteFunc(evaluate.Designs(), func(d evaluate.Design) bool { return d.Name != "k1_RR5_6h" })
	r, err := evaluate.Spatial(t.Context(), evaluate.SpatialOptions{
		Towns: 1, Replicates: 5, QuietWeeks: 1, Weeks: 3, Designs: designs, Town: evaluate.TownOptions{Radius: 6},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSpatial_TheProductFindsAStrongIncidentWhereItIs(t *testing.T) {
	r := small(t)
	if len(r.Injections) != 1 || len(r.Quiet) != 1 {
		t.Fatalf("result %+v", r)
	}
	q := r.Injections[0]
	if q.Found < 0.8 || q.Jaccard == nil || *q.Jaccard < 0.5 {
		t.Errorf("five times as many events in seven cells for six hours: found %v of %d, %+v", q.Found, q.Replicates, q)
	}
	if q.Chance > 0.4 {
		t.Errorf("the same hours without it: found %v", q.Chance)
	}
	if diff := cmp.Diff(r, small(t)); diff != "" {
		t.Errorf("the same seed gives another result (-first +second):\n%s", diff)
	}
}

func TestResult_IsWrittenForPeopleAndPrograms(t *testing.T) {
	minutes := 90.0
	r := &evaluate.Result{Design: "spatial", Seed: 7, Checks: []evaluate.Check{{Promise: "p", Want: "w", Got: 1.25, Kept: true}},
		Curve: []evaluate.Point{{Type: "a<b", Threshold: 8, PerWeek: 2.5, Found: 0.75, MedianMinutes: &minutes, Replicates: 4}, {Type: "c", Threshold: 8}}}
	var md, csv, svg bytes.Buffer
	for _, err := range []error{r.WriteMarkdown(&md, "make evaluate"), r.WriteCurve(&csv), r.WritePlot(&svg)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"make evaluate", "seed 7", "| p | w | 1.25 | 是 yes |"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, md.String())
		}
	}
	if lines := strings.Split(strings.TrimSpace(csv.String()), "\n"); len(lines) != 3 || lines[1] != "a<b,8,2.5,0.75,0,0,90,4" {
		t.Errorf("curve:\n%s", csv.String())
	}
	dec := xml.NewDecoder(&svg)
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the drawing is no XML: %v", err)
		}
	}
}

func TestRecorded_HoldsAlertsAgainstTheTruthOfASimulation(t *testing.T) {
	center, seven := disk(t, 1)
	truth, err := evaluate.ReadTruth(strings.NewReader(
		`{"kind":"noise","type":"noise_burst","cells":["` + center.String() + `"],"start":"2026-03-02T12:00:00Z","end":"2026-03-02T13:00:00Z"}` + "\n" +
			`{"kind":"stall","type":"stall_cluster","cells":["` + seven[0].String() + `"],"start":"2026-03-02T12:00:00Z","end":"2026-03-02T13:00:00Z"}` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	alerts, err := evaluate.ReadAlerts(strings.NewReader(`{"alerts":[{"id":"1","kind":"noise","place":"cell/x","cell":"` + center.String() + `","raised_at":"2026-03-02T12:10:00Z"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r := evaluate.Recorded(truth, alerts)
	if len(r.Injections) != 2 || r.Injections[0].Found != 1 || *r.Injections[0].MedianMinutes != 10 || r.Injections[1].Found != 0 {
		t.Errorf("result %+v", r.Injections)
	}
	for _, bad := range []string{`{"cells":["x"]}`, `{"cells":`} {
		if _, err := evaluate.ReadTruth(strings.NewReader(bad)); err == nil {
			t.Errorf("truth %q: no error", bad)
		}
	}
}
