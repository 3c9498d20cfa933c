package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func everyFieldComesBack(t *testing.T, f *fixture) {
	full := observation(1, "smoke", start.Add(time.Hour+123_456*time.Microsecond), -12.3456789012345)
	full.Received = full.At.Add(3*time.Second + time.Microsecond)
	full.ID = "event-1"
	full.Position = sensors.Position{LatDegrees: 31.2478123456, LonDegrees: 121.3999123456, Datum: sensors.GCJ02}
	full.Attrs = `{"camera":"北渡路 1","boxes":[[1,2],[3,4]]}`
	bare := grid.Placed{Observation: sensors.Observation{Device: "d", Kind: "noise", Value: 1e-300, At: start, Received: start}, Cell: cellAt(0)}
	huge := observation(2, "noise", start.Add(time.Nanosecond*1000), 1.7976931348623157e308)
	huge.Position = sensors.Position{LatDegrees: -90, LonDegrees: 180, Datum: sensors.BD09}
	old := observation(3, "noise", store.Earliest.Add(time.Microsecond), 0)
	far := observation(3, "noise", store.Latest.Add(-time.Microsecond), 0.1)
	f.write(t, []grid.Placed{full, bare}, []grid.Placed{huge, old, far})
	f.wantHeld(t, store.ObservationQuery{Limit: 10}, f.held)
	f.reopen(t)
	f.wantHeld(t, store.ObservationQuery{Limit: 10}, f.held)
}

func observationsAreNarrowed(t *testing.T, f *fixture) {
	day := someDay(2, 300)
	f.write(t, day)
	coarse, err := cellAt(1).Parent(8)
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]store.ObservationQuery{
		"all":         {},
		"device":      {Device: "device-2"},
		"kind":        {Kind: "pm25"},
		"cell":        {Cell: cellAt(4)},
		"coarse cell": {Cell: coarse},
		"from":        {From: day[10].At},
		"to":          {To: day[10].At},
		"both":        {From: start.Add(time.Hour), To: start.Add(5*time.Hour + 250*time.Microsecond)},
		"everything":  {Device: "device-2", Kind: "noise", Cell: cellAt(2), From: start, To: start.Add(20 * time.Hour)},
	} {
		var want []grid.Placed
		for _, p := range f.held {
			narrowed := q.Device != "" && q.Device != p.Device || q.Kind != "" && q.Kind != p.Kind ||
				!q.From.IsZero() && p.At.Before(q.From) || !q.To.IsZero() && !p.At.Before(q.To) ||
				q.Cell != 0 && !matches(store.Query{Kind: p.Kind, Cell: q.Cell}, p)
			if !narrowed {
				want = append(want, p)
			}
		}
		if len(want) == 0 {
			t.Fatalf("%s: the test has no observation for it", name)
		}
		for _, q.Limit = range []int{60, store.MaxObservations} {
			f.wantHeld(t, q, want)
		}
	}
}

func pagesAreStable(t *testing.T, f *fixture) {
	var first []grid.Placed
	for i := range 40 {
		p := observation(i%4, "noise", start.Add(time.Duration(i/8)*300*time.Microsecond), float64(i))
		p.ID = fmt.Sprintf("event-%d", i) // eight at each instant, several instants in a millisecond
		first = append(first, p)
	}
	f.write(t, first[:20])
	f.write(t, first[20:])
	q := store.ObservationQuery{Limit: 3}
	var got []grid.Placed
	for round := 0; ; round++ {
		page, next, err := f.s.Observations(contextFor(t), q)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, page...)
		if next == "" {
			break
		}
		q.Cursor = next
		if round < 5 { // newer than every page: none of them may move
			f.write(t, []grid.Placed{observation(round, "noise", start.Add(time.Hour+time.Duration(round)*time.Second), 1)})
		}
	}
	wantSame(t, got, first)
	for i := 1; i < len(got); i++ {
		if got[i].At.After(got[i-1].At) {
			t.Fatalf("observation %d at %s follows one at %s", i, got[i].At, got[i-1].At)
		}
	}
	f.wantHeld(t, store.ObservationQuery{Limit: 1}, f.held)
}

