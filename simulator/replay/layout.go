package replay

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// directives translate strptime's into Go's. Those of Go that take one digit
// take two as well, as strptime does.
var directives = map[byte]string{
	'Y': "2006", 'y': "06", 'm': "1", 'b': "Jan", 'B': "January", 'd': "2", 'e': "_2",
	'H': "15", 'I': "3", 'M': "4", 'S': "5", 'p': "PM", 'z': "-0700", 'Z': "MST",
	'a': "Mon", 'A': "Monday", 'f': "000000", 'T': "15:04:05", 'R': "15:04",
	'F': "2006-1-2", 'D': "1/2/06", '%': "%",
}

// readLayout returns the Go layout of a time format. A text with a % in it is
// read as strptime directives, any other as a Go layout.
func readLayout(raw string) (string, error) {
	layout := raw
	if strings.Contains(raw, "%") {
		var err error
		if layout, err = fromStrptime(raw); err != nil {
			return "", err
		}
	}
	want := time.Date(2019, 11, 23, 0, 0, 0, 0, time.UTC)
	got, err := time.ParseInLocation(layout, want.Format(layout), time.UTC)
	if err != nil || got.Year() != want.Year() || got.YearDay() != want.YearDay() {
		return "", fmt.Errorf("%q does not give year, month and day: write 2006-01-02 15:04:05 or %%Y-%%m-%%d %%H:%%M:%%S", raw)
	}
	return layout, nil
}

func fromStrptime(raw string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(raw); i++ {
		if raw[i] != '%' {
			b.WriteByte(raw[i])
			continue
		}
		i++
		if i < len(raw) && raw[i] == '-' { // glibc: without padding, which is accepted anyway
			i++
		}
		if i >= len(raw) {
			return "", fmt.Errorf("%q ends in the middle of a directive", raw)
		}
		to, ok := directives[raw[i]]
		if !ok {
			return "", fmt.Errorf("%q has the directive %%%c, which is not known", raw, raw[i])
		}
		b.WriteString(to)
	}
	return b.String(), nil
}

var errTime = errors.New("no layout fits")

func (r timeRule) parse(s string) (time.Time, error) {
	for _, layout := range r.layouts {
		if t, err := time.ParseInLocation(layout, s, r.zone); err == nil {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, errTime
}
