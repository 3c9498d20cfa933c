package report_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// beyond lies outside both areas of the town.
var beyond = grid.Point{LatDegrees: 31.205, LonDegrees: 121.43}

// busyTown has two sorts of events and a measure in both areas, in cells that lie
// across their border, and outside them.
func busyTown(t testing.TB) *town {
	s := newTown(t)
	rnd := rand.New(rand.NewPCG(7, 7))
	for d := 20; d > 0; d-- {
		for range 12 {
			p := grid.Point{LatDegrees: 31.201 + 0.008*rnd.Float64(), LonDegrees: 121.401 + 0.018*rnd.Float64()}
			at := day(t, d).Add(time.Duration(8+rnd.IntN(10)) * time.Hour)
			s.observe(t, "smoke", p, at, 1)
			s.observe(t, "noise", p, at, 50+float64(rnd.IntN(40))/4) // whose sums are exact
			if rnd.IntN(3) == 0 {
				s.observe(t, "crowd_count", p, at, float64(rnd.IntN(40)))
			}
		}
		s.events(t, "smoke", beyond, day(t, d), 2)
	}
	return s
}

func TestKeys_AreEqualWhereTheirSetsAre(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOf(rapid.StringMatching(`[a-c,]{0,2}`)).Draw(rt, "keys")
		set := report.KeysOf(keys...)
		want := slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(keys))), func(k string) bool { return k == "" })
		if !slices.Equal(set.All(), want) || set.Len() != len(want) {
			rt.Fatalf("the set of %q is %q of %d, want %q", keys, set.All(), set.Len(), want)
		}
		if again := report.KeysOf(append(set.All(), keys...)...); again != set {
			rt.Fatalf("%q and itself are another set: %q", keys, again.All())
		}
		for _, k := range want {
			if !set.Admit(k) {
				rt.Fatalf("%q does not admit %q", want, k)
			}
		}
		if len(want) > 0 && set.Admit("d") {
			rt.Fatalf("%q admits d", want)
		}
	})
}

func TestParse_OfSeveralKindsAndAreasTheOrderAndTheFormDoNotMatter(t *testing.T) {
	d := district(t)
	a, b := string(d.Areas[0].Code), string(d.Areas[1].Code)
	want := mustParse(t, report.Trend, "kind=noise,smoke&area="+a+","+b)
	if got := want.Kinds.All(); !slices.Equal(got, []sensors.KindKey{"noise", "smoke"}) {
		t.Errorf("kinds are %q", got)
	}
	for _, query := range []string{
		"kind=smoke&kind=noise&area=" + b + "&area=" + a, "kind=smoke,noise,smoke&area=" + b + "," + a + "," + b, "kind=smoke,+noise,&kind=smoke&area=" + a + "&area=" + b + "&area=",
	} {
		if got := mustParse(t, report.Trend, query); got != want {
			t.Errorf("%s is another question: %+v, want %+v", query, got, want)
		}
	}
	if again := mustParse(t, report.Trend, want.Values(d.Zone).Encode()); again != want {
		t.Errorf("asked again it is %+v, want %+v", again, want)
	}
	var many []string
	for _, k := range d.Kinds.All() {
		many = append(many, string(k.Key))
	}
	if len(many) <= report.MaxKinds {
		t.Fatalf("the catalogue has %d kinds: too few to name too many", len(many))
	}
	for query, fault := range map[string]string{
		"kind=ufo,smoke,yeti":                     `no such kind as "ufo"; the catalogue has no such kind as "yeti"`,
		"kind=" + strings.Join(many, ","):         "12 are the most",
		"kind=smoke&area=atlantis," + a:           `no area has the code "atlantis"`,
		"kind=,":                                  "is needed, unless",
		"kind=smoke&period=4w&to=" + "2026-11-22": "takes the place of from and to",
		"kind=smoke&running=true&to=2026-11-22":   "does not go with to",
		"kind=smoke&period=month":                 "24h, 28d or 4w",
	} {
		_, err := report.Parse(report.Trend, mustQuery(t, query), d)
		var faults report.Faults
		if !errors.As(err, &faults) || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v, want a fault that says %q", query, err, fault)
		}
	}
}

