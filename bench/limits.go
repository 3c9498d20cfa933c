package bench

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Figure is one measured number, as it is printed. Names are stable: others compare
// them from run to run.
type Figure struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Note  string  `json:"note,omitempty"`
}

// Limit is the most that the figure of a name may be.
type Limit struct {
	Name string
	Most float64
	Unit string // that of the figure
}

// Limits returns what the product promises of a machine with two cores, in the order
// in which it is measured. Figures that are not here are for comparing alone.
func Limits() []Limit {
	return []Limit{
		{"scan.60000.ms", 1000, "ms"}, // all kinds once, on one core
		{"gistar.60000.ms", 25, "ms"}, // all kinds once
		{"report.trend90d.duckdb.ms", 300, "ms"},
		{"report.trend90d.influx.ms", 300, "ms"},
		{"report.emerging.duckdb.ms", 2000, "ms"},
		{"report.emerging.influx.ms", 2000, "ms"},
		{"live.viewers200.age.p99", 150, "ms"},
		{"live.viewers200.alert.p99", 500, "ms"},
		{"live.viewers200.disconnected", 0, "1"},
		{"live.viewers2000.age.p99", 1000, "ms"},
		{"live.viewers2000.alert.p99", 500, "ms"},
		{"live.viewers2000.disconnected", 0, "1"},
		{"live.viewers2000.rss_mb", 400, "MB"},
	}
}

// LimitOf returns the limit of the figure of a name, if there is one.
func LimitOf(name string) (Limit, bool) {
	all := Limits()
	i := slices.IndexFunc(all, func(l Limit) bool { return l.Name == name })
	if i < 0 {
		return Limit{}, false
	}
	return all[i], true
}

// Exceeded returns an error that names each figure above its limit, nil when there is
// none. A figure in another unit than its limit, or that is no number, counts as above.
func Exceeded(figures []Figure) error {
	var faults []error
	for _, f := range figures {
		if l, ok := LimitOf(f.Name); ok && !l.holds(f) {
			faults = append(faults, fmt.Errorf("%s is %s %s, more than %s %s", f.Name, number(f.Value), f.Unit, number(l.Most), l.Unit))
		}
	}
	return errors.Join(faults...)
}

func (l Limit) holds(f Figure) bool {
	return f.Unit == l.Unit && f.Value <= l.Most // false for NaN
}

// Hold returns the figures of measure. When a time among them exceeds its limit it
// measures a second time, since the machine may have been busy with something else: of
// the two runs the lesser is taken of times that have a limit, the greater of whatever
// else has one, and the second of everything else. The note of what was taken from two
// runs says so.
func Hold(measure func() []Figure) []Figure {
	first := measure()
	if !slices.ContainsFunc(first, tooSlow) {
		return first
	}
	second := measure()
	for i, f := range second {
		k := slices.IndexFunc(first, func(g Figure) bool { return g.Name == f.Name })
		if _, limited := LimitOf(f.Name); k < 0 || !limited {
			continue
		}
		taken, other := f, first[k]
		if isTime(f.Unit) == (other.Value < f.Value) {
			taken, other = other, taken
		}
		taken.Note = fmt.Sprintf("%s; measured twice, the other was %s %s", taken.Note, number(other.Value), other.Unit)
		second[i] = taken
	}
	return second
}

func tooSlow(f Figure) bool {
	l, ok := LimitOf(f.Name)
	return ok && isTime(f.Unit) && !l.holds(f)
}

func isTime(unit string) bool { return slices.Contains([]string{"ns", "us", "ms", "s"}, unit) }

// number writes a value with no more than two decimals.
func number(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}
