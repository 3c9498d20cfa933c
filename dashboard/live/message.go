package live

import (
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
)

// frame is one WebSocket message ready to be written: prepared, or the bytes of
// one that is for one connection alone.
type frame struct {
	kind     string
	size     int // bytes before compression
	prepared *websocket.PreparedMessage
	bytes    []byte
}

// message is a frame but for the subscription's id. Everyone who subscribed with
// the same id gets the same encoding, compressed once: a group of viewers costs
// what one costs, besides writing. It is safe for concurrent use.
type message struct {
	kind string
	tail string // what follows the id, to the closing brace

	mu        sync.Mutex // guards encoded
	encoded   map[int64]frame
	dismissed bool // nothing is kept to be shared any more
}

// sharedEncodings bounds how many ids the encodings of one message are kept for.
// Pages derive the id from the topic, so few are needed.
const sharedEncodings = 8

func newMessage(kind, tail string) *message {
	return &message{kind: kind, tail: tail, encoded: make(map[int64]frame, 1)}
}

// frame returns the message for a subscription.
func (m *message) frame(id int64) (frame, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f, ok := m.encoded[id]; ok {
		return f, nil
	}
	b := make([]byte, 0, len(m.tail)+40)
	b = append(b, `{"t":"`...)
	b = append(b, m.kind...)
	b = append(b, `","id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, m.tail...)
	p, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
	if err != nil {
		return frame{}, err
	}
	f := frame{kind: m.kind, size: len(b), prepared: p}
	if len(m.encoded) < sharedEncodings && !m.dismissed {
		m.encoded[id] = f
	}
	return f, nil
}

// dismiss gives the encodings back; who still wants the message encodes it alone.
func (m *message) dismiss() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.encoded, m.dismissed = nil, true
}