// A period that moves is the same question as its days are at the moment.
func TestParse_TheLastSoManyWindowsAreAPeriod(t *testing.T) {
	d := district(t) // Monday, 23 November, half past four in the afternoon
	for _, c := range []struct {
		name        report.Name
		query, same string
	}{
		{report.Trend, "kind=smoke&period=4w", "kind=smoke&from=2026-10-26&to=2026-11-23"},
		{report.Trend, "kind=smoke&period=30d", "kind=smoke&from=2026-10-24&to=2026-11-23"},
		{report.Trend, "kind=smoke&period=30d&running=true", "kind=smoke&from=2026-10-25&to=2026-11-24"},
		{report.Trend, "kind=smoke&period=30d&every=week", "kind=smoke&every=week&from=2026-10-19&to=2026-11-23"},
		{report.Trend, "kind=smoke&period=24h&every=hour", "kind=smoke&every=hour&from=2026-11-22T16:00:00%2B08:00&to=2026-11-23T16:00:00%2B08:00"},
		{report.Hotspots, "kind=smoke&period=7d&every=hour", "kind=smoke&every=hour&from=2026-11-16&to=2026-11-23"},
		{report.Quality, "period=30d&running=true", "from=2026-10-19&to=2026-11-30"},
		{report.Stubborn, "running=true", "from=2026-08-26&to=2026-11-24"},
	} {
		if got, want := mustParse(t, c.name, c.query), mustParse(t, c.name, c.same); got != want {
			t.Errorf("%s?%s is from %s to %s, want from %s to %s", c.name, c.query, got.From.In(d.Zone), got.To.In(d.Zone), want.From.In(d.Zone), want.To.In(d.Zone))
		}
	}
	// On a Wednesday the last weeks end on its Monday.
	wednesday := d
	wednesday.Now = d.Now.AddDate(0, 0, 2)
	got, err := report.Parse(report.Quality, url.Values{"period": {"30d"}}, wednesday)
	if err != nil || got.To.In(d.Zone).Format(time.DateOnly) != "2026-11-23" || got.From.In(d.Zone).Format(time.DateOnly) != "2026-10-19" {
		t.Errorf("from %s to %s, %v", got.From.In(d.Zone), got.To.In(d.Zone), err)
	}
}

// rowsWith are the rows of a table that have a text in a column, without that column.
func rowsWith(t *testing.T, r *report.Result, table, column, text string, drop ...string) []string {
	t.Helper()
	tb, ok := r.Table(table)
	if !ok {
		t.Fatalf("there is no table %s", table)
	}
	var out []string
	for _, row := range tb.Rows {
		line, found := "", column == ""
		for i, c := range tb.Columns {
			said := row[i].In(report.EN, time.UTC)
			if c.Key == column && said == text {
				found = true
			}
			if !slices.Contains(drop, c.Key) {
				line += c.Key + "=" + said + " "
			}
		}
		if found {
			out = append(out, line)
		}
	}
	return out
}

func TestTrend_OfSeveralKindsEachHasItsOwnLines(t *testing.T) {
	s := busyTown(t)
	for _, by := range []string{"area", "city"} {
		both := s.ask(t, report.Trend, "kind=smoke,crowd_count&by="+by+"&from=2026-11-03")
		wellFormed(t, both)
		for _, kind := range []string{"smoke", "crowd_count"} {
			alone := s.ask(t, report.Trend, "kind="+kind+"&by="+by+"&from=2026-11-03")
			for _, table := range []string{"summary", "series", "comparisons", "changes", "exceedances"} {
				tb, _ := alone.Table(table)
				var own []string
				for _, c := range tb.Columns {
					own = append(own, c.Key)
				}
				wide, _ := both.Table(table)
				drop := []string{"kind", "kind_name"}
				for _, c := range wide.Columns {
					if !slices.Contains(own, c.Key) {
						drop = append(drop, c.Key) // of the other sort of kind
					}
				}
				got, want := rowsWith(t, both, table, "kind", kind, drop...), rowsWith(t, alone, table, "", "")
				if d := gocmp.Diff(want, got); d != "" {
					t.Errorf("by %s, %s of %s (-alone +with another):\n%s", by, table, kind, d)
				}
			}
		}
		if want := "Trends: Smoke alarm, "; !strings.HasPrefix(both.Title.EN, want) {
			t.Errorf("title is %q, want %q and the other", both.Title.EN, want)
		}
	}
}

