package analytics_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// archive is stored observations, oldest first, in pages.
type archive struct {
	all   []grid.Placed
	asked int
}

func (a *archive) Observations(_ context.Context, q store.ObservationQuery) (page []grid.Placed, next string, err error) {
	a.asked++
	var found []grid.Placed
	for _, o := range a.all {
		if o.Kind == q.Kind && !o.At.Before(q.From) && o.At.Before(q.To) {
			found = append(found, o)
		}
	}
	slices.Reverse(found)
	if q.Cursor != "" {
		n, err := strconv.Atoi(q.Cursor)
		if err != nil {
			return nil, "", err
		}
		found = found[n:]
	}
	if len(found) > q.Limit {
		before, _ := strconv.Atoi(q.Cursor) // "" is the first page
		return found[:q.Limit], strconv.Itoa(before + q.Limit), nil
	}
	return found, "", nil
}

// monday is the beginning of a week of the district.
var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, shanghai)

// noisyWeek has one reading a minute, and each evening at eight an hour of a level
// that rises by one from day to day.
func noisyWeek() []grid.Placed {
	var all []grid.Placed
	for at := monday; at.Before(monday.AddDate(0, 0, 7)); at = at.Add(time.Minute) {
		level := 60.0
		if at.Hour() == 20 {
			level = 80 + float64(at.Day()-monday.Day())
		}
		all = append(all, seen("n1", "noise", level, at.UTC()))
	}
	return all
}

func preview(t *testing.T, rules []analytics.Rule, changed analytics.Rule, from *archive, fired analytics.Fired) analytics.Preview {
	t.Helper()
	e, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{Study: district(t)})
	if err != nil {
		t.Fatal(err)
	}
	last := 0.0
	p, err := e.PreviewRule(t.Context(), analytics.PreviewRequest{Rule: changed, Present: rules[0], Others: rules,
		From: monday, To: monday.AddDate(0, 0, 7), Days: shanghai}, from, fired, func(done float64) {
		if done <= last {
			t.Errorf("progress went from %v to %v", last, done)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	if last != 1 {
		t.Errorf("progress ended at %v, want 1", last)
	}
	return p
}

func TestPreviewRule_CountsEpisodesByDayAsTheyWouldHaveBeen(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 75})
	changed := loudRule(analytics.Threshold{Raise: 82, Clear: 75})[0]
	records := newRecords()
	told := store.Alert{ID: "a", Revision: 1, Rule: rules[0].Name, Kind: "noise", Place: "device/n1", State: store.AlertClosed,
		RaisedAt: monday.Add(20 * time.Hour), ClearedAt: monday.Add(21 * time.Hour)}
	if err := records.SaveAlerts(t.Context(), store.Position{}, []store.Alert{told}); err != nil {
		t.Fatal(err)
	}
	p := preview(t, rules, changed, &archive{all: noisyWeek()}, records)
	var got [][3]int
	for i, d := range p.Days {
		if want := monday.AddDate(0, 0, i); !d.Day.Equal(want) {
			t.Errorf("day %d begins at %s, want %s", i, d.Day, want)
		}
		got = append(got, [3]int{d.Changed, d.Present, d.Fired})
	}
	want := [][3]int{{0, 0, 1}, {0, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 0, 0}, {1, 1, 0}, {1, 1, 0}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("episodes by day: changed, present, fired (-want +got):\n%s", diff)
	}
	if p.Changed.Total != 5 || p.Present.Total != 2 || p.Fired.Total != 1 || p.Changed.Open != 0 {
		t.Errorf("totals are %d, %d and %d, %d open", p.Changed.Total, p.Present.Total, p.Fired.Total, p.Changed.Open)
	}
	newest := p.Changed.Listed[0]
	if newest.Device != "n1" || newest.Value != 86 || !newest.RaisedAt.Equal(monday.AddDate(0, 0, 6).Add(20*time.Hour)) ||
		!newest.ClearedAt.Equal(monday.AddDate(0, 0, 6).Add(21*time.Hour)) {
		t.Errorf("newest episode is %+v", newest)
	}
	if p.Observations != 7*24*60 {
		t.Errorf("judged %d observations, want %d", p.Observations, 7*24*60)
	}
}

