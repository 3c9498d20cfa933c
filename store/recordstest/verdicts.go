package recordstest

import (
	"errors"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// answer is a first verdict on alert n.
func answer(n int, a store.Answer) store.Verdict {
	return store.Verdict{AlertID: loud(n).ID, Answer: a, By: "王芳", Note: "looked at the camera", At: noon.Add(time.Duration(n) * time.Hour)}
}

func (f *fixture) saveVerdict(v store.Verdict) store.Verdict {
	f.t.Helper()
	saved, err := f.SaveVerdict(f.t.Context(), v)
	if err != nil {
		f.t.Fatalf("SaveVerdict(%+v): %v", v, err)
	}
	return saved
}

func (f *fixture) verdictsOn(alerts ...string) map[string]store.Verdict {
	f.t.Helper()
	found, err := f.VerdictsOn(f.t.Context(), alerts)
	if err != nil {
		f.t.Fatalf("VerdictsOn(%v): %v", alerts, err)
	}
	return found
}

func (f *fixture) verdictsOf(q store.VerdictQuery, limit int) []store.Verdict {
	f.t.Helper()
	found, err := f.VerdictsOf(f.t.Context(), q, limit)
	if err != nil {
		f.t.Fatalf("VerdictsOf(%+v): %v", q, err)
	}
	return found
}

func (f *fixture) tally(q store.VerdictQuery) []store.Tally {
	f.t.Helper()
	found, err := f.TallyVerdicts(f.t.Context(), q)
	if err != nil {
		f.t.Fatalf("TallyVerdicts(%+v): %v", q, err)
	}
	return found
}

var verdictPromises = map[string]func(*testing.T, *fixture){
	"a verdict comes back as it was saved, also after a restart": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1), loud(2))
		want := answer(1, store.FalseAlarm)
		want.Version = 1
		wantEqual(t, "saved", f.saveVerdict(answer(1, store.FalseAlarm)), want)
		for range 2 {
			wantEqual(t, "verdicts", f.verdictsOn(loud(1).ID, loud(2).ID, "nobody"), map[string]store.Verdict{want.AlertID: want})
			f.reopen()
		}
		wantEqual(t, "verdicts on nothing", f.verdictsOn(), map[string]store.Verdict{})
	},
	"who knows the version may change the answer": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		v := f.saveVerdict(answer(1, store.FalseAlarm))
		v.Answer, v.Note, v.By, v.At = store.Confirmed, "", "李强", v.At.Add(time.Minute)
		changed := f.saveVerdict(v)
		v.Version = 2
		wantEqual(t, "changed", changed, v)
		wantEqual(t, "kept", f.verdictsOn(v.AlertID), map[string]store.Verdict{v.AlertID: v})
	},
	"who does not know the version is shown what is kept, and nothing changes": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1), loud(2))
		present := f.saveVerdict(answer(1, store.FalseAlarm))
		for _, version := range []int64{0, 2, -1} {
			late := answer(1, store.Confirmed)
			late.Version = version
			got, err := f.SaveVerdict(t.Context(), late)
			if !errors.Is(err, store.ErrConflict) {
				t.Errorf("version %d: error %v, want ErrConflict", version, err)
			}
			wantEqual(t, "shown to the loser", got, present)
		}
		early := answer(2, store.Confirmed)
		early.Version = 1
		got, err := f.SaveVerdict(t.Context(), early)
		if !errors.Is(err, store.ErrConflict) {
			t.Errorf("a change of no answer: error %v, want ErrConflict", err)
		}
		wantEqual(t, "shown for no answer", got, store.Verdict{})
		wantEqual(t, "kept", f.verdictsOn(loud(1).ID, loud(2).ID), map[string]store.Verdict{present.AlertID: present})
	},
	"of many who answer at once one wins and the others see it": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		const people = 8
		won, seen := make(chan store.Verdict, people), make(chan store.Verdict, people)
		together(t, people, func(i int) error {
			v := answer(1, store.Answers[i%len(store.Answers)])
			v.At = v.At.Add(time.Duration(i) * time.Second)
			got, err := f.SaveVerdict(t.Context(), v)
			switch {
			case err == nil:
				won <- got
			case errors.Is(err, store.ErrConflict):
				seen <- got
			default:
				return err
			}
			return nil
		})
		if len(won) != 1 {
			t.Fatalf("%d won, want 1", len(won))
		}
		winner := <-won
		for range people - 1 {
			wantEqual(t, "seen by a loser", <-seen, winner)
		}
	},
	"an alert that is not there has no verdict": func(t *testing.T, f *fixture) {
		if _, err := f.SaveVerdict(t.Context(), answer(1, store.Confirmed)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	},
	"verdicts are found by rule, kind and when the alert was raised, the newest first": func(t *testing.T, f *fixture) {
		a, b, c := loud(1), loud(2), loud(3)
		b.Rule, c.Kind = "noise_night", "pm25"
		f.saveAlerts(1, a, b, c)
		v, w, x := f.saveVerdict(answer(1, store.Confirmed)), f.saveVerdict(answer(2, store.FalseAlarm)), f.saveVerdict(answer(3, store.FalseAlarm))
		wantEqual(t, "all", f.verdictsOf(store.VerdictQuery{}, 10), []store.Verdict{x, w, v})
		wantEqual(t, "newest", f.verdictsOf(store.VerdictQuery{}, 1), []store.Verdict{x})
		wantEqual(t, "of a rule", f.verdictsOf(store.VerdictQuery{Rule: "noise_night"}, 10), []store.Verdict{w})
		wantEqual(t, "of a kind", f.verdictsOf(store.VerdictQuery{Kind: "noise"}, 10), []store.Verdict{w, v})
		wantEqual(t, "of a time", f.verdictsOf(store.VerdictQuery{From: b.RaisedAt, To: c.RaisedAt}, 10), []store.Verdict{w})
	},
	"a tally counts alerts and answers, and no alert that became part of another": func(t *testing.T, f *fixture) {
		var alerts []store.Alert
		for n := range 6 {
			a := loud(n)
			a.MergedInto = ""
			alerts = append(alerts, a)
		}
		alerts[4].MergedInto, alerts[5].Rule = alerts[0].ID, "noise_night"
		f.saveAlerts(1, alerts...)
		f.saveVerdict(answer(0, store.Confirmed))
		f.saveVerdict(answer(1, store.FalseAlarm))
		f.saveVerdict(answer(2, store.FalseAlarm))
		f.saveVerdict(answer(4, store.FalseAlarm))
		loudTally := store.Tally{Rule: "noise_loud", Kind: "noise", Raised: 4, Confirmed: 1, FalseAlarms: 2}
		night := store.Tally{Rule: "noise_night", Kind: "noise", Raised: 1}
		wantEqual(t, "all", f.tally(store.VerdictQuery{}), []store.Tally{loudTally, night})
		wantEqual(t, "of a rule", f.tally(store.VerdictQuery{Rule: "noise_night", Kind: "noise"}), []store.Tally{night})
		wantEqual(t, "of a time", f.tally(store.VerdictQuery{From: alerts[1].RaisedAt, To: alerts[3].RaisedAt}),
			[]store.Tally{{Rule: "noise_loud", Kind: "noise", Raised: 2, FalseAlarms: 2}})
		wantEqual(t, "of nothing", f.tally(store.VerdictQuery{Rule: "other"}), []store.Tally(nil))
		if share, ok := loudTally.FalseAlarmShare(); !ok || share != 2.0/3 {
			t.Errorf("share %v, %v, want 2/3", share, ok)
		}
		if share, ok := night.FalseAlarmShare(); ok {
			t.Errorf("share %v without an answer, want none", share)
		}
	},
	"a tally of what is about the city leaves out what is about data": func(t *testing.T, f *fixture) {
		a, b, c := loud(1), loud(2), loud(3)
		a.Category, b.Category, c.Category = store.AboutCity, "", store.AboutQuality
		a.MergedInto, b.MergedInto, c.MergedInto = "", "", ""
		f.saveAlerts(1, a, b, c)
		f.saveVerdict(answer(3, store.Confirmed))
		wantEqual(t, "about the city", f.tally(store.VerdictQuery{Category: store.AboutCity}),
			[]store.Tally{{Rule: "noise_loud", Kind: "noise", Raised: 2}})
		wantEqual(t, "about data", f.tally(store.VerdictQuery{Category: store.AboutQuality}),
			[]store.Tally{{Rule: "noise_loud", Kind: "noise", Raised: 1, Confirmed: 1}})
	},
	"too many alerts at once are an invalid query": func(t *testing.T, f *fixture) {
		if _, err := f.VerdictsOn(t.Context(), make([]string, store.MaxAlerts+1)); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("error %v, want ErrInvalidQuery", err)
		}
		if got := f.verdictsOn(make([]string, store.MaxAlerts)...); len(got) != 0 {
			t.Errorf("found %v, want none", got)
		}
	},
}
