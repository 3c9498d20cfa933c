package mqttpub

import (
	"context"
	"sync"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"
)

// ledger is the paho message store: what was handed to the client and has not
// been acknowledged by the broker. Acknowledgements are read from here and not
// from paho's tokens, because a reconnect completes the tokens of everything it
// sends again before the broker has answered.
//
// It is safe for concurrent use.
type ledger struct {
	released func() // called without mu held, once for each acknowledged message

	mu      sync.Mutex              // guards what follows
	entries map[string]*ledgerEntry // by paho's key
	oldest  *ledgerEntry            // ends of the list in order of Put
	newest  *ledgerEntry
	acked   int64
	idle    chan struct{} // closed when entries becomes empty; nil while nobody waits
}

type ledgerEntry struct {
	key        string
	packet     packets.ControlPacket
	prev, next *ledgerEntry
}

var _ mqtt.Store = (*ledger)(nil)

func newLedger(released func()) *ledger {
	return &ledger{released: released, entries: make(map[string]*ledgerEntry)}
}

func (l *ledger) Open()  {}
func (l *ledger) Close() {}

// Reset is called by paho after the first connection, when nothing is kept yet.
func (l *ledger) Reset() {}

func (l *ledger) Put(key string, packet packets.ControlPacket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.entries[key]; ok {
		e.packet = packet
		return
	}
	e := &ledgerEntry{key: key, packet: packet, prev: l.newest}
	if l.newest != nil {
		l.newest.next = e
	} else {
		l.oldest = e
	}
	l.newest = e
	l.entries[key] = e
}

// Get returns a copy: paho marks what it sends again as a duplicate while an
// earlier attempt may still be reading the original.
func (l *ledger) Get(key string) packets.ControlPacket {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[key]
	if !ok {
		return nil
	}
	if p, ok := e.packet.(*packets.PublishPacket); ok {
		again := *p
		return &again
	}
	return e.packet
}

// All returns the keys in the order in which they were put, so that a reconnect
// sends in the original order.
func (l *ledger) All() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := make([]string, 0, len(l.entries))
	for e := l.oldest; e != nil; e = e.next {
		keys = append(keys, e.key)
	}
	return keys
}

// Del is what paho calls when the PUBACK or PUBCOMP of a message has come.
func (l *ledger) Del(key string) {
	if l.remove(key) {
		l.released()
	}
}

func (l *ledger) remove(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.entries[key]
	if !ok {
		return false
	}
	delete(l.entries, key)
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.oldest = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.newest = e.prev
	}
	l.acked++
	if len(l.entries) == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	return true
}

func (l *ledger) ackedCount() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.acked
}

func (l *ledger) unacked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// waitEmpty returns when every message has been acknowledged, or with the
// context's error.
func (l *ledger) waitEmpty(ctx context.Context) error {
	l.mu.Lock()
	if len(l.entries) == 0 {
		l.mu.Unlock()
		return nil
	}
	if l.idle == nil {
		l.idle = make(chan struct{})
	}
	idle := l.idle
	l.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
