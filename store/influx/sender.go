package influx

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/urbangrid/urbangrid/store"
)

// sender collects lines into requests to one bucket. A request that the server
// rejects in part is halved until the lines at fault are alone, so that one bad
// line neither holds up nor takes along the others; writing a good line again
// changes nothing.
type sender struct {
	series   *Series
	to       purpose
	rejected func(line int, reason string) // by number, 0 for the first that line was called for

	buffer []byte
	ends   []int // of the lines in buffer
	sent   int   // lines before those in buffer
}

const maxRequestBytes = 4 << 20

// line says that a line has been added to buffer. It sends what is full.
func (w *sender) line(ctx context.Context) error {
	w.ends = append(w.ends, len(w.buffer))
	if len(w.ends) < w.series.opts.MaxLines && len(w.buffer) < maxRequestBytes {
		return nil
	}
	return w.flush(ctx)
}

// flush sends what is there.
func (w *sender) flush(ctx context.Context) error {
	if err := w.send(ctx, 0, len(w.ends)); err != nil {
		return err
	}
	w.sent += len(w.ends)
	w.buffer, w.ends = w.buffer[:0], w.ends[:0]
	return nil
}

// send sends the lines [lo, hi) of the buffer.
func (w *sender) send(ctx context.Context, lo, hi int) error {
	if lo == hi {
		return nil
	}
	begin := 0
	if lo > 0 {
		begin = w.ends[lo-1]
	}
	err := w.series.post(ctx, w.to, w.buffer[begin:w.ends[hi-1]])
	reason, final := rejection(err)
	if !final {
		return unavailable(ctx, err)
	}
	if hi-lo == 1 || droppedLines(err) == hi-lo {
		w.series.log.Warn("points rejected by the server", "bucket", w.series.layout.names[w.to], "points", hi-lo, "reason", reason, "error", err)
		for line := lo; line < hi; line++ {
			w.rejected(w.sent+line, reason)
		}
		return nil
	}
	middle := (lo + hi) / 2
	if err := w.send(ctx, lo, middle); err != nil {
		return err
	}
	return w.send(ctx, middle, hi)
}

// post writes lines in one request.
func (s *Series) post(ctx context.Context, to purpose, lines []byte) error {
	return s.writes[to].WriteRecord(ctx, strings.TrimSuffix(string(lines), "\n"))
}

// rejection says why the server rejects a request for what is in it, and false
// for every other result.
func rejection(err error) (reason string, final bool) {
	switch status(err) {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
	default:
		return "", false
	}
	// The servers tell the causes apart in their text alone.
	text := err.Error()
	switch {
	case strings.Contains(text, "field type conflict"):
		return store.RejectConflict, true
	case strings.Contains(text, "retention policy"):
		return store.RejectRetention, true
	}
	return store.RejectRefused, true
}

var dropped = regexp.MustCompile(`(?:dropped=|dropped )(\d+)`)

// droppedLines returns how many lines the server says it left out, 0 when it
// does not say.
func droppedLines(err error) int {
	var failure *influxhttp.Error
	if !errors.As(err, &failure) {
		return 0
	}
	m := dropped.FindStringSubmatch(failure.Error())
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0
	}
	return n
}
