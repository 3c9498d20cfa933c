package mqtt

import (
	"github.com/cespare/xxhash/v2"
	paho "github.com/eclipse/paho.mqtt.golang"
)

// handed remembers, by packet identifier, what a session has given to the Intake,
// so that what the broker sends again after a lost connection is not given to it
// again. A message is remembered until its commit: so long the broker cannot give
// its identifier to another one.
//
// One that is read in order is remembered until its identifier is used again, since
// the broker may not have got the acknowledgement: a format would take the
// repetition for a step back. One that is like the last of its identifier says
// nothing new to it.
//
// It has at most as many entries as there are identifiers, 65,535.
type handed map[uint16]delivery

type delivery struct {
	token uint64
	sum   uint64 // of topic and payload
}

func (h handed) release(id uint16, token uint64) {
	if h[id].token == token {
		delete(h, id)
	}
}

func sum(m paho.Message) uint64 {
	d := xxhash.New()
	_, _ = d.WriteString(m.Topic()) // a hash cannot fail
	_, _ = d.Write([]byte{0})
	_, _ = d.Write(m.Payload())
	return d.Sum64()
}

// hold notes that m is given to the Intake, and returns its token.
func (c *connection) hold(m paho.Message) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token++
	c.pending[c.token] = m
	c.handed[m.MessageID()] = delivery{c.token, sum(m)}
	return c.token
}

// repeats reports whether m is the repetition of a message that the Intake has been
// given, and sees to its acknowledgement. That of the first message would go to a
// connection that has ended.
func (c *connection) repeats(m paho.Message) bool {
	if !m.Duplicate() {
		return false
	}
	c.mu.Lock()
	d, ok := c.handed[m.MessageID()]
	if !ok || d.sum != sum(m) {
		c.mu.Unlock()
		return false
	}
	_, waits := c.pending[d.token]
	if waits {
		c.pending[d.token] = m
	}
	c.mu.Unlock()
	if waits {
		c.window.release() // the place of the first
	} else {
		c.acknowledge(m)
	}
	return true
}

// forget is for a session that begins: its identifiers are others.
func (c *connection) forget() {
	c.mu.Lock()
	clear(c.handed)
	c.mu.Unlock()
}
