package report

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// span is a length of time in whole windows, such as four weeks. The zero value is
// none.
type span struct {
	n    int
	unit Step
}

var spanText = regexp.MustCompile(`^([1-9][0-9]{0,3})([hdw])$`)

// parseSpan reads texts such as 24h, 28d and 4w.
func parseSpan(s string) (span, error) {
	m := spanText.FindStringSubmatch(s)
	if m == nil {
		return span{}, errors.New("is no number of hours, days or weeks such as 24h, 28d or 4w")
	}
	n, _ := strconv.Atoi(m[1]) // the pattern has seen it
	return span{n, map[string]Step{"h": Hour, "d": Day, "w": Week}[m[2]]}, nil
}

func periodParam() Param {
	return Param{
		Key: "period", Names: names("最近", "Last"), Type: TextParam, Example: "4w", moving: true,
		Doc: names("最近多少小时、天或周，例如 24h、28d、4w；代替开始和结束", "how many whole hours, days or weeks before now: 24h, 28d, 4w; in the place of from and to"),
		set: func(r *Request, s string, _ District) (err error) {
			if s != "" {
				r.last, err = parseSpan(s)
			}
			return err
		},
		get: func(*Request, *time.Location) string { return "" },
	}
}

func runningParam() Param {
	p := yesNo("running", names("含未结束的时间窗", "With what runs"), names("尚未结束的时间窗也计入，数值还会增加", "the window that has not ended yet counts too: its numbers will grow"),
		func(r *Request) *bool { return &r.running })
	p.moving = true
	p.get = func(*Request, *time.Location) string { return "" }
	return p
}

// settleLast makes From and To of a period that was asked for as the last so many
// windows, and clears it. Its end is the end of the last whole one, of its own length
// and of the windows of the report; with what runs, the end of that. It returns what
// is wrong between parameters.
func (r *Request) settleLast(d District) Faults {
	last, running := r.last, r.running
	r.last, r.running = span{}, false
	if running && !r.To.IsZero() {
		return Faults{{"running", "true", "does not go with to, which says the end"}}
	}
	if last == (span{}) {
		if running {
			r.To = r.Every.Add(r.Every.Floor(d.Now, d.Zone), 1, d.Zone)
		}
		return nil
	}
	if !r.From.IsZero() || !r.To.IsZero() {
		return Faults{{"period", fmt.Sprint(last.n, last.unit), "takes the place of from and to: give one or the other"}}
	}
	r.To = last.unit.Floor(d.Now, d.Zone)
	switch {
	case running:
		r.To = last.unit.Add(r.To, 1, d.Zone)
	case r.Every.coarser(last.unit):
		r.To = r.Every.Floor(r.To, d.Zone)
	}
	r.From = last.unit.Add(r.To, -last.n, d.Zone)
	return nil
}

// coarser reports whether windows of s are longer than those of o.
func (s Step) coarser(o Step) bool {
	length := map[Step]int{Hour: 1, Day: 24, Week: 168}
	return length[s] > length[o]
}