// What areas have together is what each has, and nothing of what lies outside them.
func TestReports_OfSeveralAreasAreOfAllThatLiesInThem(t *testing.T) {
	s := busyTown(t)
	inside := 0.
	for _, o := range s.seen {
		if o.Kind == "smoke" && o.Area != "" {
			inside++
		}
	}
	city := s.ask(t, report.Trend, "kind=smoke&by=city&area=A,B&from=2026-11-03")
	wantNumber(t, city, "summary", 0, "value", inside, 0)
	wantText(t, city, "summary", 0, "name", "West, East")
	everywhere := s.ask(t, report.Trend, "kind=smoke&by=city&from=2026-11-03")
	wantNumber(t, everywhere, "summary", 0, "value", inside+40, 0)
	listed := s.ask(t, report.Trend, "kind=smoke&by=area&area=A,B&from=2026-11-03")
	if got := rowsWith(t, listed, "summary", "", ""); len(got) != 2 {
		t.Errorf("by area %q, want the two areas and nothing outside them", got)
	}
	level := s.ask(t, report.Trend, "kind=noise&by=city&area=B,A&from=2026-11-03&every=day")
	whole := s.ask(t, report.Trend, "kind=noise&by=city&from=2026-11-03&every=day") // nobody measured outside
	for _, table := range []string{"summary", "series"} {
		drop := []string{"name", "per_km2", "per_device"}
		if d := gocmp.Diff(rowsWith(t, whole, table, "", "", drop...), rowsWith(t, level, table, "", "", drop...)); d != "" {
			t.Errorf("%s of levels in both areas (-whole +both):\n%s", table, d)
		}
	}
	// Of a cell across the border what lies on both sides counts.
	hot := s.ask(t, report.Hotspots, "kind=smoke&area=A,B&resolution=9&from=2026-11-03")
	cells := map[string]float64{}
	for _, o := range s.seen {
		if o.Kind == "smoke" && o.Area != "" {
			c, err := o.Cell.Parent(9)
			if err != nil {
				t.Fatal(err)
			}
			cells[c.String()]++
		}
	}
	tb, _ := hot.Table("cells")
	for row := range tb.Rows {
		c := cell(t, hot, "cells", row, "cell").In(report.EN, time.UTC)
		wantNumber(t, hot, "cells", row, "count", cells[c], 0)
		delete(cells, c)
	}
	if len(cells) > 0 {
		t.Errorf("cells without a row: %v", cells)
	}
}

