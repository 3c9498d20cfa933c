package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Limits on what a browser may send.
const (
	maxInboundBytes  = 16 << 10
	maxSubscriptions = 32
)

// compressFrom is the size from which compression pays.
const compressFrom = 1 << 10

// eventBatch is how many alert events a subscription sends before the others
// have their turn.
const eventBatch = 64

// goodbyeWait bounds each step of a goodbye.
const goodbyeWait = time.Second

// request is what a browser asks.
type request struct {
	Type  string `json:"t"`
	ID    *int64 `json:"id"`
	Topic string `json:"topic"`
	Since *since `json:"since"`
	Now   *int64 `json:"now"` // of a hb, what the heartbeat said that it answers
	bad   string // why it cannot be answered, "" when it can
}

type since struct {
	Epoch string `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// sub is one subscription. It belongs to the connection's writer.
type sub struct {
	id   int64
	sent uint64 // number of the newest change that was written

	board *board // of a cells topic, nil for alerts
	view  *view  // of board
	snap  string // why the next frame of a cells topic must be a snapshot, "" when it need not

	fetch *fetch // what an alerts topic waits for, nil when it goes by the events at hand
}

// fetch is a question to the log or the store on behalf of a subscription.
type fetch struct{ cancel context.CancelFunc }

// delivery is what fetching brings to the writer.
type delivery struct {
	sub      *sub
	fetch    *fetch
	reason   string         // of the snapshot
	snapshot *alertSnapshot // or, when nil,
	event    change         // one event of the log
	lost     bool           // the log no longer knows what the browser has missed
}

// conn is one browser. Its reader hands requests to its writer, which alone owns
// the subscriptions and the socket's sending side. Nothing is queued for a slow
// browser: the writer looks what is new whenever it is free.
type conn struct {
	hub        *Hub
	caller     string // for whom it counts
	ws         *websocket.Conn
	wake       chan struct{} // holds one: something is new
	requests   chan request  // the reader waits while it is full
	deliveries chan delivery // fetching waits while it is full
	gone       chan struct{} // closed when the reader has ended
	reason     string        // why it has; may be read after gone
	subs       []*sub
	writeWait  time.Duration
	fetches    sync.WaitGroup
}

func newConn(h *Hub, caller string) *conn {
	return &conn{
		hub:        h,
		caller:     caller,
		wake:       make(chan struct{}, 1),
		requests:   make(chan request, 4),
		deliveries: make(chan delivery),
		gone:       make(chan struct{}),
		writeWait:  h.opts.WriteWait,
	}
}

// wakeUp tells the writer that something is new. It does not block.
func (c *conn) wakeUp() {
	select {
	case c.wake <- struct{}{}:
	default: // it has been told already
	}
}

// serve owns ws until the connection has ended, and returns why it has. What was
// begun for the connection ends with it, or with ctx.
func (c *conn) serve(ctx context.Context, ws *websocket.Conn) (reason string) {
	c.ws = ws
	// The level is one that the compressor knows, so there is no error.
	_ = ws.SetCompressionLevel(1)
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		reason = c.write(ctx)
		for len(c.subs) > 0 {
			c.drop(c.subs[0])
		}
		cancel()
		// This ends the reader. What Close says no longer matters to anyone.
		_ = ws.Close()
	}()
	c.reason = c.read(written)
	close(c.gone)
	<-written
	c.fetches.Wait()
	return reason
}

// read takes requests until the connection ends and returns why it did.
func (c *conn) read(written <-chan struct{}) (reason string) {
	wait := c.hub.opts.PongWait
	alive := func() error { return c.ws.SetReadDeadline(time.Now().Add(wait)) }
	if alive() != nil {
		return "client"
	}
	c.ws.SetReadLimit(maxInboundBytes)
	c.ws.SetPongHandler(func(string) error { return alive() })
	for {
		kind, b, err := c.readFrame()
		if err != nil {
			return readEnd(err)
		}
		if alive() != nil {
			return "client"
		}
		select {
		case c.requests <- parse(kind, b):
		case <-written:
			return "client"
		}
	}
}

// readFrame reads one frame. The limit also holds for what a compressed frame
// becomes; the socket's own limit holds for the compressed bytes alone.
func (c *conn) readFrame() (kind int, b []byte, err error) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		return 0, nil, err
	}
	b, err = io.ReadAll(io.LimitReader(r, maxInboundBytes+1))
	if err == nil && len(b) > maxInboundBytes {
		msg := websocket.FormatCloseMessage(websocket.CloseMessageTooBig, "")
		// Whether it arrives or not, the connection ends now.
		_ = c.ws.WriteControl(websocket.CloseMessage, msg, time.Now().Add(goodbyeWait))
		err = websocket.ErrReadLimit
	}
	return kind, b, err
}

func readEnd(err error) string {
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "silent"
	case errors.Is(err, websocket.ErrReadLimit), websocket.IsCloseError(err, websocket.CloseProtocolError):
		return "protocol"
	}
	return "client"
}

func parse(kind int, b []byte) request {
	var r request
	if kind != websocket.TextMessage {
		return request{bad: "only text frames are understood"}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return request{ID: namedID(b), bad: "frame is not a JSON object of the expected fields"}
	}
	switch {
	case r.Type == "hb":
	case r.Type != "sub" && r.Type != "unsub":
		r.bad = fmt.Sprintf("frame type %.40q is none of sub, unsub, hb", r.Type)
	case r.ID == nil:
		r.bad = "id is missing"
	}
	return r
}

// namedID is the id of a frame that cannot be read otherwise, nil when that cannot
// be read either.
func namedID(b []byte) *int64 {
	var r struct {
		ID *int64 `json:"id"`
	}
	if json.Unmarshal(b, &r) != nil {
		return nil // a fault leaves half an id
	}
	return r.ID
}

// write says hello and then sends whatever is new until the connection ends. It
// returns why it did.
func (c *conn) write(ctx context.Context) (reason string) {
	beat := time.NewTicker(c.hub.opts.Heartbeat)
	defer beat.Stop()
	ping := time.NewTicker(c.hub.opts.Ping)
	defer ping.Stop()
	err := c.hello()
	for err == nil {
		select {
		case <-c.gone:
			return c.reason
		case <-c.hub.closing:
			c.bye()
			return "shutdown"
		case r := <-c.requests:
			err = c.handle(ctx, r)
		case d := <-c.deliveries:
			err = c.deliver(ctx, d)
		case <-beat.C:
			err = c.heartbeat()
		case <-ping.C:
			err = c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.writeWait))
		case <-c.wake:
		}
		if err == nil {
			err = c.flush()
		}
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "slow"
	}
	return "client"
}

// flush brings every subscription up to date.
func (c *conn) flush() error {
	// Subscriptions may end while they are served.
	for _, s := range slices.Clone(c.subs) {
		var err error
		if s.board != nil {
			err = c.flushCells(s)
		} else {
			err = c.flushAlerts(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) flushCells(s *sub) error {
	m := c.hub.metrics
	if s.snap == "" {
		if s.sent == s.board.seq(s.view) {
			return nil
		}
		f, step, ok, err := s.board.delta(s.view, s.id, s.sent)
		if err != nil {
			return err
		}
		if ok {
			if step.merged {
				m.conflations.Inc()
			}
			s.sent = step.seq
			return c.send(f)
		}
		s.snap = "table"
	}
	f, seq, err := s.board.snapshot(s.view, s.id, c.hub.epoch)
	if err != nil {
		return err
	}
	m.snapshots.WithLabelValues(s.snap).Inc()
	s.sent, s.snap = seq, ""
	return c.send(f)
}

func (c *conn) flushAlerts(s *sub) error {
	if s.fetch != nil {
		return nil
	}
	events, ok := c.hub.feed.after(s.sent, eventBatch)
	if !ok {
		c.drop(s)
		c.hub.metrics.gaps.Inc()
		return c.sendJSON("gap", gapFrame{T: "gap", ID: s.id, After: s.sent})
	}
	for _, e := range events {
		if err := c.sendEvent(s, e); err != nil {
			return err
		}
	}
	if len(events) == eventBatch {
		c.wakeUp()
	}
	return nil
}

func (c *conn) sendEvent(s *sub, e change) error {
	s.sent = e.seq
	if e.event == nil {
		return nil
	}
	f, err := e.event.frame(s.id)
	if err != nil {
		return err
	}
	return c.send(f)
}

func (c *conn) hello() error {
	return c.sendJSON("hello", helloFrame{
		T: "hello", Version: 1, Server: c.hub.opts.Server, Epoch: c.hub.epoch,
		NowMillis: c.hub.now().UnixMilli(), HeartbeatMS: c.hub.opts.Heartbeat.Milliseconds(),
		LagMillis: c.hub.lag(), District: c.hub.district,
	})
}

func (c *conn) heartbeat() error {
	return c.sendJSON("hb", heartbeatFrame{T: "hb", NowMillis: c.hub.now().UnixMilli(), LagMillis: c.hub.lag()})
}

// answered notes how long a heartbeat took to a page's script and back. What a page
// says of a heartbeat that was never sent is not counted.
func (c *conn) answered(now int64) {
	if took := c.hub.now().UnixMilli() - now; took >= 0 && took <= c.hub.opts.PongWait.Milliseconds() {
		c.hub.metrics.roundTrips.Observe(float64(took) / 1000)
	}
}

// lag is the age of the newest observation judged live, in milliseconds, nil
// before the first.
func (h *Hub) lag() *int64 {
	newest := h.newest.Load()
	if newest == 0 {
		return nil
	}
	ms := max(0, h.now().UnixMilli()-newest)
	return &ms
}

func (c *conn) refuse(id *int64, code, message string) error {
	return c.sendJSON("err", errFrame{T: "err", ID: id, Code: code, Message: message})
}

// bye tells the browser when to come back, a different time for each, so that
// they do not all come at once.
func (c *conn) bye() {
	const soonest = 500 * time.Millisecond
	retry := soonest + rand.N(max(1, c.hub.opts.RetrySpread-soonest))
	c.writeWait = min(c.writeWait, goodbyeWait)
	if c.sendJSON("bye", byeFrame{T: "bye", Code: websocket.CloseServiceRestart, RetryMillis: retry.Milliseconds()}) != nil {
		return // it has gone already
	}
	msg := websocket.FormatCloseMessage(websocket.CloseServiceRestart, "restart")
	// Whether it arrives or not, the connection ends now.
	_ = c.ws.WriteControl(websocket.CloseMessage, msg, time.Now().Add(c.writeWait))
	// Closing with the browser's bytes unread would reset the connection and
	// could take the goodbye with it, so its answer is awaited.
	select {
	case <-c.gone:
	case <-time.After(goodbyeWait):
	}
}

func (c *conn) sendJSON(kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		c.hub.metrics.errors.WithLabelValues("encode").Inc()
		return err
	}
	return c.send(frame{kind: kind, size: len(b), bytes: b})
}

// send writes a frame and waits until it is in the socket's buffers.
func (c *conn) send(f frame) error {
	c.ws.EnableWriteCompression(f.size >= compressFrom)
	// A deadline that could not be set shows in the write itself.
	_ = c.ws.SetWriteDeadline(time.Now().Add(c.writeWait))
	var err error
	if f.prepared != nil {
		err = c.ws.WritePreparedMessage(f.prepared)
	} else {
		err = c.ws.WriteMessage(websocket.TextMessage, f.bytes)
	}
	if err != nil {
		return err
	}
	c.hub.metrics.frames.WithLabelValues(f.kind).Inc()
	c.hub.metrics.bytes.Add(float64(f.size))
	return nil
}
