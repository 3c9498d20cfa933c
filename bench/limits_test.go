package bench_test

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/bench"
)

const limitedTime, limitedMemory = "live.viewers2000.age.p99", "live.viewers2000.rss_mb"

// runs returns a measure that gives one list of figures after the other.
func runs(t *testing.T, lists ...[]bench.Figure) (measure func() []bench.Figure, count *int) {
	t.Helper()
	count = new(int)
	return func() []bench.Figure {
		*count++
		if *count > len(lists) {
			t.Fatalf("measured %d times, want at most %d", *count, len(lists))
		}
		return lists[*count-1]
	}, count
}

func age(ms float64) bench.Figure {
	return bench.Figure{Name: limitedTime, Value: ms, Unit: "ms", Note: "age"}
}

func memory(mb float64) bench.Figure {
	return bench.Figure{Name: limitedMemory, Value: mb, Unit: "MB", Note: "memory"}
}

func TestHold_MeasuresOnceWithinTheLimits(t *testing.T) {
	measure, count := runs(t, []bench.Figure{age(1000), memory(400)})
	if got := bench.Hold(measure); bench.Exceeded(got) != nil || *count != 1 {
		t.Errorf("measured %d times with %v, want once within the limits", *count, bench.Exceeded(got))
	}
}

func TestHold_AllowsOneTimeToBeRepeated(t *testing.T) {
	measure, count := runs(t, []bench.Figure{age(1200.5), memory(390)}, []bench.Figure{age(700), memory(380)})
	got := bench.Hold(measure)
	want := []bench.Figure{
		{Name: limitedTime, Value: 700, Unit: "ms", Note: "age; measured twice, the other was 1200.5 ms"},
		{Name: limitedMemory, Value: 390, Unit: "MB", Note: "memory; measured twice, the other was 380 MB"},
	}
	if diff := cmp.Diff(want, got); diff != "" || *count != 2 {
		t.Errorf("measured %d times, -want +got:\n%s", *count, diff)
	}
	if err := bench.Exceeded(got); err != nil {
		t.Errorf("exceeded: %v", err)
	}
}

func TestHold_CountsATimeThatIsExceededTwice(t *testing.T) {
	measure, _ := runs(t, []bench.Figure{age(1200)}, []bench.Figure{age(1100)})
	if err := bench.Exceeded(bench.Hold(measure)); err == nil || err.Error() != limitedTime+" is 1100 ms, more than 1000 ms" {
		t.Errorf("got %v", err)
	}
}

func TestHold_RepeatsNothingButTimes(t *testing.T) {
	t.Run("memory alone is not measured again", func(t *testing.T) {
		measure, count := runs(t, []bench.Figure{age(10), memory(401)})
		if err := bench.Exceeded(bench.Hold(measure)); err == nil || *count != 1 {
			t.Errorf("measured %d times with %v, want once and an error", *count, err)
		}
	})
	t.Run("memory that was exceeded stays so when a time is repeated", func(t *testing.T) {
		measure, _ := runs(t, []bench.Figure{age(1200), memory(401)}, []bench.Figure{age(10), memory(300)})
		if err := bench.Exceeded(bench.Hold(measure)); err == nil || !strings.Contains(err.Error(), limitedMemory) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a time without a limit", func(t *testing.T) {
		measure, count := runs(t, []bench.Figure{{Name: "scan.600000.ms", Value: 1e9, Unit: "ms"}})
		if err := bench.Exceeded(bench.Hold(measure)); err != nil || *count != 1 {
			t.Errorf("measured %d times with %v, want once and no error", *count, err)
		}
	})
}

func TestExceeded_NamesWhatIsNoMeasureOfItsLimit(t *testing.T) {
	for name, f := range map[string]bench.Figure{
		"no number":    age(math.NaN()),
		"another unit": {Name: limitedTime, Value: 1, Unit: "s"},
	} {
		if err := bench.Exceeded([]bench.Figure{f}); err == nil || !strings.Contains(err.Error(), limitedTime) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// within returns each limited figure at its limit, as it is printed.
func within() []string {
	var lines []string
	for _, l := range bench.Limits() {
		lines = append(lines, printed(bench.Figure{Name: l.Name, Value: l.Most, Unit: l.Unit, Note: `a "note"`}))
	}
	return lines
}

func TestTable_StatesEachLimitBesideItsFigure(t *testing.T) {
	in := append(within(), printed(bench.Figure{Name: "ingest.rate", Value: 12.5, Unit: "obs/s"}), "BenchmarkLive/200 1 5 ns/op", "ok")
	var out, faults strings.Builder
	if err := bench.Table(&out, &faults, strings.NewReader(strings.Join(in, "\n"))); err != nil {
		t.Fatal(err)
	}
	passed, table, _ := strings.Cut(out.String(), "\n\n")
	if diff := cmp.Diff(in[:len(in)-2], strings.Split(passed, "\n")); diff != "" {
		t.Errorf("passed on, -want +got:\n%s", diff)
	}
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		rows[strings.Fields(line)[0]] = strings.Join(strings.Fields(line)[1:], " ")
	}
	for name, want := range map[string]string{limitedTime: `1000 ms ≤ 1000 a "note"`, "live.viewers200.disconnected": `0 1 ≤ 0 a "note"`, "ingest.rate": "12.5 obs/s"} {
		if rows[name] != want {
			t.Errorf("row of %s is %q, want %q", name, rows[name], want)
		}
	}
	if faults.String() != "" {
		t.Errorf("faults: %s", faults.String())
	}
}

func TestTable_EndsWithAnErrorThatNamesTheFault(t *testing.T) {
	for _, tc := range []struct {
		name, want string
		lines      []string
	}{
		{"exceeded", limitedTime + " is 1000.01 ms, more than 1000 ms", append(within(), printed(age(1000.01)))},
		{"not measured", bench.Limits()[0].Name + " was not measured", within()[1:]},
		{"failed", bench.ErrFailed.Error(), append(within(), "--- FAIL: BenchmarkLive")},
		{"panicked", bench.ErrFailed.Error(), append(within(), "panic: x")},
		{"a command before it failed", bench.ErrFailed.Error(), append(within(), "FAIL make bench")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out, faults strings.Builder
			err := bench.Table(&out, &faults, strings.NewReader(strings.Join(tc.lines, "\n")))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			if tc.name == "exceeded" && !strings.Contains(out.String(), "≤ 1000 EXCEEDED") {
				t.Errorf("the table does not mark it:\n%s", out.String())
			}
		})
	}
}