func TestHotspots_OfSeveralKindsAreASectionEach(t *testing.T) {
	s := busyTown(t)
	for _, name := range []report.Name{report.Hotspots, report.Emerging} {
		both := s.ask(t, name, "kind=smoke,noise&from=2026-11-03")
		wellFormed(t, both)
		var kinds []sensors.KindKey
		for _, part := range both.Sections {
			kinds = append(kinds, part.Kind)
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, []sensors.KindKey{"noise", "smoke"}) {
			t.Fatalf("%s has the sections %q", name, kinds)
		}
		tables, features, observations := 0, 0, int64(0)
		for _, kind := range kinds {
			alone := s.ask(t, name, "kind="+string(kind)+"&from=2026-11-03")
			observations += alone.Data.Observations
			for _, want := range alone.Tables {
				got, ok := both.Table(want.Key + "." + string(kind))
				if !ok || got.Kind != kind || got.Title.EN != want.Title.EN+": "+both.SectionName(kind).EN {
					t.Errorf("%s: table %s of %s is %q, kind %q", name, want.Key, kind, got.Title.EN, got.Kind)
				}
				tables++
				if d := gocmp.Diff(rowsWith(t, alone, want.Key, "", ""), rowsWith(t, both, got.Key, "", "")); d != "" {
					t.Errorf("%s: %s (-alone +section):\n%s", name, got.Key, d)
				}
			}
			features += len(alone.Features)
			var notes []report.Note
			for _, n := range both.Notes {
				if n.Kind == kind {
					n.Kind = ""
					notes = append(notes, n)
				}
			}
			if d := gocmp.Diff(alone.Notes, notes); d != "" {
				t.Errorf("%s: notes of %s (-alone +section):\n%s", name, kind, d)
			}
		}
		if len(both.Tables) != tables || len(both.Features) != features || both.Data.Observations != observations {
			t.Errorf("%s has %d tables, %d features of %d observations, want %d, %d, %d", name, len(both.Tables), len(both.Features), both.Data.Observations, tables, features, observations)
		}
	}
}

func TestAlerts_OfSeveralKindsAndAreas(t *testing.T) {
	s := troubledTown(t)
	s.alert(t, "smoke", "", beyond, day(t, 4), 1)
	s.alert(t, "smoke", "", beyond, day(t, 3), 1)
	quality := s.ask(t, report.Quality, "kind=smoke,noise&area=A,B&from=2026-08-31")
	if got, want := *quality.Data.Alerts, 9; got != want {
		t.Errorf("%d alerts, want %d: smoke and noise in the areas", got, want)
	}
	for _, key := range []string{"kinds", "areas"} {
		if !slices.ContainsFunc(quality.Definitions, func(d report.Definition) bool { return d.Key == key && d.Text.ZH != "" && d.Text.EN != "" }) {
			t.Errorf("it is not defined what several %s mean", key)
		}
	}
	if got := rowsWith(t, quality, "kinds", "kind", "crowd_count"); len(got) > 0 {
		t.Errorf("a kind that was not asked for: %q", got)
	}
	stubborn := s.ask(t, report.Stubborn, "kind=smoke,crowd_count&area=B,A")
	if got := rowsWith(t, stubborn, "problems", "area_name", "outside every area"); len(got) > 0 {
		t.Errorf("problems outside the areas: %q", got)
	}
	if got := rowsWith(t, stubborn, "problems", "", ""); len(got) != 2 {
		t.Errorf("problems are %q, want the west's smoke and the east's crowd", got)
	}
	for _, p := range stubborn.Parameters {
		if p.Key == "kind" && (p.Text != "crowd_count,smoke" || !strings.Contains(p.Value.In(report.ZH, time.UTC), "、")) ||
			p.Key == "area" && (p.Text != "A,B" || p.Value.In(report.ZH, time.UTC) != "甲区、乙区") || p.Key == "period" {
			t.Errorf("parameter %s is %q, shown as %q", p.Key, p.Text, p.Value.In(report.ZH, time.UTC))
		}
	}
}

// A number of alerts that nobody read would look as if there had been none.
func TestReports_CountAlertsOnlyWhereTheyReadThem(t *testing.T) {
	s := troubledTown(t)
	for query, reads := range map[string]bool{
		"trend kind=smoke": false, "trend kind=smoke,noise": false, "hotspots kind=smoke": false, "emerging kind=smoke": false,
		"stubborn source=events&kind=smoke": false, "stubborn kind=smoke": true, "quality kind=smoke": true,
	} {
		name, asked, _ := strings.Cut(query, " ")
		r := s.ask(t, report.Name(name), asked)
		if (r.Data.Alerts != nil) != reads {
			t.Errorf("%s: it reads alerts: %v, want %v", query, r.Data.Alerts != nil, reads)
		}
		b, err := json.Marshal(r.Data)
		if err != nil || strings.Contains(string(b), `"alerts"`) != reads {
			t.Errorf("%s: %s, %v; alerts are told: want %v", query, b, err, reads)
		}
	}
}
