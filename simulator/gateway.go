package simulator

import (
	"fmt"
	"time"
)

// devicesPerGateway is how many devices of the city share a gateway.
const devicesPerGateway = 40

// gatewayPatience is how long a reading waits for others.
const gatewayPatience = time.Second

// gateways collect readings into arrays.
type gateways struct {
	batch   int
	of      map[*device]*gateway
	waiting []*gateway // those that hold something, the one with the oldest first
	ahead   reading    // read, not yet collected
	has     bool
	over    bool
	now     time.Duration
}

type gateway struct {
	id     string
	topic  string
	array  []byte
	count  int
	oldest time.Duration // due time of its first reading
}

func newGateways(c *City, batch int) *gateways {
	g := &gateways{batch: batch, of: make(map[*device]*gateway, len(c.devices))}
	n := (len(c.devices) + devicesPerGateway - 1) / devicesPerGateway
	all := make([]*gateway, n)
	for i := range all {
		id := fmt.Sprintf("gateway-%04d", i+1)
		all[i] = &gateway{id: id, topic: topicOf(id)}
	}
	for i, d := range c.devices {
		g.of[d] = all[i%n] // every gateway has devices of every kind
	}
	return g
}

func (g *gateways) next(c *City) (Message, bool) {
	for {
		if !g.has && !g.over {
			g.ahead, g.has = c.nextReading()
			g.over = !g.has
		}
		if len(g.waiting) > 0 {
			first := g.waiting[0]
			if g.over || first.oldest+gatewayPatience <= g.ahead.due {
				due := first.oldest + gatewayPatience
				if c.opts.Length > 0 {
					due = min(due, c.opts.Length)
				}
				return g.flush(first, due), true
			}
		}
		if g.over {
			return Message{}, false
		}
		if full := g.collect(c); full != nil {
			return g.flush(full, g.ahead.due), true
		}
	}
}

// collect takes in the reading ahead and returns its gateway when that is full.
func (g *gateways) collect(c *City) *gateway {
	w := g.of[g.ahead.device]
	g.has = false
	if w.count == 0 {
		w.array, w.oldest = append(make([]byte, 0, 200*g.batch), '['), g.ahead.due
		g.waiting = append(g.waiting, w)
	} else {
		w.array = append(w.array, ',')
	}
	w.array = appendReading(w.array, c.opts.Start, g.ahead, w.id)
	w.count++
	if w.count < g.batch {
		return nil
	}
	return w
}

func (g *gateways) flush(w *gateway, due time.Duration) Message {
	for i := range g.waiting {
		if g.waiting[i] == w {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			break
		}
	}
	g.now = max(g.now, due)
	m := Message{Topic: w.topic, Payload: append(w.array, ']'), Observations: w.count, Due: g.now}
	w.array, w.count = nil, 0
	return m
}
