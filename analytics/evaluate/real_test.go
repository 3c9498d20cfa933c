package evaluate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
	"github.com/urbangrid/urbangrid/grid"
)

// angeles is a zone with hours that are not those of UTC and no daylight saving in
// January.
var angeles = time.FixedZone("PST", -8*60*60)

// january is a Monday.
var january = time.Date(2018, 1, 8, 0, 0, 0, 0, angeles)

// places are points in some 130 cells of resolution 8.
func places(t *testing.T) []grid.Point {
	t.Helper()
	center, err := grid.CellAt(grid.Point{LatDegrees: 34.05, LonDegrees: -118.25}, 8)
	if err != nil {
		t.Fatal(err)
	}
	rings, err := center.Disk(6)
	if err != nil {
		t.Fatal(err)
	}
	var out []grid.Point
	for _, c := range slices.Concat(rings...) {
		p, err := c.Center()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// quietDays returns requests of one kind at random places, eight an hour of the
// day and two of the night.
func quietDays(t *testing.T, days int) []evaluate.Request {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	all := places(t)
	var out []evaluate.Request
	for hour := range 24 * days {
		n := 2
		if h := hour % 24; h >= 7 && h < 20 {
			n = 8
		}
		for i := range n {
			p := all[rng.IntN(len(all))]
			p.LatDegrees += 0.002 * (rng.Float64() - 0.5) // within its cell
			at := january.Add(time.Duration(hour)*time.Hour + time.Duration(rng.Int64N(int64(time.Hour))).Truncate(time.Second))
			out = append(out, evaluate.Request{ID: fmt.Sprintf("q%d-%d", hour, i), Kind: "request_graffiti", At: at.UTC(), Point: p, Attrs: map[string]string{"source": "Call"}})
		}
	}
	return out
}

// gathering returns n requests around a place, one every two minutes.
func gathering(n int, at time.Time, p grid.Point) []evaluate.Request {
	var out []evaluate.Request
	for i := range n {
		q := p
		q.LatDegrees += 0.0001 * float64(i-n/2)
		out = append(out, evaluate.Request{ID: fmt.Sprintf("g%d", i), Kind: "request_graffiti", At: at.Add(time.Duration(2*i) * time.Minute), Point: q, Attrs: map[string]string{"source": "Mobile App"}})
	}
	return out
}

func realDays(t *testing.T, requests []evaluate.Request, opts evaluate.RealOptions) *evaluate.RealResult {
	t.Helper()
	opts.Zone = angeles
	if opts.Replicates == 0 {
		opts.Replicates, opts.Curve, opts.Shuffles, opts.Designs = 1, -1, 2, evaluate.RealDesigns()[:1]
	}
	r, err := evaluate.Real(t.Context(), requests, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReal_AHotspotOfTheRealDaysComesWithItsRequests(t *testing.T) {
	begin := january.AddDate(0, 0, 6).Add(15*time.Hour + 10*time.Minute)
	where := places(t)[20]
	r := realDays(t, slices.Concat(gathering(15, begin, where), quietDays(t, 8)), evaluate.RealOptions{})
	if len(r.Hotspots) != 1 {
		t.Fatalf("%d hotspots, want the one that was made: %+v", len(r.Hotspots), r.Hotspots)
	}
	h := r.Hotspots[0]
	var ids []string
	for _, q := range h.Requests {
		if strings.HasPrefix(q.ID, "g") {
			ids = append(ids, q.ID)
		}
	}
	if len(ids) != 15 {
		t.Errorf("%d of the 15 requests are listed: %v", len(ids), ids)
	}
	if h.RaisedAt.Before(begin) || h.RaisedAt.After(begin.Add(40*time.Minute)) || h.Until.Before(h.RaisedAt) {
		t.Errorf("raised %s, until %s; the first request was made %s", h.RaisedAt, h.Until, begin)
	}
	if h.Center == nil || math.Abs(h.Center.LatDegrees-where.LatDegrees) > 0.01 || math.Abs(h.Center.LonDegrees-where.LonDegrees) > 0.01 {
		t.Errorf("center %+v, want near %+v", h.Center, where)
	}
	if h.Count < 10 || h.Expected > 2 || h.Score < h.Threshold {
		t.Errorf("seen %v, expected %v, score %v, threshold %v", h.Count, h.Expected, h.Score, h.Threshold)
	}
	// A cell of resolution 8 has 0.74 km² on average, of which those here differ little.
	if each := h.Extent / float64(len(h.Cells)); each < 0.6 || each > 0.95 {
		t.Errorf("%d cells have %v km²", len(h.Cells), h.Extent)
	}
	var text bytes.Buffer
	if err := r.WriteHotspots(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"1. request_graffiti, 2018-01-14 15:", "| 01-14 15:10:00 | g0 |", "Mobile App", "expected 0."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("what people read lacks %q:\n%s", want, text.String())
		}
	}
}

func TestReal_QuietDaysAreQuietAndTheFiguresAddUp(t *testing.T) {
	requests := quietDays(t, 8)
	r := realDays(t, requests, evaluate.RealOptions{LearnDays: 5})
	k := r.Kinds[0]
	if len(r.Kinds) != 1 || k.Hotspots != 0 || len(r.Hotspots) != 0 {
		t.Errorf("requests at random: %+v", r.Kinds)
	}
	if k.Learned+k.Judged+k.Repeats != len(requests) || math.Abs(k.Weeks-3.0/7) > 0.01 || math.Abs(k.ShufWeeks-2*k.Weeks) > 1e-9 {
		t.Errorf("%d requests of 8 days, 5 learned: %+v", len(requests), k)
	}
}

func TestReal_ARepeatCountsOnceAndIsTold(t *testing.T) {
	begin := january.AddDate(0, 0, 6).Add(15 * time.Hour)
	same := gathering(15, begin, places(t)[20])
	for i := range same {
		same[i].Point = same[0].Point
	}
	requests := slices.Concat(quietDays(t, 8), same)
	if r := realDays(t, requests, evaluate.RealOptions{}); len(r.Hotspots) != 0 || r.Kinds[0].Repeats != 14 {
		t.Errorf("one point again and again: %d hotspots, %d repeats, want 0 and 14", len(r.Hotspots), r.Kinds[0].Repeats)
	}
	if r := realDays(t, requests, evaluate.RealOptions{Repeat: -1}); len(r.Hotspots) != 1 || r.Kinds[0].Repeats != 0 {
		t.Errorf("all counted: %d hotspots, %d repeats, want 1 and 0", len(r.Hotspots), r.Kinds[0].Repeats)
	}
}

// Between two files a year apart nobody watched: that is neither learned nor judged.
func TestReal_TheTimeBetweenFilesIsNotQuiet(t *testing.T) {
	requests := quietDays(t, 4)
	for _, q := range quietDays(t, 4) {
		q.ID, q.At = "later"+q.ID, q.At.AddDate(0, 0, 350)
		requests = append(requests, q)
	}
	r := realDays(t, requests, evaluate.RealOptions{LearnDays: 3})
	if k := r.Kinds[0]; math.Abs(k.Weeks-5.0/7) > 0.01 || k.Hotspots != 0 {
		t.Errorf("four days, a year, four days, of which five are judged: %+v", k)
	}
}

func TestReal_ClustersAreScaledToTheRatesAndFound(t *testing.T) {
	opts := evaluate.RealOptions{Replicates: 6, Curve: 2, Shuffles: 1, LearnDays: 5, Designs: evaluate.RealDesigns()[1:3]}
	r := realDays(t, quietDays(t, 8), opts)
	if len(r.Scaled) != 2 || len(r.Injections) != 2 || len(r.ByKind) != 2 || len(r.Curve) != 2*len(evaluate.AmocThresholds()) {
		t.Fatalf("result %+v", r)
	}
	for i, s := range r.Scaled {
		c := s.Usual * s.Times
		if s.Times == 0 {
			c = s.Usual + s.Extra*6
		}
		if got := c*math.Log(c/s.Usual) - (c - s.Usual); math.Abs(got-s.Surprise) > 1e-6 {
			t.Errorf("%s: surprise %v, in the benchmark %v", s.Type, got, s.Surprise)
		}
		if math.Abs(s.Added-(c-s.Usual)) > 4*math.Sqrt(c/6)+0.4*c {
			t.Errorf("%s: %v requests added, want about %v", s.Type, s.Added, c-s.Usual)
		}
		if q := r.Injections[i]; q.Found < 0.5 || q.Chance > 0.2 || q.Published == nil {
			t.Errorf("%s: found %v, by chance %v", q.Type, q.Found, q.Chance)
		}
	}
	// 18 events in 7 cells and 6 hours of 0.4285, five times as many.
	if b := 0.4285 * 42; math.Abs(r.Scaled[0].Surprise-(5*b*math.Log(5)-4*b)) > 1e-9 {
		t.Errorf("surprise of k1_RR5_6h in the benchmark: %v", r.Scaled[0].Surprise)
	}
	for i := 1; i < len(r.Curve)/2; i++ {
		if r.Curve[i].PerWeek > r.Curve[i-1].PerWeek {
			t.Errorf("more hotspots at a higher threshold: %+v", r.Curve[i-1:i+1])
		}
	}
	if diff := cmp.Diff(r, realDays(t, quietDays(t, 8), opts), cmpopts.IgnoreUnexported(evaluate.RealResult{})); diff != "" {
		t.Errorf("the same seed gives another result (-first +second):\n%s", diff)
	}
	writtenEverywhere(t, r)
}

func writtenEverywhere(t *testing.T, r *evaluate.RealResult) {
	t.Helper()
	var md, csv, svg, whole bytes.Buffer
	for _, err := range []error{r.WriteMarkdown(&md, "make it"), r.WriteCurve(&csv), r.WritePlot(&svg), r.WriteJSON(&whole)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"make it", "| request_graffiti | ", "| k0_add3_6h | 6 |", "episodes a week on the real days"} {
		if !strings.Contains(md.String(), want) {
			t.Errorf("report lacks %q:\n%s", want, md.String())
		}
	}
	for _, text := range []string{csv.String(), svg.String()} {
		if strings.Contains(text, "false") {
			t.Errorf("real causes are called false:\n%s", text)
		}
	}
	var read struct {
		Design string            `json:"design"`
		Kinds  []json.RawMessage `json:"kinds"`
		Curve  []json.RawMessage `json:"amoc"`
	}
	if err := json.Unmarshal(whole.Bytes(), &read); err != nil || read.Design != "real" || len(read.Kinds) != 1 || len(read.Curve) != len(r.Curve) {
		t.Errorf("as JSON: %v, %+v", err, read)
	}
}

func TestReal_SaysWhenThereIsNothingToJudge(t *testing.T) {
	for name, test := range map[string]struct {
		requests []evaluate.Request
		learn    int
	}{
		"nothing":     {nil, 0},
		"one day":     {quietDays(t, 1), 0},
		"all learned": {quietDays(t, 3), 3},
	} {
		_, err := evaluate.Real(t.Context(), test.requests, evaluate.RealOptions{Zone: angeles, LearnDays: test.learn})
		if !errors.Is(err, evaluate.ErrTooFewDays) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
