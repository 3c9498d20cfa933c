package sparkplug

import (
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// node is what the births of one edge node announced. Format.mu guards it.
type node struct {
	id       sensors.DeviceID
	born     bool
	stale    bool // a message was lost: a new birth is wanted
	seq      uint64
	hasBdSeq bool
	bdSeq    uint64
	own      scope
	devices  map[string]*scope
	asked    time.Time // when a new birth was last asked for
	heard    time.Time // when the last message was received
	spoke    uint64    // when it was written, by the node's clock, in milliseconds since 1970
}

// scope is what one birth announced: the metrics of the node, or of one device.
// Aliases are looked up in their own scope only.
type scope struct {
	id      sensors.DeviceID
	born    bool
	byName  map[string]*announced
	byAlias map[uint64]*announced
}

// announced is a metric of a birth.
type announced struct {
	name     string
	datatype datatype
	rule     *rule // nil when no rule is about it
}

// cost is what a scope counts for in MaxMetrics.
func (s *scope) cost() int { return len(s.byName) + 1 }

// forget drops what the births announced.
func (n *node) forget(f *Format) {
	for name := range n.devices {
		n.drop(f, name)
	}
	if n.own.born {
		f.metrics -= n.own.cost()
	}
	n.own = scope{}
	n.born = false
}

func (n *node) drop(f *Format, device string) {
	if s := n.devices[device]; s != nil {
		f.metrics -= s.cost()
		delete(n.devices, device)
	}
}

// conversation is one message in the light of what came before.
type conversation struct {
	format   *Format
	node     *node
	address  address
	payload  *payload
	report   *sensors.Report
	received time.Time
	replay   bool // it was read before, and others since
}

// isReplay reports whether the message is older than the last one by both clocks:
// either of them alone may have been put back.
func (n *node) isReplay(p *payload, received time.Time) bool {
	return received.Before(n.heard) && p.hasTimestamp && p.timestamp < n.spoke
}

// again reads a message that comes from the quarantine, beside what the node has
// said since.
func (c *conversation) again() *fault {
	switch c.address.verb {
	case nodeBirth, birth:
		s, bad := c.announce()
		if bad == nil {
			c.format.metrics -= s.cost()
			c.observe(&s, true)
		}
		return bad
	case nodeData, data:
		return c.data()
	}
	return nil // it is known by now who is there
}

// askRebirth asks the node for a new birth, unless it was asked a short while
// ago.
func (c *conversation) askRebirth() {
	n := c.node
	since := c.received.Sub(n.asked)
	if c.replay || (!n.asked.IsZero() && since >= 0 && since < RebirthEvery) {
		return
	}
	n.asked = c.received
	c.report.Commands = append(c.report.Commands, rebirth(c.address, c.received))
}

// sequence holds the message's number against the one before: it goes from 0 to
// 255 and round again. The same number twice is a repetition.
func (c *conversation) sequence() {
	n, p := c.node, c.payload
	if !n.born {
		return // asked for by whoever needs the birth
	}
	if !p.hasSeq || p.seq > 255 || (p.seq != (n.seq+1)&255 && p.seq != n.seq) {
		n.stale = true
	}
	if p.hasSeq {
		n.seq = p.seq & 255
	}
	if n.stale {
		c.askRebirth()
	}
}

// nodeBirth takes the place of everything that the node said before.
func (c *conversation) nodeBirth() *fault {
	n, p := c.node, c.payload
	n.forget(c.format)
	n.stale, n.hasBdSeq = false, false
	own, bad := c.announce()
	if bad != nil {
		return bad
	}
	n.born, n.own = true, own
	n.devices = map[string]*scope{}
	n.seq = p.seq & 255
	n.bdSeq, n.hasBdSeq = c.bdSeq()
	c.presence(n.id, c.time(), sensors.Online)
	c.observe(&n.own, true)
	return nil
}

// bdSeq returns the number that tells the sessions of a node apart.
func (c *conversation) bdSeq() (uint64, bool) {
	for i := range c.payload.metrics {
		m := &c.payload.metrics[i]
		if string(m.name) == bdSeq && (m.field == metricLong || m.field == metricInt) {
			return m.bits, true
		}
	}
	return 0, false
}

// nodeDeath is the will of one session: it says nothing about a later one. Its
// timestamp is from the start of the session, so that the time is that of receipt.
func (c *conversation) nodeDeath() *fault {
	n := c.node
	seq, ok := c.bdSeq()
	if !ok {
		return faultf(sensors.ReasonBadField, "death of a node without bdSeq")
	}
	if n.born && n.hasBdSeq && seq != n.bdSeq {
		c.format.ignored(IgnoredOldWill)
		return nil
	}
	c.presence(n.id, c.received, sensors.Offline)
	for _, s := range sorted(n.devices) {
		c.presence(s.id, c.received, sensors.Offline)
	}
	n.forget(c.format)
	return nil
}

// birth announces a device.
func (c *conversation) birth() *fault {
	n := c.node
	if !n.born {
		c.askRebirth()
		return faultf(ReasonUnknownAlias, "birth of a device before that of its node")
	}
	n.drop(c.format, c.address.device)
	s, bad := c.announce()
	if bad != nil {
		return bad
	}
	n.devices[c.address.device] = &s
	c.presence(s.id, c.time(), sensors.Online)
	c.observe(&s, true)
	return nil
}

func (c *conversation) death() *fault {
	c.presence(c.address.id, c.time(), sensors.Offline)
	c.node.drop(c.format, c.address.device)
	return nil
}

// data is of a scope that was announced, or asks for a new birth.
func (c *conversation) data() *fault {
	n := c.node
	s := &n.own
	if c.address.verb == data {
		s = n.devices[c.address.device]
	}
	if !n.born || s == nil {
		c.askRebirth()
		return faultf(ReasonUnknownAlias, "data before birth")
	}
	c.observe(s, false)
	return nil
}

// presence says whether a device can be reached.
func (c *conversation) presence(id sensors.DeviceID, at time.Time, p sensors.Presence) {
	c.report.Health = append(c.report.Health, sensors.Health{Device: id, At: at, Presence: p})
}

// time returns the message's own time, or that of its receipt when it has none
// that can be.
func (c *conversation) time() time.Time {
	if c.payload.hasTimestamp {
		if at, ok := milliseconds(c.payload.timestamp); ok && !at.After(c.received) {
			return at
		}
	}
	return c.received
}

// announce reads a birth. What it remembers is counted.
func (c *conversation) announce() (scope, *fault) {
	s := scope{id: c.address.id, born: true, byName: map[string]*announced{}, byAlias: map[uint64]*announced{}}
	if c.format.metrics+len(c.payload.metrics)+1 > c.format.maxMetrics {
		return s, faultf(sensors.ReasonTooLarge, "more than %d metrics would have to be remembered", c.format.maxMetrics)
	}
	for i := range c.payload.metrics {
		m := &c.payload.metrics[i]
		if len(m.name) == 0 || len(m.name) > MaxNameBytes {
			continue // observe says so
		}
		a := &announced{name: string(m.name), datatype: m.datatype}
		a.rule = find(c.format.rules, a.name)
		s.byName[a.name] = a
		if m.hasAlias && s.byAlias[m.alias] == nil {
			s.byAlias[m.alias] = a
		}
	}
	c.format.metrics += s.cost()
	return s, nil
}
