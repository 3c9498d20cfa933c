// Package sparkplug reads Sparkplug B (Eclipse Sparkplug specification 3.0), as
// docs/formats/sparkplug.md describes. Which metrics mean which kind is
// configuration.
package sparkplug

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/urbangrid/urbangrid/sensors"
)

// Limits of a message.
const (
	MaxPayloadBytes      = 1 << 20
	MaxNameBytes         = 512 // of a metric's name
	maxMetricsPerMessage = 10_000
)

// RebirthEvery is how long an edge node is given to answer a request for a new
// birth before it is asked again.
const RebirthEvery = time.Minute

// Reasons that only Sparkplug has, beside those of package sensors.
const (
	ReasonBadEncoding  = sensors.ReasonBadEncoding  // not the protobuf of Sparkplug; the whole message is refused
	ReasonUnknownAlias = sensors.ReasonUnknownAlias // data that no birth has announced; a new birth is asked for
)

const (
	bdSeq          = "bdSeq"
	rebirthMetric  = "Node Control/Rebirth"
	compressedUUID = "SPBV1.0_COMPRESSED"
)

// Format reads messages and remembers what the births announced. It is safe for
// concurrent use; the messages of one edge node must be given to Decode one
// after the other, in the order in which they came.
type Format struct {
	rules      []*rule
	maxNodes   int
	maxMetrics int
	ignored    func(reason string)

	mu      sync.Mutex // guards what follows
	nodes   map[sensors.DeviceID]*node
	metrics int // remembered, of all nodes
}

var _ sensors.Ordered = (*Format)(nil)

// New returns a Format that has seen no birth yet: each edge node will be asked
// for one at its first data. The error joins every fault of opts.
func New(catalog *sensors.Catalog, opts Options) (*Format, error) {
	rules, err := opts.compile(catalog)
	if err != nil {
		return nil, err
	}
	f := &Format{
		rules: rules, maxNodes: opts.MaxNodes, maxMetrics: opts.MaxMetrics, ignored: opts.Ignored,
		nodes: map[sensors.DeviceID]*node{},
	}
	if f.ignored == nil {
		f.ignored = func(string) {}
	}
	if f.maxNodes == 0 {
		f.maxNodes = 10_000
	}
	if f.maxMetrics == 0 {
		f.maxMetrics = 500_000
	}
	return f, nil
}

// Name returns "sparkplug".
func (f *Format) Name() string { return "sparkplug" }

// Accepts reports whether topic is one of spBv1.0/#.
func (f *Format) Accepts(topic string) bool { return strings.HasPrefix(topic, namespace) }

// OrderedTopics returns spBv1.0/#: data means what the birth before it announced,
// and each message counts on from the one before.
func (f *Format) OrderedTopics() []string { return []string{namespace + "#"} }

// Decode appends to r what the message says. Commands, and the states of hosts,
// say nothing. A message that was received and written before others of its node
// is one that is read again: it says what it says and changes nothing that is
// remembered.
func (f *Format) Decode(r *sensors.Report, topic string, raw []byte, received time.Time) {
	received = received.UTC().Truncate(time.Microsecond)
	a, bad := parseTopic(topic)
	if bad == nil && (a.verb == state || a.verb == nodeCommand || a.verb == command) {
		f.ignored(IgnoredCommand)
		return
	}
	var p payload
	switch {
	case bad != nil:
	case len(raw) > MaxPayloadBytes:
		bad = faultf(sensors.ReasonTooLarge, "message has %d bytes, limit %d", len(raw), MaxPayloadBytes)
	case len(raw) == 0:
		bad = faultf(sensors.ReasonEmpty, "message is empty")
	default:
		if p, bad = readPayload(raw); bad == nil && p.uuid == compressedUUID {
			bad = faultf(ReasonBadEncoding, "compressed payloads are not read")
		}
	}
	if bad == nil {
		bad = f.message(r, a, &p, received)
	}
	if bad != nil {
		r.Faults = append(r.Faults, sensors.Fault{Index: sensors.WholeMessage, Reason: bad.reason, Detail: bad.detail, Raw: raw})
	}
}

// message gives the message to its node.
func (f *Format) message(r *sensors.Report, a address, p *payload, received time.Time) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, bad := f.node(a, received)
	if bad != nil {
		return bad
	}
	c := conversation{format: f, node: n, address: a, payload: p, report: r, received: received, replay: n.isReplay(p, received)}
	if c.replay {
		return c.again()
	}
	n.heard = received
	if p.hasTimestamp && a.verb != nodeDeath {
		n.spoke = p.timestamp
	}
	switch a.verb {
	case nodeBirth:
		return c.nodeBirth()
	case nodeDeath:
		return c.nodeDeath()
	}
	c.sequence()
	switch a.verb {
	case birth:
		return c.birth()
	case death:
		return c.death()
	default:
		return c.data()
	}
}

// node returns what is known of an edge node. When there is no room for another,
// the one that has been gone for longest makes room, and while all are there the
// new one is refused. The caller holds mu.
func (f *Format) node(a address, received time.Time) (*node, *fault) {
	if n := f.nodes[a.nodeID]; n != nil {
		return n, nil
	}
	if len(f.nodes) >= f.maxNodes && !f.forgetOne() {
		return nil, faultf(sensors.ReasonTooLarge, "%d edge nodes are alive already", f.maxNodes)
	}
	n := &node{id: a.nodeID, heard: received}
	f.nodes[n.id] = n
	return n, nil
}

func (f *Format) forgetOne() bool {
	var oldest sensors.DeviceID
	for key, n := range f.nodes {
		if n.born {
			continue
		}
		if o := f.nodes[oldest]; o == nil || n.heard.Before(o.heard) || (n.heard.Equal(o.heard) && key < oldest) {
			oldest = key
		}
	}
	if oldest == "" {
		return false
	}
	f.nodes[oldest].forget(f)
	delete(f.nodes, oldest)
	return true
}

// rebirth returns the command that asks an edge node for a new birth.
func rebirth(a address, at time.Time) sensors.Command {
	var m []byte
	m = protowire.AppendString(protowire.AppendTag(m, metricName, protowire.BytesType), rebirthMetric)
	m = protowire.AppendVarint(protowire.AppendTag(m, metricTimestamp, protowire.VarintType), uint64(at.UnixMilli()))
	m = protowire.AppendVarint(protowire.AppendTag(m, metricDatatype, protowire.VarintType), uint64(typeBoolean))
	m = protowire.AppendVarint(protowire.AppendTag(m, metricBoolean, protowire.VarintType), 1)
	var p []byte
	p = protowire.AppendVarint(protowire.AppendTag(p, payloadTimestamp, protowire.VarintType), uint64(at.UnixMilli()))
	p = protowire.AppendBytes(protowire.AppendTag(p, payloadMetrics, protowire.BytesType), m)
	return sensors.Command{Topic: namespace + a.group + "/" + nodeCommand + "/" + a.node, Payload: p}
}

// fault is why a metric, or everything, cannot be read.
type fault struct {
	reason string
	detail string
}

func faultf(reason, format string, args ...any) *fault {
	return &fault{reason: reason, detail: fmt.Sprintf(format, args...)}
}
