package duckdb

import (
	"fmt"
	"strings"
	"time"
)

// run is a row of windows of one length: [from, to) cut into pieces.
type run struct {
	first    int // number of its first window
	from, to time.Time
	length   time.Duration
}

// runs returns the windows between ascending bounds, those of one length
// together. Ninety days of a zone are one run, or three when clocks change.
func runs(bounds []time.Time) []run {
	var out []run
	for i := range len(bounds) - 1 {
		from, to := bounds[i], bounds[i+1]
		if n := len(out); n > 0 && out[n-1].length == to.Sub(from) {
			out[n-1].to = to
			continue
		}
		out = append(out, run{first: i, from: from, to: to, length: to.Sub(from)})
	}
	return out
}

// windowed returns an SQL expression of the window of column, a time within
// bounds: what each gives for the run that it is in.
func windowed(column string, bounds []time.Time, each func(column string, r run) string) string {
	all := runs(bounds)
	last := all[len(all)-1]
	if len(all) == 1 {
		return each(column, last)
	}
	var b strings.Builder
	b.WriteString("CASE")
	for _, r := range all[:len(all)-1] {
		fmt.Fprintf(&b, " WHEN %s < %s THEN %s", column, micros(r.to), each(column, r))
	}
	fmt.Fprintf(&b, " ELSE %s END", each(column, last))
	return b.String()
}

// windowStart gives the start of a window.
func windowStart(column string, r run) string {
	return fmt.Sprintf("time_bucket(INTERVAL %d SECOND, %s, %s)", int64(r.length.Seconds()), column, micros(r.from))
}

// windowNumber gives the number of a window.
func windowNumber(column string, r run) string {
	return fmt.Sprintf("%d + (epoch_us(%s) - %d) // %d", r.first, column, r.from.UnixMicro(), r.length.Microseconds())
}