func idsAtOneInstant(t *testing.T, f *fixture) {
	at := start.Add(time.Minute + 345*time.Microsecond)
	var batch []grid.Placed
	for i := range 50 {
		p := observation(1, "parking", at, float64(i))
		p.ID = fmt.Sprintf("plate-%d", i)
		batch = append(batch, p)
	}
	plain := observation(1, "parking", at, 99) // without ID, beside them
	f.write(t, batch[:25], append(batch[25:], plain))
	f.wantHeld(t, store.ObservationQuery{Device: "device-1", Limit: 100}, f.held)
	for _, q := range places(t, "parking") {
		for _, agg := range aggregates {
			q.Agg = agg
			f.wantPoints(t, q, f.held)
		}
	}
	q := store.Query{Kind: "parking", Device: "device-1", From: start, To: start.Add(time.Hour), Every: time.Second, Agg: store.Count}
	f.wantPoints(t, q, f.held)
}

func countsByKind(t *testing.T, f *fixture) {
	day := someDay(3, 400)
	f.write(t, day)
	for _, bounds := range [][2]time.Time{{}, {start, start.Add(24 * time.Hour)}, {day[0].At, day[1].At}, {day[1].At, day[0].At}, {day[5].At, {}}} {
		want := make(map[sensors.KindKey]int64)
		for _, p := range day {
			if (bounds[0].IsZero() || !p.At.Before(bounds[0])) && (bounds[1].IsZero() || p.At.Before(bounds[1])) {
				want[p.Kind]++
			}
		}
		got, err := f.s.Counts(contextFor(t), bounds[0], bounds[1])
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("counts in [%s, %s) = %v, want %v", bounds[0], bounds[1], got, want)
		}
	}
}

// texts are what a hostile or careless source may send.
var texts = []string{
	`"`, `'`, `\`, `\\`, `\"`, `" or true or "`, `'; DROP TABLE observations; --`, "line\nbreak", "carriage\rreturn", "tab\there",
	"space here", "comma,equals=", `${r._value}`, `") |> drop(columns: ["_value"]) //`, "zero\x00byte", "网格 🏙️ é", "\u2028", "ends in \\", "#", "",
	" leading", "trailing ", `{"a":"b\\\"c"}`, "true", "1i", "NaN",
}

func anyTextSurvives(t *testing.T, f *fixture) {
	var batch []grid.Placed
	for i, text := range texts {
		p := observation(i, "noise", start.Add(time.Duration(i)*time.Second), float64(i))
		p.ID, p.Attrs = text, text
		if text != "" && text != "zero\x00byte" && text != "line\nbreak" && text != "carriage\rreturn" && text != "tab\there" {
			p.Device = sensors.DeviceID(text) // device names have no control characters
			p.Area = grid.AreaCode(text)
		}
		batch = append(batch, p)
	}
	f.write(t, batch)
	f.reopen(t)
	f.wantHeld(t, store.ObservationQuery{Limit: 100}, f.held)
	for _, p := range batch {
		f.wantHeld(t, store.ObservationQuery{Device: p.Device, From: start, To: start.Add(time.Hour), Limit: 1}, []grid.Placed{p})
		q := store.Query{Kind: "noise", Device: p.Device, From: start, To: start.Add(time.Hour), Every: time.Second, Agg: store.Last}
		f.wantPoints(t, q, f.held)
		q.Device, q.Area, q.Every = "", p.Area, 10*time.Second
		f.wantPoints(t, q, f.held)
	}
	for _, text := range texts {
		q := store.Query{Kind: sensors.KindKey("no such " + text), From: start, To: start.Add(time.Hour), Every: time.Minute, Agg: store.Sum}
		f.wantPoints(t, q, f.held)
		f.wantHeld(t, store.ObservationQuery{Kind: q.Kind, From: q.From, To: q.To, Limit: 5}, nil)
	}
}

func pings(t *testing.T, f *fixture) {
	if err := f.s.Ping(contextFor(t)); err != nil {
		t.Fatalf("ping: %v", err)
	}
}
