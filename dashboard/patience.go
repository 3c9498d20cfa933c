package dashboard

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pieceBytes is how much of an answer is written at once. A client that takes
// less than a piece within the wait is gone, or means no good.
const pieceBytes = 32 << 10

// patience bounds how long a client may make an answer wait. There is no bound on
// the whole of an answer: a long export over a slow line goes on for as long as its
// pieces are taken. A body must come within requestTimeout, unless its operation
// says otherwise.
type patience struct {
	wait time.Duration // for a piece of an answer
	slow prometheus.Counter
}

func newPatience(wait time.Duration, reg prometheus.Registerer) (*patience, error) {
	slow := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "urbangrid_dashboard_slow_readers_total",
		Help: "Answers that were cut off because the client did not read them.",
	})
	return &patience{wait: wait, slow: slow}, reg.Register(slow)
}

// of makes next wait for nobody longer than that.
func (p *patience) of(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pw := &patientWriter{ResponseWriter: w, control: http.NewResponseController(w), patience: p}
		if r.ContentLength != 0 {
			// It also holds for the rest of a body that the handler leaves unread: the
			// server reads on to use the connection again.
			_ = pw.control.SetReadDeadline(time.Now().Add(requestTimeout))
			withBody := *r
			withBody.Body = timedBody{r.Body, pw}
			r = &withBody
		}
		next.ServeHTTP(pw, r)
		pw.renew() // what is still in the buffer is written after this
	})
}

// patientWriter gives each piece of an answer the same time.
type patientWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience *patience
	fault    error // of an earlier piece: no other is tried
	hijacked bool  // the connection belongs to somebody else, deadlines included
}

// renew begins the wait for a piece. A writer that knows no deadlines has no
// connection that could make it wait.
func (w *patientWriter) renew() {
	if !w.hijacked {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.patience.wait))
	}
}

// Write implements [io.Writer].
func (w *patientWriter) Write(b []byte) (int, error) {
	written := 0
	for w.fault == nil {
		w.renew()
		piece := b[written:min(len(b), written+pieceBytes)]
		n, err := w.ResponseWriter.Write(piece)
		written += n
		if err != nil {
			w.fault = err
			if errors.Is(err, os.ErrDeadlineExceeded) {
				w.patience.slow.Inc()
			}
		}
		if written == len(b) {
			break
		}
	}
	return written, w.fault
}

// Hijack implements [http.Hijacker].
func (w *patientWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := w.control.Hijack()
	w.hijacked = w.hijacked || err == nil
	return conn, buf, err
}

// Unwrap lets [http.ResponseController] reach the connection.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// timedBody is a body that must have come by the read deadline. Once it has, the
// deadline is taken away: the server goes on reading to notice when the client goes.
type timedBody struct {
	io.ReadCloser
	writer *patientWriter
}

// Read implements [io.Reader].
func (b timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) && !b.writer.hijacked {
		_ = b.writer.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
