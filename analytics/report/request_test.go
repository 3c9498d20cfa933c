package report_test

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// now is a Monday afternoon in Shanghai.
var now = time.Date(2026, 11, 23, 8, 30, 0, 0, time.UTC)

func district(t testing.TB) report.District {
	t.Helper()
	kinds, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	areas, err := grid.Putuo()
	if err != nil {
		t.Fatal(err)
	}
	return report.District{Kinds: kinds, Areas: areas.All(), Zone: mustZone(t, "Asia/Shanghai"), Now: now}
}

func mustParse(t testing.TB, name report.Name, query string) report.Request {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	r, err := report.Parse(name, v, district(t))
	if err != nil {
		t.Fatalf("%s?%s: %v", name, query, err)
	}
	return r
}

func TestParse_FillsInWhatIsLeftOut(t *testing.T) {
	d := district(t)
	for _, c := range []struct {
		name           report.Name
		query          string
		every          report.Step
		from, to       string
		resolution, up int
	}{
		{report.Trend, "kind=smoke", report.Day, "2026-08-25T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 0, 0},
		{report.Trend, "kind=smoke&every=week", report.Week, "2025-11-24T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 0, 0},
		{report.Trend, "kind=smoke&every=hour", report.Hour, "2026-11-09T16:00:00+08:00", "2026-11-23T16:00:00+08:00", 0, 0},
		{report.Trend, "kind=smoke&from=2026-11-01&to=2026-11-03T05:00:00Z", report.Day, "2026-11-01T00:00:00+08:00", "2026-11-04T00:00:00+08:00", 0, 0},
		{report.Trend, "by=kind&every=week&from=2026-11-01", report.Week, "2026-10-26T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 0, 0},
		{report.Hotspots, "kind=smoke", report.Day, "2026-10-26T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 9, 20},
		{report.Emerging, "kind=smoke", report.Day, "2026-10-24T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 9, 0},
		{report.Emerging, "kind=smoke&every=hour", report.Hour, "2026-11-16T16:00:00+08:00", "2026-11-23T16:00:00+08:00", 9, 0},
		{report.Stubborn, "", report.Day, "2026-08-25T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 9, 50},
		{report.Quality, "", report.Week, "2026-08-31T00:00:00+08:00", "2026-11-23T00:00:00+08:00", 0, 0},
	} {
		r := mustParse(t, c.name, c.query)
		from, to := r.From.In(d.Zone).Format(time.RFC3339), r.To.In(d.Zone).Format(time.RFC3339)
		if r.Every != c.every || from != c.from || to != c.to || r.Resolution != c.resolution || r.Top != c.up {
			t.Errorf("%s?%s: every %s from %s to %s resolution %d top %d, want %+v", c.name, c.query, r.Every, from, to, r.Resolution, r.Top, c)
		}
	}
}

func TestParse_NamesEveryFaultAtOnce(t *testing.T) {
	v, err := url.ParseQuery("kind=ufo&every=month&from=yesterday&to=1066-10-14&area=nowhere&resolution=11&rings=x&of=money&top=0&devices=maybe&seed=1&seed=2&colour=red")
	if err != nil {
		t.Fatal(err)
	}
	_, err = report.Parse(report.Hotspots, v, district(t))
	var faults report.Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want Faults", err)
	}
	var params []string
	for _, f := range faults {
		params = append(params, f.Param)
	}
	want := []string{"area", "colour", "devices", "every", "from", "kind", "of", "resolution", "rings", "seed", "to", "top"}
	if !slices.Equal(params, want) {
		t.Errorf("faults of %q, want of %q:\n%v", params, want, err)
	}
}

func TestParse_RefusesWhatCannotBeAnswered(t *testing.T) {
	for _, c := range []struct {
		name  report.Name
		query string
	}{
		{report.Trend, ""}, {report.Hotspots, ""}, {report.Emerging, "every=hour"},
		{report.Trend, "kind=smoke&from=2026-11-03&to=2026-11-03"},
		{report.Trend, "kind=smoke&from=2026-11-05&to=2026-11-03"},
		{report.Trend, "kind=smoke&from=2027-01-01&to=2027-02-01"},
		{report.Trend, "kind=smoke&every=hour&from=2025-01-01"},
		{report.Quality, "kind=smoke&every=day"},
	} {
		v, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := report.Parse(c.name, v, district(t)); err == nil {
			t.Errorf("%s?%s was accepted: %+v", c.name, c.query, r)
		}
	}
}

func TestParams_SpeakBothLanguagesAndHaveADefaultThatIsAccepted(t *testing.T) {
	for _, name := range report.Names {
		for _, p := range report.Params(name) {
			if p.Names.ZH == "" || p.Names.EN == "" || p.Doc.ZH == "" || p.Doc.EN == "" {
				t.Errorf("%s: parameter %s is not described in both languages", name, p.Key)
			}
		}
		mustParse(t, name, "kind=smoke")
	}
}

func TestParams_ChoicesHaveNamesInBothLanguages(t *testing.T) {
	s := newTown(t)
	for _, name := range report.Names {
		r := s.ask(t, name, "kind=smoke")
		for _, p := range r.Parameters {
			if p.Key == "area" || p.Key == "kind" {
				continue
			}
			enum := slices.ContainsFunc(report.Params(name), func(q report.Param) bool { return q.Key == p.Key && len(q.Enum) > 0 })
			if zh := p.Value.In(report.ZH, now.Location()); enum && zh == p.Text {
				t.Errorf("%s: %s is shown as %q to Chinese readers", name, p.Key, zh)
			}
		}
	}
}

// What was asked can be asked again, later too, and is the same.
func TestRequest_ValuesAreTheQuestion(t *testing.T) {
	d := district(t)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(report.Names[:]).Draw(rt, "report")
		v := url.Values{"kind": rapid.SampledFrom([][]string{{"noise"}, {"smoke", "noise"}}).Draw(rt, "kinds")}
		for _, p := range report.Params(name) {
			if p.Key == "kind" || !rapid.Bool().Draw(rt, "give "+p.Key) {
				continue
			}
			switch {
			case len(p.Enum) > 0:
				v.Set(p.Key, rapid.SampledFrom(p.Enum).Draw(rt, p.Key))
			case p.Type == report.IntegerParam:
				v.Set(p.Key, rapid.Map(rapid.IntRange(p.Min, p.Max), strconv.Itoa).Draw(rt, p.Key))
			case p.Key == "running":
				if v.Get("to") == "" {
					v.Set(p.Key, "true")
				}
			case p.Type == report.YesNoParam:
				v.Set(p.Key, "true")
			case p.Key == "period":
				if v.Get("from") == "" {
					v.Set(p.Key, rapid.SampledFrom([]string{"72h", "28d", "4w"}).Draw(rt, p.Key))
				}
			case p.Key == "from":
				v.Set(p.Key, "2026-10-01T13:17:00+08:00")
			case p.Key == "area":
				v[p.Key] = []string{string(d.Areas[2].Code), string(d.Areas[0].Code)}
			}
		}
		once, err := report.Parse(name, v, d)
		if err != nil {
			rt.Fatal(err)
		}
		later := d
		later.Now = d.Now.Add(100 * time.Hour)
		twice, err := report.Parse(name, once.Values(d.Zone), later)
		if err != nil || once != twice {
			rt.Fatalf("%v: asked %+v, asked again %+v, %v", once.Values(d.Zone), once, twice, err)
		}
	})
}

func mustQuery(t testing.TB, query string) url.Values {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
