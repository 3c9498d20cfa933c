package recordstest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// act is a command on alert 1, minutes after noon, by somebody who knows version
// known.
func act(action store.HandlingAction, known int64, minutes int) store.HandlingCommand {
	c := store.HandlingCommand{
		AlertID: loud(1).ID, Action: action, By: "王芳", Note: "note of " + string(action),
		At: noon.Add(time.Duration(minutes) * time.Minute), Known: known,
	}
	if action == store.ActDispatch {
		c.To = store.Destination{Area: "310107005", Unit: "城管中队"}
	}
	if action == store.ActMute {
		m := quiet(1)
		c.Mute = &m
	}
	return c
}

func (f *fixture) handle(c store.HandlingCommand) store.Handled {
	f.t.Helper()
	done, err := f.Handle(f.t.Context(), c)
	if err != nil {
		f.t.Fatalf("Handle(%+v): %v", c, err)
	}
	return done
}

func (f *fixture) log(alert string) []store.HandlingEntry {
	f.t.Helper()
	entries, err := f.HandlingLog(f.t.Context(), alert, 0, store.MaxHandlingEntries)
	if err != nil {
		f.t.Fatalf("HandlingLog: %v", err)
	}
	return entries
}

func entry(c store.HandlingCommand, seq int64, state store.HandlingState) store.HandlingEntry {
	e := store.HandlingEntry{
		AlertID: c.AlertID, Seq: seq, At: c.At, By: c.By, Action: c.Action, Note: c.Note, To: c.To, State: state,
	}
	if c.Mute != nil {
		e.Mute = c.Mute.ID
	}
	return e
}