func TestPreviewRule_ARuleThatIsOffHasNoEpisodes(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 75})
	e, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), nil, nil, analytics.Options{Study: district(t)})
	if err != nil {
		t.Fatal(err)
	}
	p, err := e.PreviewRule(t.Context(), analytics.PreviewRequest{Rule: rules[0], Present: rules[0], PresentOff: true, Others: rules,
		From: monday, To: monday.AddDate(0, 0, 7), Days: shanghai}, &archive{all: noisyWeek()}, newRecords(), func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	if p.Changed.Total != 2 || p.Present.Total != 0 || len(p.Days) != 7 || p.Days[5].Present != 0 {
		t.Errorf("on it has %d episodes, off %d by days %v; want 2 and none", p.Changed.Total, p.Present.Total, p.Days)
	}
}

func TestPreviewRule_SaysWhatTheEngineSaid(t *testing.T) {
	rules := hotspotRules(analytics.Hotspot{MinCount: 5})
	inCity(t, rules, analytics.Options{}, func(c *city) {
		quietly(c, 30)
		park(c, market, 18)
		quietly(c, 8*60)
		history := &archive{}
		for _, entry := range c.journal.entries {
			history.all = append(history.all, entry.Observations...)
		}
		e, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(c.t), rules, nil, analytics.Options{Study: district(c.t)})
		if err != nil {
			c.t.Fatal(err)
		}
		deaf := hotspotRules(analytics.Hotspot{MinCount: 40})[0]
		p, err := e.PreviewRule(c.t.Context(), analytics.PreviewRequest{Rule: deaf, Present: rules[0], Others: rules,
			From: c.start, To: c.start.Add(10 * time.Hour)}, history, c.records, func(float64) {})
		if err != nil {
			c.t.Fatal(err)
		}
		if p.Fired.Total != 1 {
			c.t.Fatalf("the engine raised %d, want 1", p.Fired.Total)
		}
		if diff := cmp.Diff(p.Fired, p.Present); diff != "" {
			c.t.Errorf("what was told and what is found again (-told +found):\n%s", diff)
		}
		if p.Changed.Total != 0 {
			c.t.Errorf("a rule that needs 40 events raised %d by 18", p.Changed.Total)
		}
	})
}

func TestPreviewRule_ReadsEachObservationOnceHoweverMany(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 75})
	busy := &archive{}
	at := monday.UTC()
	for i := range 16_000 { // of it 8,000 within one second
		busy.all = append(busy.all, seen(sensors.DeviceID("n"+strconv.Itoa(i)), "noise", 90, at))
		if i < 4_000 || i >= 12_000 {
			at = at.Add(700 * time.Millisecond)
		} else if i%100 == 0 {
			at = at.Add(4 * time.Millisecond)
		}
	}
	p := preview(t, rules, rules[0], busy, newRecords())
	if p.Observations != 16_000 || p.Changed.Total != 16_000 {
		t.Errorf("judged %d and raised %d, want 16000 of 16000 devices", p.Observations, p.Changed.Total)
	}
	if len(p.Changed.Listed) != analytics.MaxEpisodes {
		t.Errorf("%d episodes are listed, want %d", len(p.Changed.Listed), analytics.MaxEpisodes)
	}
}

func TestPreviewRule_IsGivenUp(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 75})
	e, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{Study: district(t)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	from := &archive{all: noisyWeek()}
	_, err = e.PreviewRule(ctx, analytics.PreviewRequest{Rule: rules[0], Present: rules[0], From: monday, To: monday.AddDate(0, 0, 7)},
		from, newRecords(), func(float64) { cancel() })
	if !errors.Is(err, context.Canceled) || from.asked != 1 {
		t.Errorf("error %v after %d questions, want context.Canceled after 1", err, from.asked)
	}
}

func TestPreviewRule_RefusesARuleThatDoesNotFit(t *testing.T) {
	rules := loudRule(analytics.Threshold{Raise: 85, Clear: 75})
	e, err := analytics.NewEngine(newJournal(), newRecords(), mustCatalog(t), rules, nil, analytics.Options{Study: district(t)})
	if err != nil {
		t.Fatal(err)
	}
	bad := loudRule(analytics.Threshold{Raise: 70, Clear: 75})[0]
	_, err = e.PreviewRule(t.Context(), analytics.PreviewRequest{Rule: bad, Present: rules[0], From: monday, To: monday.AddDate(0, 0, 7)},
		&archive{}, newRecords(), func(float64) {})
	if err == nil {
		t.Error("a rule that clears beyond where it raises is accepted")
	}
}
