// Package senml reads Sensor Measurement Lists (RFC 8428) in JSON and CBOR, as
// docs/formats/senml.md describes. Which topics carry them and which names and
// units mean which kind is configuration.
package senml

import (
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

// Limits of a message.
const (
	MaxPayloadBytes = 1 << 20 // of one pack
	MaxRecords      = 10_000  // of one pack
	MaxDepth        = 16      // nesting of a pack, its own array included
)

// Reasons that only SenML has, beside those of package sensors.
const (
	ReasonBadEncoding = sensors.ReasonBadEncoding // not CBOR; the whole message is refused
	ReasonNotArray    = sensors.ReasonNotArray    // JSON or CBOR, but no array; the whole message is refused
	ReasonBadName     = sensors.ReasonBadName     // base name and name together are no name of section 4.5.1
	ReasonBadVersion  = sensors.ReasonBadVersion  // a version that is newer than 10, or not the same in all records; the whole message is refused
	ReasonMustKnow    = sensors.ReasonMustKnow    // an unknown field that ends in "_"; the whole message is refused
	ReasonWrongUnit   = sensors.ReasonWrongUnit   // the unit does not fit the kind
)

// Format reads packs. It is safe for concurrent use.
type Format struct {
	topics  []topic
	rules   []rule
	ignored func(reason string)
	cbor    cbor.DecMode
}

var _ sensors.Format = (*Format)(nil)

// New returns a Format for the topics and rules of opts. The error joins every
// fault of opts.
func New(catalog *sensors.Catalog, opts Options) (*Format, error) {
	topics, rules, err := opts.compile(catalog)
	if err != nil {
		return nil, err
	}
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  MaxDepth,
		MaxArrayElements: MaxPayloadBytes,
		MaxMapPairs:      MaxPayloadBytes,
		BignumTag:        cbor.BignumTagForbidden,
	}.DecMode()
	if err != nil {
		return nil, fmt.Errorf("CBOR decoder: %w", err)
	}
	f := &Format{topics: topics, rules: rules, cbor: mode, ignored: opts.Ignored}
	if f.ignored == nil {
		f.ignored = func(string) {}
	}
	return f, nil
}

// Name returns "senml".
func (f *Format) Name() string { return "senml" }

// Accepts reports whether one of the configured filters matches topic.
func (f *Format) Accepts(topic string) bool { return f.topic(topic) != nil }

func (f *Format) topic(name string) *topic {
	for i := range f.topics {
		if f.topics[i].matches(name) {
			return &f.topics[i]
		}
	}
	return nil
}

// Decode appends to r what the pack in payload says. The first byte tells JSON
// from CBOR. A record that is no observation costs itself, but for what decides
// how the others are read: base fields, the version, and fields that a reader
// must know.
func (f *Format) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	refuse := func(bad *fault) {
		r.Faults = append(r.Faults, sensors.Fault{Index: sensors.WholeMessage, Reason: bad.reason, Detail: bad.detail, Raw: payload})
	}
	p := pack{rules: f.rules, ignored: f.ignored, received: received.UTC().Truncate(time.Microsecond)}
	if t := f.topic(topic); t != nil && t.deviceLevel > 0 {
		device := level(topic, t.deviceLevel)
		if !sensors.ValidDeviceID(device) {
			refuse(faultf(sensors.ReasonBadDevice, "level %d of topic %.200q names no valid device", t.deviceLevel, topic))
			return
		}
		p.device = sensors.DeviceID(device)
	}
	records, bad := f.records(payload)
	if bad == nil {
		bad = p.resolve(records)
	}
	if bad != nil {
		refuse(bad)
		return
	}
	p.report(r)
}

// records takes the pack apart.
func (f *Format) records(payload []byte) ([]record, *fault) {
	switch {
	case len(payload) > MaxPayloadBytes:
		return nil, faultf(sensors.ReasonTooLarge, "message has %d bytes, limit %d", len(payload), MaxPayloadBytes)
	case len(payload) == 0:
		return nil, faultf(sensors.ReasonEmpty, "message is empty")
	}
	// No JSON text begins with a byte of 0x80 or above: it would not be UTF-8.
	if payload[0] >= 0x80 {
		return readCBOR(f.cbor, payload)
	}
	return readJSON(payload)
}

// fault is why a record, or everything, cannot be read.
type fault struct {
	reason string
	detail string
}

func faultf(reason, format string, args ...any) *fault {
	return &fault{reason: reason, detail: fmt.Sprintf(format, args...)}
}
