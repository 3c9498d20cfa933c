package recordstest

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/store"
)

func (f *fixture) saveSetting(s store.Setting) store.Setting {
	f.t.Helper()
	kept, err := f.SaveSetting(f.t.Context(), s)
	if err != nil {
		f.t.Fatalf("SaveSetting(%+v): %v", s, err)
	}
	return kept
}

// loudness is a change of a rule by a person.
func loudness(version int64, value string) store.Setting {
	s := store.Setting{Section: "rule", Key: "noise_loud", Version: version, By: "王芳", Note: "夜市", At: noon}
	if value != "" {
		s.Value = []byte(value)
	}
	return s
}

var settingPromises = map[string]func(*testing.T, *fixture){
	"a setting comes back as it was saved, also after a restart": func(t *testing.T, f *fixture) {
		want := f.saveSetting(loudness(0, "raise: 80"))
		if want.Version != 1 {
			t.Errorf("first version is %d, want 1", want.Version)
		}
		f.reopen()
		got, err := f.Setting(t.Context(), "rule", "noise_loud")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("setting (-want +got):\n%s", diff)
		}
	},
	"of two who change a setting at once the second sees what the first said": func(t *testing.T, f *fixture) {
		first := f.saveSetting(loudness(0, "raise: 80"))
		for _, version := range []int64{0, 7} {
			second := loudness(version, "raise: 90")
			kept, err := f.SaveSetting(t.Context(), second)
			if !errors.Is(err, store.ErrConflict) {
				t.Fatalf("SaveSetting with version %d: error %v, want ErrConflict", version, err)
			}
			if diff := cmp.Diff(first, kept); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		}
		changes, err := f.SettingChanges(t.Context(), store.SettingQuery{})
		if err != nil || len(changes) != 1 {
			t.Errorf("%d changes, %v; want the one that was saved", len(changes), err)
		}
	},
	"a reset setting is not listed and its versions go on": func(t *testing.T, f *fixture) {
		f.saveSetting(loudness(0, "raise: 80"))
		f.saveSetting(loudness(1, ""))
		listed, err := f.ListSettings(t.Context(), "rule")
		if err != nil || len(listed) != 0 {
			t.Fatalf("listed %v, %v; want none", listed, err)
		}
		again := f.saveSetting(loudness(2, "raise: 70"))
		if again.Version != 3 {
			t.Errorf("version after a reset is %d, want 3", again.Version)
		}
		listed, err = f.ListSettings(t.Context(), "rule")
		if diff := cmp.Diff(map[string]store.Setting{"noise_loud": again}, listed); diff != "" || err != nil {
			t.Errorf("listed, %v (-want +got):\n%s", err, diff)
		}
	},
	"changes tell what held before, the newest first, page by page": func(t *testing.T, f *fixture) {
		f.saveSetting(loudness(0, "raise: 80"))
		f.saveSetting(loudness(1, "raise: 90"))
		f.saveSetting(loudness(2, ""))
		f.saveSetting(store.Setting{Section: "kind", Key: "noise", Value: []byte("x"), By: "李明", At: noon})
		q := store.SettingQuery{Section: "rule", Limit: 2}
		page, err := f.SettingChanges(t.Context(), q)
		if err != nil || len(page) != 2 {
			t.Fatalf("first page has %d changes, %v; want 2", len(page), err)
		}
		if page[0].Value != nil || string(page[0].Before) != "raise: 90" || string(page[1].Before) != "raise: 80" {
			t.Errorf("first page is %+v", page)
		}
		q.Before = page[1].ID
		page, err = f.SettingChanges(t.Context(), q)
		if err != nil || len(page) != 1 || page[0].Before != nil || string(page[0].Value) != "raise: 80" {
			t.Errorf("second page is %+v, %v", page, err)
		}
		if _, err := f.SettingChanges(t.Context(), store.SettingQuery{Limit: store.MaxSettingChanges + 1}); !errors.Is(err, store.ErrInvalidQuery) {
			t.Errorf("too long a page: %v, want ErrInvalidQuery", err)
		}
	},
	"a deed is among the changes, and no setting": func(t *testing.T, f *fixture) {
		for _, value := range []string{"issued", "issued", ""} {
			d := store.Setting{Section: "credential", Key: "gateway", By: "王芳", At: noon}
			if value != "" {
				d.Value = []byte(value)
			}
			if err := f.LogDeed(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		f.reopen()
		changes, err := f.SettingChanges(t.Context(), store.SettingQuery{Section: "credential", Key: "gateway"})
		if err != nil || len(changes) != 3 || changes[0].Version != 3 || changes[0].Value != nil || string(changes[0].Before) != "issued" || changes[2].By != "王芳" {
			t.Errorf("changes are %+v, %v; want three, the newest a reset", changes, err)
		}
		kept, err := f.Setting(t.Context(), "credential", "gateway")
		if err != nil || kept.Version != 0 {
			t.Errorf("the setting is %+v, %v; want none", kept, err)
		}
		listed, err := f.ListSettings(t.Context(), "credential")
		if err != nil || len(listed) != 0 {
			t.Errorf("listed %v, %v; want none", listed, err)
		}
	},
	"a secret is kept, replaced and removed": func(t *testing.T, f *fixture) {
		for _, secret := range []string{"", "geheim", "新密钥", ""} {
			if err := f.SaveSecrets(t.Context(), map[string]string{"channel/a": secret}); err != nil {
				t.Fatal(err)
			}
			if got, err := f.Secret(t.Context(), "channel/a"); got != secret || err != nil {
				t.Errorf("Secret = %q, %v; want %q", got, err, secret)
			}
		}
	},
	"a setting and its secrets are saved together or not at all": func(t *testing.T, f *fixture) {
		s := store.Setting{Section: "channel", Key: "a", Value: []byte("1"), By: "王芳", At: noon}
		kept, err := f.SaveSettingAndSecrets(t.Context(), s, map[string]string{"a/url": "x", "a/secret": "y"})
		if err != nil || kept.Version != 1 {
			t.Fatalf("saved %+v, %v", kept, err)
		}
		present, err := f.SaveSettingAndSecrets(t.Context(), s, map[string]string{"a/url": "z"})
		if !errors.Is(err, store.ErrConflict) || present.Version != 1 {
			t.Errorf("a second first change: %+v, %v; want ErrConflict", present, err)
		}
		s.Version = 1
		if _, err := f.SaveSettingAndSecrets(t.Context(), s, map[string]string{"a/secret": ""}); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{"a/url": "x", "a/secret": ""} {
			if got, err := f.Secret(t.Context(), name); got != want || err != nil {
				t.Errorf("secret %s is %q, %v; want %q", name, got, err, want)
			}
		}
	},
}

// message is a delivery to a channel that waits from noon on.
func message(channel, alert string, revision int64) store.Delivery {
	return store.Delivery{Channel: channel, Alert: alert, Revision: revision, Event: "raised", Payload: []byte(`{"id":"` + alert + `"}`),
		State: store.DeliveryWaiting, Next: noon, CreatedAt: noon}
}

func (f *fixture) queue(seq uint64, list ...store.Delivery) int {
	f.t.Helper()
	n, err := f.QueueDeliveries(f.t.Context(), store.Position{Journal: "log", Seq: seq}, list)
	if err != nil {
		f.t.Fatalf("QueueDeliveries: %v", err)
	}
	return n
}

func (f *fixture) due(at time.Time) []store.Delivery {
	f.t.Helper()
	channels, err := f.DueChannels(f.t.Context(), at)
	if err != nil {
		f.t.Fatalf("DueChannels: %v", err)
	}
	var due []store.Delivery
	for _, channel := range channels {
		found, err := f.DueDeliveries(f.t.Context(), channel, at, 10)
		if err != nil {
			f.t.Fatalf("DueDeliveries: %v", err)
		}
		due = append(due, found...)
	}
	return due
}

var deliveryPromises = map[string]func(*testing.T, *fixture){
	"a delivery is entered once with the position, also after a restart": func(t *testing.T, f *fixture) {
		if n := f.queue(5, message("a", "x", 1), message("b", "x", 1)); n != 2 {
			t.Errorf("entered %d, want 2", n)
		}
		f.reopen()
		if n := f.queue(4, message("a", "x", 1)); n != 0 {
			t.Errorf("entered %d again, want 0", n)
		}
		if p, err := f.DeliveryPosition(t.Context(), "log"); p.Seq != 5 || err != nil {
			t.Errorf("position is %v, %v; want 5", p, err)
		}
		got := f.due(noon)
		want := []store.Delivery{message("a", "x", 1), message("b", "x", 1)}
		for i := range want {
			want[i].ID = got[i].ID
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("due (-want +got):\n%s", diff)
		}
	},
	"an attempt that failed waits for its time, and one that has ended is not due": func(t *testing.T, f *fixture) {
		f.queue(1, message("a", "x", 1), message("a", "y", 1))
		both := f.due(noon)
		later, dead := both[0], both[1]
		later.Attempts, later.Next, later.Fault = 1, noon.Add(time.Minute), "503"
		dead.State, dead.Attempts, dead.EndedAt = store.DeliveryDead, 8, noon
		for _, d := range []store.Delivery{later, dead} {
			if err := f.SaveAttempt(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.due(noon); len(got) != 0 {
			t.Errorf("due at noon: %+v, want none", got)
		}
		if diff := cmp.Diff([]store.Delivery{later}, f.due(noon.Add(time.Minute))); diff != "" {
			t.Errorf("due a minute later (-want +got):\n%s", diff)
		}
		found, err := f.FindDeliveries(t.Context(), store.DeliveryQuery{State: store.DeliveryDead})
		if diff := cmp.Diff([]store.Delivery{dead}, found); diff != "" || err != nil {
			t.Errorf("dead, %v (-want +got):\n%s", err, diff)
		}
		counts, err := f.CountDeliveries(t.Context())
		want := map[string]map[store.DeliveryState]int{"a": {store.DeliveryWaiting: 1, store.DeliveryDead: 1}}
		if diff := cmp.Diff(want, counts); diff != "" || err != nil {
			t.Errorf("counts, %v (-want +got):\n%s", err, diff)
		}
		later.ID = 99
		if err := f.SaveAttempt(t.Context(), later); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("attempt of an unknown delivery: %v, want ErrNotFound", err)
		}
	},
	"a channel's due deliveries are found however many wait for another": func(t *testing.T, f *fixture) {
		var many []store.Delivery
		for i := range 30 {
			many = append(many, message("busy", strconv.Itoa(i), 1))
		}
		f.queue(1, many...)
		last := message("idle", "x", 1)
		last.Next = noon.Add(time.Minute)
		f.queue(2, last)
		if got := f.due(noon); len(got) != 10 || got[0].Channel != "busy" {
			t.Errorf("due at noon: %+v, want ten of the busy channel", got)
		}
		got := f.due(noon.Add(time.Minute))
		if len(got) != 11 || got[10].Channel != "idle" {
			t.Errorf("due a minute later are %d, want ten of the busy channel and one of the idle one", len(got))
		}
		found, err := f.FindDeliveries(t.Context(), store.DeliveryQuery{Channel: "busy", Alert: "7"})
		if err != nil || len(found) != 1 || found[0].Alert != "7" {
			t.Errorf("about one alert: %+v, %v", found, err)
		}
	},
	"a position at the beginning of a log differs from none": func(t *testing.T, f *fixture) {
		if p, err := f.DeliveryPosition(t.Context(), "log"); p != (store.Position{}) || err != nil {
			t.Errorf("position is %+v, %v; want none", p, err)
		}
		f.queue(0)
		f.reopen()
		if p, err := f.DeliveryPosition(t.Context(), "log"); p != (store.Position{Journal: "log"}) || err != nil {
			t.Errorf("position is %+v, %v; want the beginning of the log", p, err)
		}
	},
	"a withheld delivery has ended": func(t *testing.T, f *fixture) {
		f.queue(1, message("a", "x", 1))
		d := f.due(noon)[0]
		d.State, d.Fault, d.EndedAt = store.DeliveryWithheld, "muted", noon
		if err := f.SaveAttempt(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		if got := f.due(noon); len(got) != 0 {
			t.Errorf("due: %+v, want none", got)
		}
		if err := f.TrimDeliveries(t.Context(), noon.Add(time.Minute), 10); err != nil {
			t.Fatal(err)
		}
		if found, err := f.FindDeliveries(t.Context(), store.DeliveryQuery{}); len(found) != 0 || err != nil {
			t.Errorf("left after trimming: %+v, %v", found, err)
		}
	},
	"trimming removes what ended long ago and what is too much, never what waits": func(t *testing.T, f *fixture) {
		f.queue(1, message("a", "1", 1), message("a", "2", 1), message("a", "3", 1), message("a", "4", 1))
		for i, d := range f.due(noon) {
			if i == 0 {
				continue
			}
			d.State, d.EndedAt = store.DeliveryDelivered, noon.Add(time.Duration(i)*time.Hour)
			if err := f.SaveAttempt(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		left := func() (alerts []string) {
			found, err := f.FindDeliveries(t.Context(), store.DeliveryQuery{Channel: "a"})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range found {
				alerts = append(alerts, d.Alert)
			}
			return alerts
		}
		if err := f.TrimDeliveries(t.Context(), noon.Add(90*time.Minute), 10); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"4", "3", "1"}, left()); diff != "" {
			t.Errorf("after the first trim (-want +got):\n%s", diff)
		}
		if err := f.TrimDeliveries(t.Context(), noon, 1); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"4", "1"}, left()); diff != "" {
			t.Errorf("after the second trim (-want +got):\n%s", diff)
		}
		if err := f.DropDeliveries(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if got := left(); got != nil {
			t.Errorf("after the drop: %v", got)
		}
	},
}
