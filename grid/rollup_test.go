package grid_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
)

type sample struct {
	value float64
	at    time.Time
}

// samples draws whole values, so that sums are exact, and few distinct times,
// so that ties are common.
func samples(t *rapid.T) []sample {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) sample {
		return sample{
			value: float64(rapid.IntRange(-1_000_000, 1_000_000).Draw(t, "value")),
			at:    time.UnixMicro(rapid.Int64Range(0, 5).Draw(t, "at")).UTC(),
		}
	}), 0, 30).Draw(t, "samples")
}

func TestRollup_OrderAndGroupingDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := samples(t)
		var want grid.Rollup
		for _, s := range all {
			want.Add(s.value, s.at)
		}
		// Fold a random permutation as a random tree: merge two random parts
		// until one is left. Empty parts are among them.
		parts := make([]grid.Rollup, rapid.IntRange(1, 4).Draw(t, "empty parts"))
		for _, s := range rapid.Permutation(all).Draw(t, "order") {
			var r grid.Rollup
			r.Add(s.value, s.at)
			parts = append(parts, r)
		}
		for len(parts) > 1 {
			i := rapid.IntRange(0, len(parts)-2).Draw(t, "left")
			j := rapid.IntRange(i+1, len(parts)-1).Draw(t, "right")
			parts[i].Merge(parts[j])
			parts = append(parts[:j], parts[j+1:]...)
		}
		if parts[0] != want {
			t.Fatalf("got %+v, want %+v", parts[0], want)
		}
	})
}

func TestRollup_SumsUp(t *testing.T) {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	var r grid.Rollup
	if _, ok := r.Mean(); ok {
		t.Error("nothing has a mean")
	}
	r.Add(3, at.Add(time.Second))
	r.Add(-1, at.Add(2*time.Second))
	r.Add(7, at)
	want := grid.Rollup{Count: 3, Sum: 9, Min: -1, Max: 7, Last: -1, LastAt: at.Add(2 * time.Second)}
	if r != want {
		t.Errorf("got %+v, want %+v", r, want)
	}
	if m, ok := r.Mean(); !ok || m != 3 {
		t.Errorf("mean is %v, want 3", m)
	}
}

func TestSpan_StartRoundsDownOnBothSidesOfTheEpoch(t *testing.T) {
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	tests := []struct {
		span       grid.Span
		give, want string
	}{
		{grid.TenSeconds, "2026-11-22T08:00:09.999999Z", "2026-11-22T08:00:00Z"},
		{grid.TenSeconds, "2026-11-22T08:00:10Z", "2026-11-22T08:00:10Z"},
		{grid.TenSeconds, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
		{grid.TenSeconds, "1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:50Z"},
		{grid.TenSeconds, "1969-12-31T23:59:50Z", "1969-12-31T23:59:50Z"},
		{grid.OneMinute, "1969-12-31T23:59:30Z", "1969-12-31T23:59:00Z"},
		{grid.OneHour, "1969-12-31T22:59:59+08:00", "1969-12-31T14:00:00Z"},
	}
	for _, tt := range tests {
		if got := tt.span.Start(at(tt.give)); !got.Equal(at(tt.want)) || got.Location() != time.UTC {
			t.Errorf("%v.Start(%s) = %s, want %s", time.Duration(tt.span), tt.give, got, tt.want)
		}
	}
}

func TestSpan_StartContainsItsTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-1e16, 1e16).Draw(t, "at"))
		for i, span := range grid.Spans {
			start := span.Start(at)
			if d := at.Sub(start); d < 0 || d >= time.Duration(span) {
				t.Fatalf("%v lies %v after the start of its window", at, d)
			}
			if i > 0 && !span.Start(grid.Spans[i-1].Start(at)).Equal(start) {
				t.Fatalf("the windows of %v do not nest", at)
			}
		}
	})
}
