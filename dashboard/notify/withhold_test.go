package notify_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/store"
)

// know enters alerts in the records, as the engine does before they are in the log.
func (o *office) know(alerts ...store.Alert) {
	o.t.Helper()
	if err := o.records.SaveAlerts(o.t.Context(), store.Position{Journal: "journal", Seq: 1}, alerts); err != nil {
		o.t.Fatal(err)
	}
}

func closed(id string, revision int64) store.Alert {
	a := alert(id, revision, store.Critical)
	a.State, a.ClearedAt = store.AlertClosed, noon
	return a
}

func muted(id string, revision int64, severity store.Severity) store.Alert {
	a := alert(id, revision, severity)
	a.Muted = true
	return a
}

func TestNotifier_WithholdsWhatIsNotToBeSentAnyMoreWhenItsTurnComes(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*office, notify.Kept)
		want      string
	}{
		"the channel is switched off": {func(o *office, k notify.Kept) {
			k.On = false
			if _, err := o.Save(t.Context(), k.ID, k.Channel, notify.Secrets{}, notify.By{Who: "王芳", Version: k.Setting.Version}); err != nil {
				t.Fatal(err)
			}
		}, "the channel is off or wants other alerts now"},
		"a quiet hour has begun": {func(o *office, k notify.Kept) {
			k.Quiet = &notify.Quiet{From: "11:00", To: "13:00"}
			if _, err := o.Save(t.Context(), k.ID, k.Channel, notify.Secrets{}, notify.By{Who: "王芳", Version: k.Setting.Version}); err != nil {
				t.Fatal(err)
			}
		}, "it is a quiet hour"},
		"the alert is closed":          {func(o *office, _ notify.Kept) { o.know(closed("a", 2)) }, "the alert is over"},
		"the alert is marked as muted": {func(o *office, _ notify.Kept) { o.know(muted("a", 2, store.Warning)) }, "the alert is muted"},
		"somebody mutes its kind": {func(o *office, _ notify.Kept) {
			_, err := o.records.AddMute(t.Context(), store.Mute{ID: "m", Purpose: store.MuteAlerts, Kind: "noise", From: noon, To: noon.Add(time.Hour), By: "王芳", CreatedAt: noon})
			if err != nil {
				t.Fatal(err)
			}
		}, "the alert is muted"},
	} {
		t.Run(name, func(t *testing.T) {
			goOn := make(chan struct{})
			address, requests := listen(t, func(w http.ResponseWriter) {
				<-goOn
				w.WriteHeader(http.StatusServiceUnavailable)
			})
			o := newOffice(t, notify.Options{Now: func() time.Time { return noon }, Retries: []time.Duration{0, 0}})
			k := o.save(channel(notify.Webhook), notify.Secrets{URL: address})
			o.run()
			o.know(alert("a", 1, store.Warning))
			o.log.add(t, alert("a", 1, store.Warning))
			wait(t, "first attempt", requests)
			test.meanwhile(o, k)
			close(goOn)
			d := o.settled(1)[0]
			if d.State != store.DeliveryWithheld || d.Attempts != 1 || d.Fault != test.want || d.EndedAt.IsZero() {
				t.Errorf("message is %+v, want it withheld: %s", d, test.want)
			}
			if n := o.counted("withheld"); n != 1 || len(requests) != 0 {
				t.Errorf("counted %v withheld, %d more attempts; want 1 and none", n, len(requests))
			}
		})
	}
}

func TestNotifier_TellsOfWhatIsNewsWhenAnAlertIsMutedNoLonger(t *testing.T) {
	for name, test := range map[string]struct {
		log  []store.Alert
		want []string // newest first
	}{
		"raised while muted": {[]store.Alert{muted("a", 1, store.Warning), alert("a", 2, store.Warning)}, []string{"raised a 2"}},
		"risen while muted": {
			[]store.Alert{alert("a", 1, store.Warning), muted("a", 2, store.Critical), alert("a", 3, store.Critical)},
			[]string{"risen a 3", "raised a 1"},
		},
		"raised and risen while muted": {[]store.Alert{muted("a", 1, store.Warning), muted("a", 2, store.Critical), alert("a", 3, store.Critical)}, []string{"raised a 3"}},
		"as it was": {
			[]store.Alert{alert("a", 1, store.Critical), muted("a", 2, store.Warning), alert("a", 3, store.Critical)},
			[]string{"raised a 1"},
		},
		"over while muted": {[]store.Alert{muted("a", 1, store.Warning), closed("a", 2)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			address, _ := listen(t, status(http.StatusOK))
			o := newOffice(t, notify.Options{})
			o.save(channel(notify.Webhook), notify.Secrets{URL: address})
			o.run()
			for _, a := range test.log {
				o.log.add(t, a)
			}
			o.log.add(t, alert("last", 1, store.Critical))
			if diff := cmp.Diff(append([]string{"raised last 1"}, test.want...), told(o.settled(len(test.want)+1))); diff != "" {
				t.Errorf("messages, newest first (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNotifier_TellsThoseFromWhomAMutedAlertWasWithheld(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		goOn := make(chan struct{})
		slow, attempts := listen(t, func(w http.ResponseWriter) {
			<-goOn
			w.WriteHeader(http.StatusServiceUnavailable)
		}, status(http.StatusOK))
		quick, _ := listen(t, status(http.StatusOK))
		o := newOffice(t, notify.Options{})
		late := o.save(channel(notify.Webhook), notify.Secrets{URL: slow})
		o.save(channel(notify.Webhook), notify.Secrets{URL: quick})
		o.run()
		o.log.add(t, alert("a", 1, store.Warning))
		wait(t, "attempt that fails", attempts)
		o.know(muted("a", 2, store.Warning))
		close(goOn)
		o.settled(2)
		if restarts {
			o.stop()
			o.open()
			o.run()
		}
		o.know(alert("a", 3, store.Warning))
		o.log.add(t, alert("a", 3, store.Warning))
		wait(t, "message when it was muted no longer", attempts)
		all := o.settled(3)
		if d := all[0]; len(all) != 3 || d.Channel != late.ID || d.State != store.DeliveryDelivered || d.Event != "raised" || d.Revision != 3 {
			t.Errorf("restart %v: messages are %+v; want a third one, to the channel that was not told", restarts, all)
		}
	}
}

func TestNotifier_CriticalAlertsThatWaitedAreSentInQuietHoursThatLetThemThrough(t *testing.T) {
	goOn := make(chan struct{})
	address, requests := listen(t, func(w http.ResponseWriter) {
		<-goOn
		w.WriteHeader(http.StatusServiceUnavailable)
	}, status(http.StatusOK))
	o := newOffice(t, notify.Options{Now: func() time.Time { return noon }, Retries: []time.Duration{0}})
	k := o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	o.log.add(t, alert("a", 1, store.Critical))
	wait(t, "first attempt", requests)
	k.Quiet = &notify.Quiet{From: "11:00", To: "13:00", Critical: true}
	if _, err := o.Save(t.Context(), k.ID, k.Channel, notify.Secrets{}, notify.By{Who: "王芳", Version: 1}); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	if d := o.settled(1)[0]; d.State != store.DeliveryDelivered || d.Attempts != 2 {
		t.Errorf("message is %+v, want it delivered by the second attempt", d)
	}
}
