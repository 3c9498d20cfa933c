package broker

import (
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// writeTimeout is how long a client may take to accept acknowledgements before
// its connection is closed.
const writeTimeout = 10 * time.Second

// session is one client connection's messages that wait for their commit.
//
// Acknowledgements are written by a goroutine that lives while there are any,
// so a client that does not read them holds up nobody, and those that become
// due together leave in one write. Their number is bounded by ReceiveMaximum.
type session struct {
	h  *hook
	cl *mqtt.Client

	mu      sync.Mutex // guards what follows
	room    *sync.Cond // signalled when waiting shrinks or gone is set
	waiting map[uint16]*waiting
	bytes   int // of the payloads that waiting keeps for subscribers
	due     []reply
	writing bool // the goroutine that empties due is alive
	gone    bool // the connection has ended

	left chan struct{} // closed with gone
}

// maxKeptBytes bounds what one client's waiting messages keep for subscribers.
const maxKeptBytes = 4 << 20

// waiting is a message between PUBLISH and commit.
type waiting struct {
	qos     byte
	publish *packets.Packet // to be distributed after the commit, nil when nobody wants it
}

type reply struct {
	id      uint16
	kind    byte // packets.Puback or packets.Pubrec
	publish *packets.Packet
}

func newSession(h *hook, cl *mqtt.Client) *session {
	s := &session{h: h, cl: cl, waiting: map[uint16]*waiting{}, left: make(chan struct{})}
	s.room = sync.NewCond(&s.mu)
	return s
}

// wait enters a message, blocking while there are too many. It returns false
// when the same identifier is waiting already (a repetition, which the pending
// acknowledgement will answer) or the connection has ended.
func (s *session) wait(pk *packets.Packet, distribute bool) (token uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, repeated := s.waiting[pk.PacketID]; repeated {
		return 0, false
	}
	if s.full() {
		defer s.patience().Stop()
		for s.full() && !s.gone {
			s.room.Wait()
		}
	}
	if s.gone {
		return 0, false
	}
	w := &waiting{qos: pk.FixedHeader.Qos}
	if distribute {
		w.publish = &packets.Packet{
			FixedHeader: pk.FixedHeader, TopicName: pk.TopicName, Payload: pk.Payload,
		}
	}
	s.waiting[pk.PacketID] = w
	s.bytes += w.kept()
	return uint64(pk.PacketID), true
}

func (s *session) full() bool {
	return len(s.waiting) >= int(s.h.opts.ReceiveMaximum) || (s.bytes > maxKeptBytes && len(s.waiting) > 0)
}

func (w *waiting) kept() int {
	if w.publish == nil {
		return 0
	}
	return len(w.publish.Payload)
}

// enter waits for a turn inside of the intake, which the caller gives back. It
// returns false when the connection has ended before.
func (s *session) enter() bool {
	select {
	case s.h.slots <- struct{}{}:
		return true
	default:
	}
	defer s.patience().Stop()
	select {
	case s.h.slots <- struct{}{}:
		return true
	case <-s.left:
		return false
	}
}

// patience watches over a client that waits, until it is stopped. It ends the
// wait of one whose connection was closed, which nobody reads and so nobody
// notices, as when the client has come back on another. It ends the connection
// of one that waits longer than twice its keep-alive: its pings are not read
// meanwhile, so it has gone or is about to, and will send again.
func (s *session) patience() *time.Timer {
	limit := 2 * time.Duration(s.cl.State.Keepalive) * time.Second
	if limit == 0 {
		limit = maxPatience
	}
	began := time.Now()
	var t *time.Timer
	ready := make(chan struct{})
	t = time.AfterFunc(patienceCheck, func() {
		<-ready
		switch {
		case s.cl.Closed():
			s.leave()
		case time.Since(began) > limit:
			s.h.m.impatient.Inc()
			s.leave()
			if s.cl.Net.Conn != nil {
				_ = s.cl.Net.Conn.Close() // the next read ends the client
			}
		default:
			t.Reset(patienceCheck)
		}
	})
	close(ready)
	return t
}

const patienceCheck = 500 * time.Millisecond

// maxPatience is for clients without keep-alive.
const maxPatience = 10 * time.Minute

// Committed puts the acknowledgement of a message on its way; see ingest.Source.
func (s *session) Committed(token uint64) {
	id := uint16(token)
	s.mu.Lock()
	w := s.waiting[id]
	s.mu.Unlock()
	if w == nil {
		return
	}
	r := reply{id: id, kind: packets.Puback, publish: w.publish}
	if w.qos == 2 {
		// PUBREL finds the identifier in this table, so it goes in before the
		// PUBREC goes out.
		r.kind = packets.Pubrec
		s.cl.State.Inflight.Set(packets.Packet{
			FixedHeader: packets.FixedHeader{Type: packets.Pubrec},
			PacketID:    id, Created: time.Now().Unix(),
		})
	}
	s.answer(r)
}

// repeat answers a repetition once more, unless the client has so many answers
// to read that it must have stopped reading: then it will repeat itself.
func (s *session) repeat(r reply) {
	s.mu.Lock()
	full := len(s.due) >= 2*int(s.h.opts.ReceiveMaximum)
	s.mu.Unlock()
	if !full {
		s.answer(r)
	}
}

// answer queues a reply and sees to it that somebody writes it.
func (s *session) answer(r reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.due = append(s.due, r)
	if !s.writing {
		s.writing = true
		s.h.start(s.write)
	}
}

// write empties due, many replies a write, and ends.
func (s *session) write() {
	var replies []reply
	var buf []byte
	for {
		clear(replies)
		s.mu.Lock()
		replies, s.due = s.due, replies[:0]
		// An identifier is free before its acknowledgement leaves: the client may
		// use it again at once.
		for _, r := range replies {
			if w, ok := s.waiting[r.id]; ok {
				s.bytes -= w.kept()
				delete(s.waiting, r.id)
			}
		}
		s.writing = len(replies) > 0
		s.mu.Unlock()
		if len(replies) == 0 {
			return
		}
		s.room.Broadcast()

		buf = buf[:0]
		for _, r := range replies {
			// The shortest form, the same in MQTT 3.1.1 and 5: success, nothing else.
			buf = append(buf, r.kind<<4, 2, byte(r.id>>8), byte(r.id))
		}
		s.send(buf)
		s.h.m.acknowledged.Add(float64(len(replies)))
		s.distribute(replies)
	}
}

func (s *session) send(buf []byte) {
	if s.cl.Closed() || s.cl.Net.Conn == nil {
		return
	}
	s.cl.Lock() // the lock that the broker's own writes to this connection take
	err := s.cl.Net.Conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if err == nil {
		_, err = s.cl.Net.Conn.Write(buf)
	}
	if err == nil {
		err = s.cl.Net.Conn.SetWriteDeadline(time.Time{})
	}
	s.cl.Unlock()
	if err != nil {
		s.h.log.Debug("client did not take acknowledgements", "client", s.cl.ID, "error", err)
		s.cl.Stop(err)
	}
}

// distribute gives committed messages to those who subscribed to their topics.
func (s *session) distribute(replies []reply) {
	for _, r := range replies {
		if r.publish != nil {
			s.h.distribute(r.publish)
		}
	}
}

func (h *hook) distribute(p *packets.Packet) {
	if err := h.srv.Publish(p.TopicName, p.Payload, p.FixedHeader.Retain, p.FixedHeader.Qos); err != nil {
		h.m.undistributed.Inc()
		h.log.Debug("message not distributed", "topic", p.TopicName, "error", err)
	}
}

// leave ends the waiting of whoever blocks in wait or enter.
func (s *session) leave() {
	s.mu.Lock()
	if !s.gone {
		s.gone = true
		close(s.left)
	}
	s.mu.Unlock()
	s.room.Broadcast()
}