var handlingPromises = map[string]func(*testing.T, *fixture){
	"how soon alerts were taken up is told of those that are known": func(t *testing.T, f *fixture) {
		cleared := loud(3)
		cleared.State, cleared.ClearedAt = store.AlertClosed, cleared.RaisedAt.Add(time.Hour)
		f.saveAlerts(1, loud(1), loud(2), cleared)
		done := act(store.ActClose, 0, 20)
		f.handle(done)
		f.handle(act(store.ActReopen, 1, 30))
		f.handle(act(store.ActClose, 2, 40))
		f.handle(act(store.ActReopen, 3, 50))
		got, err := f.TakeUpsOf(t.Context(), []string{loud(1).ID, loud(2).ID, cleared.ID, "unknown"})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "take-ups", got, map[string]store.TakeUp{
			loud(1).ID: {Severity: loud(1).Severity, Raised: loud(1).RaisedAt, Taken: done.At, Reopened: 2},
			loud(2).ID: {Severity: loud(2).Severity, Raised: loud(2).RaisedAt},
			cleared.ID: {Severity: cleared.Severity, Raised: cleared.RaisedAt, Cleared: cleared.ClearedAt},
		})
		if none, err := f.TakeUpsOf(t.Context(), nil); err != nil || len(none) != 0 {
			t.Errorf("no alerts gave %v, %v", none, err)
		}
	},
	"what people do about an alert is in its log and in its handling, also after a restart": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1), loud(2))
		acknowledge, dispatch, mute := act(store.ActAcknowledge, 0, 1), act(store.ActDispatch, 1, 2), act(store.ActMute, 2, 3)
		comment, falseAlarm := act(store.ActComment, 3, 4), act(store.ActFalseAlarm, 4, 5)
		comment.By, falseAlarm.By = "李强", "李强"
		for _, c := range []store.HandlingCommand{acknowledge, dispatch, mute, comment, falseAlarm} {
			f.handle(c)
		}
		want := store.Handling{
			State: store.HandlingDone, Version: 5, By: "李强", At: falseAlarm.At, To: dispatch.To, Answer: store.FalseAlarm,
		}
		for range 2 {
			wantEqual(t, "log", f.log(loud(1).ID), []store.HandlingEntry{
				entry(acknowledge, 1, store.HandlingAcknowledged), entry(dispatch, 2, store.HandlingDispatched),
				entry(mute, 3, store.HandlingDispatched), entry(comment, 4, store.HandlingDispatched),
				entry(falseAlarm, 5, store.HandlingDone),
			})
			wantEqual(t, "handling", f.findAlerts(store.AlertQuery{ID: loud(1).ID})[0].Handling, want)
			wantEqual(t, "handling of another", f.findAlerts(store.AlertQuery{ID: loud(2).ID})[0], loud(2))
			wantEqual(t, "mutes", f.listMutes(store.MuteQuery{}), []store.Mute{quiet(1)})
			wantEqual(t, "verdict", f.verdictsOn(loud(1).ID)[loud(1).ID], store.Verdict{
				AlertID: loud(1).ID, Answer: store.FalseAlarm, By: "李强", Note: falseAlarm.Note, At: falseAlarm.At, Version: 1,
			})
			f.reopen()
		}
		page, err := f.HandlingLog(t.Context(), loud(1).ID, 2, 2)
		if err != nil || len(page) != 2 || page[0].Seq != 3 || page[1].Seq != 4 {
			t.Errorf("page after 2: %+v, %v, want entries 3 and 4", page, err)
		}
		wantEqual(t, "log of nobody", f.log("nobody"), []store.HandlingEntry(nil))
	},
	"the second of two who act on the same version is refused and sees the first": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		first := f.handle(act(store.ActAcknowledge, 0, 1))
		for _, known := range []int64{0, 2} {
			got, err := f.Handle(t.Context(), act(store.ActFalseAlarm, known, 2))
			if !errors.Is(err, store.ErrConflict) {
				t.Fatalf("error %v, want ErrConflict", err)
			}
			wantEqual(t, "present alert", got.Alert, first.Alert)
		}
		wantEqual(t, "verdicts", f.verdictsOn(loud(1).ID), map[string]store.Verdict{})
		if n := len(f.log(loud(1).ID)); n != 1 {
			t.Errorf("log has %d entries, want 1", n)
		}
		blind := act(store.ActComment, store.AnyVersion, 3)
		if got := f.handle(blind); got.Entry.Seq != 2 {
			t.Errorf("comment on any version is entry %d, want 2", got.Entry.Seq)
		}
	},
	"of many who act at once on the same version exactly one is taken": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		taken := make(chan string, 8)
		together(t, 8, func(i int) error {
			c := act(store.ActAcknowledge, 0, 1)
			c.By = fmt.Sprintf("operator %d", i)
			_, err := f.Handle(t.Context(), c)
			if err == nil {
				taken <- c.By
			}
			if errors.Is(err, store.ErrConflict) {
				return nil
			}
			return err
		})
		close(taken)
		winner := <-taken
		if another, more := <-taken; more {
			t.Errorf("%s and %s were both taken", winner, another)
		}
		if got := f.log(loud(1).ID); len(got) != 1 || got[0].By != winner {
			t.Errorf("log %+v, want one entry of %s", got, winner)
		}
	},
	"a command of the same key is taken once": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1), loud(2))
		c := act(store.ActMute, 0, 1)
		c.Key = "k1"
		first := f.handle(c)
		f.handle(act(store.ActComment, 1, 2))
		again := c
		again.At = c.At.Add(time.Hour)
		other := quiet(2)
		again.Mute = &other
		got := f.handle(again)
		if !got.Repeated || first.Repeated {
			t.Errorf("repeated %v then %v, want false then true", first.Repeated, got.Repeated)
		}
		wantEqual(t, "entry", got.Entry, first.Entry)
		if got.Alert.Handling.Version != 2 {
			t.Errorf("present version %d, want 2", got.Alert.Handling.Version)
		}
		wantEqual(t, "mutes", f.listMutes(store.MuteQuery{}), []store.Mute{quiet(1)})
		again.Note = "another"
		if _, err := f.Handle(t.Context(), again); !errors.Is(err, store.ErrKeyReused) {
			t.Errorf("another command with the same key: %v, want ErrKeyReused", err)
		}
		c.AlertID, c.Mute = loud(2).ID, nil
		if got := f.handle(c); got.Repeated {
			t.Error("the same key on another alert was taken for a repetition")
		}
	},
	"what means nothing in the present state is refused": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		if _, err := f.Handle(t.Context(), act(store.ActReopen, 0, 1)); !errors.Is(err, store.ErrNotApplicable) {
			t.Errorf("reopening what is new: %v, want ErrNotApplicable", err)
		}
		closed := f.handle(act(store.ActClose, 0, 1))
		got, err := f.Handle(t.Context(), act(store.ActDispatch, 1, 2))
		if !errors.Is(err, store.ErrNotApplicable) {
			t.Errorf("dispatching what is done: %v, want ErrNotApplicable", err)
		}
		wantEqual(t, "present alert", got.Alert, closed.Alert)
		if got := f.handle(act(store.ActReopen, 1, 3)).Alert.Handling; got.State != store.HandlingAcknowledged || got.Version != 2 {
			t.Errorf("reopened %+v, want acknowledged", got)
		}
		unknown := act(store.ActClose, 0, 1)
		unknown.AlertID = "nobody"
		if _, err := f.Handle(t.Context(), unknown); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("unknown alert: %v, want ErrNotFound", err)
		}
		bad := act(store.ActMute, 2, 4)
		bad.Mute.To = bad.Mute.From
		if _, err := f.Handle(t.Context(), bad); !errors.Is(err, store.ErrInvalidMute) {
			t.Errorf("invalid mute: %v, want ErrInvalidMute", err)
		}
	},
	"handling goes over the outbox in its order among the revisions, and rules do not touch it": func(t *testing.T, f *fixture) {
		raised := loud(1)
		closed := next(raised, store.AlertClosed)
		f.saveAlerts(1, raised)
		acknowledged := f.handle(act(store.ActAcknowledge, 0, 1)).Alert
		f.saveAlerts(2, closed)
		cleared := closed
		cleared.Handling = acknowledged.Handling
		done := f.handle(act(store.ActClose, 1, 2)).Alert
		var got []store.Alert
		for _, e := range f.outbox() {
			got = append(got, e.Alert)
		}
		wantEqual(t, "outbox", got, []store.Alert{raised, acknowledged, cleared, done})
		if done.Handling.State != store.HandlingDone || done.State != store.AlertClosed {
			t.Errorf("alert %+v, want cleared and done", done)
		}
	},
	"an answer is logged, and those that were saved by themselves too": func(t *testing.T, f *fixture) {
		f.saveAlerts(1, loud(1))
		v := f.saveVerdict(answer(1, store.Confirmed))
		got := f.findAlerts(store.AlertQuery{ID: v.AlertID})[0].Handling
		wantEqual(t, "handling", got, store.Handling{
			State: store.HandlingAcknowledged, Version: 1, By: v.By, At: v.At, Answer: store.Confirmed,
		})
		f.handle(act(store.ActFalseAlarm, 1, 90))
		if kept := f.verdictsOn(v.AlertID)[v.AlertID]; kept.Answer != store.FalseAlarm || kept.Version != 2 {
			t.Errorf("verdict %+v, want the false alarm as version 2", kept)
		}
		if n := len(f.outbox()); n != 3 {
			t.Errorf("outbox has %d entries, want those of the alert and two answers", n)
		}
	},
	"alerts are found by handling, severity, rule, person, muting, text and areas within": func(t *testing.T, f *fixture) {
		a, b, c := loud(1), loud(2), loud(3)
		a.Area, b.Area, c.Area = "310107005001", "310107014", "x310107"
		b.Severity, b.Rule, b.Muted = store.Critical, "noise_night", false
		c.Reason.EN = "100% Sure_Thing"
		f.saveAlerts(1, a, b, c)
		a = f.handle(act(store.ActAcknowledge, 0, 1)).Alert
		yes, no := true, false
		for what, want := range map[string]struct {
			q     store.AlertQuery
			found []store.Alert
		}{
			"new":              {store.AlertQuery{Handling: []store.HandlingState{store.HandlingNew}}, []store.Alert{c, b}},
			"in hand":          {store.AlertQuery{Handling: []store.HandlingState{store.HandlingAcknowledged, store.HandlingDispatched}}, []store.Alert{a}},
			"critical or mild": {store.AlertQuery{Severities: []store.Severity{store.Critical, store.Notice}}, []store.Alert{b}},
			"of a rule":        {store.AlertQuery{Rule: "noise_night"}, []store.Alert{b}},
			"of a person":      {store.AlertQuery{By: "王芳"}, []store.Alert{a}},
			"muted":            {store.AlertQuery{Muted: &yes}, []store.Alert{c, a}},
			"not muted":        {store.AlertQuery{Muted: &no}, []store.Alert{b}},
			"text":             {store.AlertQuery{Text: "0% sure_t"}, []store.Alert{c}},
			"no wildcard":      {store.AlertQuery{Text: "0%sure"}, nil},
			"place":            {store.AlertQuery{Text: "DEVICE/NOISE-2"}, []store.Alert{b}},
			"of a district":    {store.AlertQuery{Area: "310107"}, []store.Alert{b, a}},
			"of a subdistrict": {store.AlertQuery{Area: "310107005"}, []store.Alert{a}},
			"of another area":  {store.AlertQuery{Area: "x310107"}, []store.Alert{c}},
		} {
			wantEqual(t, what, f.findAlerts(want.q), want.found)
		}
	},
}
