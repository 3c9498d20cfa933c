package mqtt

import (
	"bufio"
	"net"
	"sync"
	"time"
)

// window counts a connection's messages between their arrival and their
// acknowledgement. It outlives the network connection: what the last one has
// left in the Intake still takes room. It is safe for concurrent use.
type window struct {
	max int

	mu    sync.Mutex // guards what follows
	n     int
	freed chan struct{} // closed when there is room again; nil while nobody waits
	empty chan struct{} // closed when n becomes 0; nil while nobody waits
}

func (w *window) take() {
	w.mu.Lock()
	w.n++
	w.mu.Unlock()
}

func (w *window) release() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n--
	if w.freed != nil && w.n < w.max {
		close(w.freed)
		w.freed = nil
	}
	if w.empty != nil && w.n == 0 {
		close(w.empty)
		w.empty = nil
	}
}

func (w *window) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// full returns nil when there is room, otherwise what is closed when there is.
func (w *window) full() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n < w.max {
		return nil
	}
	if w.freed == nil {
		w.freed = make(chan struct{})
	}
	return w.freed
}

// drained returns nil when nothing waits, otherwise what is closed when nothing
// waits any more.
func (w *window) drained() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n == 0 {
		return nil
	}
	if w.empty == nil {
		w.empty = make(chan struct{})
	}
	return w.empty
}

// connackBytes is the size of the broker's first packet in MQTT 3.1.1, which is
// let through a full window.
const connackBytes = 4

// gated is a network connection that is not read while the window is full. That
// is how backpressure reaches the broker. MQTT 3.1.1 has no receive maximum, and
// the client library would either start a goroutine for each message or leave
// PINGRESP unread behind the first one that waits.
//
// While it is not read it sends PINGREQ by itself, so that the broker does not
// take it for dead; while it is read, a silence longer than silence ends it.
type gated struct {
	net.Conn
	w       *window
	r       *bufio.Reader
	free    int // bytes that are read in any case
	ping    time.Duration
	silence time.Duration

	once   sync.Once
	closed chan struct{}
}

func newGated(c net.Conn, w *window, keepAlive time.Duration) *gated {
	return &gated{Conn: c, w: w, r: bufio.NewReaderSize(c, 16<<10), free: connackBytes,
		ping: keepAlive / 2, silence: 2*keepAlive + 10*time.Second, closed: make(chan struct{})}
}

// Read is called by one goroutine at a time.
func (g *gated) Read(p []byte) (int, error) {
	if g.free > 0 { // the library has its own deadline for the handshake
		n, err := g.r.Read(p[:min(len(p), g.free)])
		g.free -= n
		return n, err
	}
	if err := g.wait(); err != nil {
		return 0, err
	}
	if g.r.Buffered() == 0 {
		if err := g.SetReadDeadline(time.Now().Add(g.silence)); err != nil {
			return 0, err
		}
	}
	return g.r.Read(p)
}

func (g *gated) wait() error {
	for {
		room := g.w.full()
		if room == nil {
			return nil
		}
		t := time.NewTimer(g.ping)
		select {
		case <-room:
		case <-g.closed:
			t.Stop()
			return net.ErrClosed
		case <-t.C:
			if _, err := g.Write([]byte{0xC0, 0}); err != nil {
				return err
			}
		}
		t.Stop()
	}
}

// Write is given whole packets and may be called by many goroutines.
func (g *gated) Write(p []byte) (int, error) {
	if err := g.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	return g.Conn.Write(p)
}

const writeTimeout = 30 * time.Second

// Close also ends a Read that waits for room.
func (g *gated) Close() error {
	g.once.Do(func() { close(g.closed) })
	return g.Conn.Close()
}
