package recordstest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// quiet is a full mute number n, in force from noon for n hours.
func quiet(n int) store.Mute {
	return store.Mute{
		ID: fmt.Sprintf("019b0000-0000-7000-8000-%012d", n), Purpose: store.MuteAlerts,
		Kind: "noise", Area: "310107005", Device: "noise-1", Cell: 0x89309930a0bffff, Rule: "noise_loud",
		From: noon, To: noon.Add(time.Duration(n) * time.Hour), Reason: "路面施工", By: "王芳", CreatedAt: noon.Add(-time.Minute),
	}
}

func (f *fixture) addMutes(mutes ...store.Mute) {
	f.t.Helper()
	for _, m := range mutes {
		if _, err := f.AddMute(f.t.Context(), m); err != nil {
			f.t.Fatalf("AddMute(%+v): %v", m, err)
		}
	}
}

func (f *fixture) listMutes(q store.MuteQuery) []store.Mute {
	f.t.Helper()
	found, err := f.ListMutes(f.t.Context(), q)
	if err != nil {
		f.t.Fatalf("ListMutes(%+v): %v", q, err)
	}
	return found
}

func (f *fixture) endMute(id string, at time.Time) store.Mute {
	f.t.Helper()
	m, err := f.EndMute(f.t.Context(), id, "李强", at)
	if err != nil {
		f.t.Fatalf("EndMute(%s, %s): %v", id, at, err)
	}
	return m
}

