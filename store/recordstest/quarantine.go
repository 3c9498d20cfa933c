package recordstest

import (
	"fmt"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

func reject(n int, reason string) store.Reject {
	return store.Reject{
		At: noon.Add(time.Duration(n) * time.Millisecond), Reason: reason,
		Detail: fmt.Sprintf("detail %d", n), Topic: "urbangrid/v1/noise-1/obs",
		Payload: []byte{0, 0xff, '{', byte(n)}, Size: 1_000 + n,
	}
}

func (f *fixture) saveRejects(to uint64, entries ...store.RejectEntry) {
	f.t.Helper()
	if err := f.SaveRejects(f.t.Context(), store.Position{Journal: journal, Seq: to}, entries); err != nil {
		f.t.Fatalf("SaveRejects to %d: %v", to, err)
	}
}

func (f *fixture) rejects(reason string, before int64, limit int) []store.QuarantinedReject {
	f.t.Helper()
	got, err := f.Rejects(f.t.Context(), store.RejectQuery{Reason: reason}, before, limit)
	if err != nil {
		f.t.Fatalf("Rejects: %v", err)
	}
	return got
}

func (f *fixture) counts() map[string]int64 {
	f.t.Helper()
	got, err := f.RejectCounts(f.t.Context())
	if err != nil {
		f.t.Fatalf("RejectCounts: %v", err)
	}
	return got
}

func whole(found []store.QuarantinedReject) []store.Reject {
	var all []store.Reject
	for _, q := range found {
		all = append(all, q.Reject)
	}
	return all
}

var quarantinePromises = map[string]func(*testing.T, *fixture){
	"rejects come back whole, newest first, also after a restart": func(t *testing.T, f *fixture) {
		a, b, c := reject(1, "invalid"), reject(2, "late"), reject(3, "invalid")
		f.saveRejects(5, store.RejectEntry{Seq: 3, Rejects: []store.Reject{a, b}},
			store.RejectEntry{Seq: 5, Rejects: []store.Reject{c}})
		for range 2 {
			wantEqual(t, "rejects", whole(f.rejects("", 0, 10)), []store.Reject{c, b, a})
			wantEqual(t, "invalid ones", whole(f.rejects("invalid", 0, 10)), []store.Reject{c, a})
			wantEqual(t, "counts", f.counts(), map[string]int64{"invalid": 2, "late": 1})
			wantPosition(t, f.QuarantinePosition, journal, 5)
			f.reopen()
		}
	},
	"a page goes on where the one before ended": func(t *testing.T, f *fixture) {
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{
			reject(1, "invalid"), reject(2, "invalid"), reject(3, "late"), reject(4, "invalid")}})
		first := f.rejects("invalid", 0, 2)
		wantEqual(t, "first page", whole(first), []store.Reject{reject(4, "invalid"), reject(2, "invalid")})
		second := f.rejects("invalid", first[1].ID, 2)
		wantEqual(t, "second page", whole(second), []store.Reject{reject(1, "invalid")})
	},
	"entries at or before the position are not counted again": func(t *testing.T, f *fixture) {
		old := store.RejectEntry{Seq: 4, Rejects: []store.Reject{reject(1, "invalid")}}
		f.saveRejects(4, old)
		f.saveRejects(6, old, store.RejectEntry{Seq: 6, Rejects: []store.Reject{reject(2, "invalid")}})
		wantEqual(t, "counts", f.counts(), map[string]int64{"invalid": 2})
		f.saveRejects(2)
		wantPosition(t, f.QuarantinePosition, journal, 6)
	},
	"only the newest are kept whole and all are counted": func(t *testing.T, f *fixture) {
		var many []store.Reject
		for n := range store.QuarantineSize + 50 {
			many = append(many, reject(n, "invalid"))
		}
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: many[:20]})
		f.saveRejects(2, store.RejectEntry{Seq: 2, Rejects: many[20:]})
		f.saveRejects(3, store.RejectEntry{Seq: 3, Rejects: []store.Reject{reject(-1, "late")}})
		got := f.rejects("", 0, 2*store.QuarantineSize)
		if len(got) != store.QuarantineSize {
			t.Fatalf("%d rejects are kept, want %d", len(got), store.QuarantineSize)
		}
		wantEqual(t, "newest", got[0].Reject, reject(-1, "late"))
		wantEqual(t, "oldest", got[len(got)-1].Reject, many[51])
		wantEqual(t, "counts", f.counts(), map[string]int64{"invalid": store.QuarantineSize + 50, "late": 1})
	},
	"one call with more than fit keeps the newest of them": func(t *testing.T, f *fixture) {
		var many []store.Reject
		for n := range store.QuarantineSize + 5 {
			many = append(many, reject(n, "invalid"))
		}
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: many})
		got := f.rejects("", 0, 2*store.QuarantineSize)
		if len(got) != store.QuarantineSize {
			t.Fatalf("%d rejects are kept, want %d", len(got), store.QuarantineSize)
		}
		wantEqual(t, "oldest", got[len(got)-1].Reject, many[5])
		wantEqual(t, "counts", f.counts(), map[string]int64{"invalid": store.QuarantineSize + 5})
	},
	"a message that was kept whole comes back whole": func(t *testing.T, f *fixture) {
		with, without := reject(1, "bad_field"), reject(2, "bad_field")
		with.Message = []byte("{\x00\xff")
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{with, without}})
		wantEqual(t, "rejects", whole(f.rejects("", 0, 10)), []store.Reject{without, with})
	},
	"rejects are found by what they are of": func(t *testing.T, f *fixture) {
		a, b, c := reject(1, "bad_json"), reject(2, "no_position"), reject(3, "bad_json")
		a.Device, b.Device, b.Message = "noise-1", "noise-2", []byte("{}")
		b.Detail, c.Topic = "100% 没有位置", "x/LOUD_1/y"
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{a, b, c}})
		f.reopen()
		first := f.rejects("", 0, 10)
		for _, q := range []struct {
			store.RejectQuery
			want []store.Reject
		}{
			{store.RejectQuery{Device: "noise-2"}, []store.Reject{b}},
			{store.RejectQuery{ID: first[2].ID}, []store.Reject{a}},
			{store.RejectQuery{Text: "loud_1"}, []store.Reject{c}},
			{store.RejectQuery{Text: "0% 没"}, []store.Reject{b}},
			{store.RejectQuery{Text: "lou_1"}, nil},
			{store.RejectQuery{Reason: "bad_json", From: a.At.Add(time.Microsecond)}, []store.Reject{c}},
			{store.RejectQuery{To: b.At}, []store.Reject{a}},
		} {
			got, err := f.Rejects(t.Context(), q.RejectQuery, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			wantEqual(t, fmt.Sprintf("rejects of %+v", q.RejectQuery), whole(got), q.want)
		}
		kept, err := f.KeptRejects(t.Context(), store.RejectQuery{})
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "kept", kept, map[string]store.KeptCount{"bad_json": {Kept: 2}, "no_position": {Kept: 1, Readable: 1}})
		readable, err := f.ReadableRejects(t.Context(), store.RejectQuery{Device: "noise-2"}, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "readable", whole(readable), []store.Reject{b})
	},
	"a reject without payload is kept": func(t *testing.T, f *fixture) {
		r := reject(1, "empty")
		r.Payload = nil
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{r}})
		if got := f.rejects("", 0, 1); len(got) != 1 || len(got[0].Payload) != 0 {
			t.Errorf("rejects %+v, want one without payload", got)
		}
	},
}
