package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// ErrFailed says that something was not measured to its end.
var ErrFailed = errors.New("a measurement failed")

// Table reads what the parts of `make bench` print. Lines with a figure are passed on
// to out as they are, with a table of all, and their limits, at the end; lines that say
// what a test has logged or why it failed go to faults; others are left out. After the
// table it returns an error that names what exceeded its limit, which limit has no
// figure, and that a part has failed.
func Table(out, faults io.Writer, in io.Reader) error {
	var figures []Figure
	var failed error
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		var f Figure
		switch {
		case strings.HasPrefix(line, `{"name":`) && json.Unmarshal([]byte(line), &f) == nil:
			figures = append(figures, f)
			fmt.Fprintln(out, line)
		case strings.HasPrefix(line, "FAIL"), strings.HasPrefix(line, "--- FAIL"), strings.HasPrefix(line, "panic"):
			failed = ErrFailed
			fmt.Fprintln(faults, line)
		case strings.HasPrefix(line, "    "):
			fmt.Fprintln(faults, line)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read figures: %w", err)
	}
	if err := write(out, figures); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return errors.Join(Exceeded(figures), missing(figures), failed)
}

func write(out io.Writer, figures []Figure) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\nname\tvalue\tunit\tlimit\tnote\n")
	for _, f := range figures {
		limit := ""
		if l, ok := LimitOf(f.Name); ok {
			limit = "≤ " + number(l.Most)
			if !l.holds(f) {
				limit += " EXCEEDED"
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", f.Name, number(f.Value), f.Unit, limit, f.Note)
	}
	return t.Flush()
}

// missing returns an error that names each limit of which nothing was measured.
func missing(figures []Figure) error {
	var faults []error
	for _, l := range Limits() {
		if !slices.ContainsFunc(figures, func(f Figure) bool { return f.Name == l.Name }) {
			faults = append(faults, fmt.Errorf("%s was not measured", l.Name))
		}
	}
	return errors.Join(faults...)
}