var mutePromises = map[string]func(*testing.T, *fixture){
	"a mute comes back as it was added, also after a restart": func(t *testing.T, f *fixture) {
		all := store.Mute{ID: "019c", Purpose: store.Maintenance, All: true, From: noon, To: noon.Add(time.Hour)}
		f.addMutes(quiet(1), all)
		for range 2 {
			wantEqual(t, "mutes", f.listMutes(store.MuteQuery{}), []store.Mute{all, quiet(1)})
			f.reopen()
		}
	},
	"an invalid mute is not kept": func(t *testing.T, f *fixture) {
		m := quiet(1)
		m.To = m.From
		if _, err := f.AddMute(t.Context(), m); !errors.Is(err, store.ErrInvalidMute) {
			t.Errorf("error %v, want ErrInvalidMute", err)
		}
		wantEqual(t, "mutes", f.listMutes(store.MuteQuery{}), []store.Mute(nil))
	},
	"the same mute added again changes nothing, another of its id is refused": func(t *testing.T, f *fixture) {
		f.addMutes(quiet(1), quiet(1))
		other := quiet(1)
		other.Reason = "another"
		if _, err := f.AddMute(t.Context(), other); !errors.Is(err, store.ErrConflict) {
			t.Errorf("error %v, want ErrConflict", err)
		}
		wantEqual(t, "mutes", f.listMutes(store.MuteQuery{}), []store.Mute{quiet(1)})
	},
	"a mute ends when it is told to, never later than it would have": func(t *testing.T, f *fixture) {
		f.addMutes(quiet(4))
		want := quiet(4)
		want.To = noon.Add(time.Hour)
		want.EndedBy, want.EndedAt = "李强", want.To
		wantEqual(t, "ended", f.endMute(want.ID, want.To), want)
		wantEqual(t, "ended later", f.endMute(want.ID, want.To.Add(time.Hour)), want)
		wantEqual(t, "mutes", f.listMutes(store.MuteQuery{}), []store.Mute{want})
		if _, err := f.EndMute(t.Context(), "nobody", "李强", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	},
	"a mute that is ended before it begins was never in force": func(t *testing.T, f *fixture) {
		f.addMutes(quiet(1))
		want := quiet(1)
		want.To = want.From
		want.EndedBy, want.EndedAt = "李强", noon.Add(-time.Hour)
		wantEqual(t, "ended", f.endMute(want.ID, noon.Add(-time.Hour)), want)
		wantEqual(t, "in force", f.listMutes(store.MuteQuery{From: noon.Add(-time.Hour), To: noon.Add(time.Hour)}), []store.Mute(nil))
		wantEqual(t, "all", f.listMutes(store.MuteQuery{}), []store.Mute{want})
	},
	"a mute remembers who ended it first, and one that ran out has nobody": func(t *testing.T, f *fixture) {
		f.addMutes(quiet(1), quiet(2), quiet(3))
		f.endMute(quiet(1).ID, noon.Add(2*time.Hour)) // it was over already
		soon := noon.Add(-time.Minute)
		for _, by := range []string{"李强", "王芳"} {
			m, err := f.EndMute(t.Context(), quiet(3).ID, by, soon)
			if err != nil || m.EndedBy != "李强" || !m.EndedAt.Equal(soon) {
				t.Errorf("ended by %s: %+v, %v; want it ended by the first", by, m, err)
			}
		}
		f.reopen()
		ended := f.listMutes(store.MuteQuery{Ended: true})
		if len(ended) != 1 || ended[0].ID != quiet(3).ID || ended[0].EndedBy != "李强" {
			t.Errorf("ended before their time: %+v, want the third", ended)
		}
		if all := f.listMutes(store.MuteQuery{}); len(all) != 3 || all[2].EndedBy != "" || !all[2].EndedAt.IsZero() {
			t.Errorf("all: %+v, want the first to have run out", all)
		}
	},
	"of two requests with one key the second adds nothing, and may not ask for something else": func(t *testing.T, f *fixture) {
		first, second, other := quiet(1), quiet(2), quiet(3)
		first.Key, second.Key, other.Key = "k-1", "k-1", "k-1"
		first.Wish, second.Wish, other.Wish = "a", "a", "b"
		f.addMutes(first)
		f.endMute(first.ID, noon.Add(time.Minute))
		f.reopen()
		got, err := f.AddMute(t.Context(), second)
		if err != nil || got.ID != first.ID || got.EndedBy != "李强" {
			t.Errorf("the same again: %+v, %v; want the first as it is now", got, err)
		}
		if _, err := f.AddMute(t.Context(), other); !errors.Is(err, store.ErrKeyReused) {
			t.Errorf("another wish with the key: %v, want ErrKeyReused", err)
		}
		f.addMutes(quiet(4), quiet(5)) // without a key each is its own
		if n := len(f.listMutes(store.MuteQuery{})); n != 3 {
			t.Errorf("%d mutes are kept, want 3", n)
		}
	},
	"mutes are found by when they are in force": func(t *testing.T, f *fixture) {
		f.addMutes(quiet(1), quiet(2))
		for _, c := range []struct {
			from, to time.Duration
			want     []store.Mute
		}{
			{0, 3 * time.Hour, []store.Mute{quiet(2), quiet(1)}},
			{time.Hour, 3 * time.Hour, []store.Mute{quiet(2)}},
			{2 * time.Hour, 3 * time.Hour, nil},
			{-time.Hour, 0, nil},
			{-time.Hour, time.Microsecond, []store.Mute{quiet(2), quiet(1)}},
		} {
			q := store.MuteQuery{From: noon.Add(c.from), To: noon.Add(c.to)}
			wantEqual(t, fmt.Sprintf("from %s to %s", c.from, c.to), f.listMutes(q), c.want)
		}
	},
	"pages of mutes have no gap and no overlap": func(t *testing.T, f *fixture) {
		var want, got []store.Mute
		for n := 5; n > 0; n-- {
			want = append(want, quiet(n))
		}
		f.addMutes(want...)
		q := store.MuteQuery{Limit: 2}
		for page := f.listMutes(q); len(page) > 0; page = f.listMutes(q) {
			got = append(got, page...)
			q.Before = page[len(page)-1].ID
		}
		wantEqual(t, "all pages", got, want)
		for _, limit := range []int{-1, store.MaxMutes + 1} {
			if _, err := f.ListMutes(t.Context(), store.MuteQuery{Limit: limit}); !errors.Is(err, store.ErrInvalidQuery) {
				t.Errorf("limit %d: error %v, want ErrInvalidQuery", limit, err)
			}
		}
	},
	"all mutes that are in force are found, however many": func(t *testing.T, f *fixture) {
		const devices = store.MaxMutes + 1
		for n := range devices {
			m := quiet(2)
			m.ID, m.Device = fmt.Sprintf("m-%06d", n), ""
			m.Rule = fmt.Sprintf("rule_%d", n)
			f.addMutes(m)
		}
		list, err := store.MutesBetween(t.Context(), f, noon, noon.Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		set := store.NewMuteSet(list)
		for _, n := range []int{0, 1, devices - 1} {
			a := loud(1)
			a.Rule, a.Cell = fmt.Sprintf("rule_%d", n), 0x8a309930a0affff
			if m := set.Mute(&a, noon); m == nil || m.Rule != a.Rule {
				t.Errorf("rule %d: muted by %+v, want its own mute", n, m)
			}
		}
	},
}
