// Package tts reads the JSON messages of The Things Stack v3's MQTT server: what
// a LoRaWAN device sent, as decoded by its payload formatter, and what the
// network knows of the device. See docs/formats/tts.md.
package tts

import (
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// Naming says what names a device here.
type Naming uint8

// ByDeviceID takes the id that the application gives the device. It is unique
// within its application only: with several applications it is ByDevEUI that
// tells all devices apart, in lower case as the chirpstack format has it. A
// device without a DevEUI is named by its id in any case.
const (
	ByDeviceID Naming = iota
	ByDevEUI
)

// Options tunes a Format. The zero Options reads the topics of the stack itself.
type Options struct {
	// Prefix stands before "v3/" in every topic, as brokers that bridge the
	// stack's messages add it, e.g. "ttn"; "" means nothing does.
	Prefix string
	// Naming says what names a device; the zero value is ByDeviceID.
	Naming Naming
	// ProfileOf returns the key of the profile that the device register names for a
	// device, and false when it names none. It must be safe for concurrent use and
	// not block. nil means that the register names none.
	ProfileOf func(sensors.DeviceID) (key string, ok bool)
}

// Format reads messages. It is safe for concurrent use.
type Format struct {
	profiles *profile.Set
	opts     Options
	docs     sync.Pool // of *tree.Doc
}

var _ sensors.Format = (*Format)(nil)

// New returns a Format that reads decoded payloads by profiles.
func New(profiles *profile.Set, opts Options) *Format {
	if opts.Prefix != "" && !strings.HasSuffix(opts.Prefix, "/") {
		opts.Prefix += "/"
	}
	return &Format{
		profiles: profiles,
		opts:     opts,
		docs:     sync.Pool{New: func() any { return new(tree.Doc) }},
	}
}

// Name returns "tts".
func (*Format) Name() string { return "tts" }

// Accepts reports whether topic is v3/{application}@{tenant}/devices/{id}/
// followed by up, join or location/solved. An installation with one tenant has
// no '@' part. Messages about downlinks are left to others.
func (f *Format) Accepts(topic string) bool {
	_, ok := f.parse(topic)
	return ok
}

// address is what a topic says.
type address struct {
	application string
	device      string
	event       string
}

func (f *Format) parse(topic string) (address, bool) {
	rest, ok := strings.CutPrefix(topic, f.opts.Prefix)
	if !ok {
		return address{}, false
	}
	if rest, ok = strings.CutPrefix(rest, "v3/"); !ok {
		return address{}, false
	}
	application, rest, ok := strings.Cut(rest, "/devices/")
	if !ok || application == "" || strings.Contains(application, "/") {
		return address{}, false
	}
	device, event, ok := strings.Cut(rest, "/")
	if !ok || device == "" {
		return address{}, false
	}
	application, _, _ = strings.Cut(application, "@")
	switch event {
	case "up", "join", "location/solved":
		return address{application, device, event}, application != ""
	}
	return address{}, false
}

// Decode reads one message. Topic and message must name the same device. Of an
// uplink each field of the decoded payload stands for itself; where the profile
// is missing, the whole object is the fault.
func (f *Format) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	a, ok := f.parse(topic)
	if !ok {
		return
	}
	doc := f.docs.Get().(*tree.Doc)
	defer f.docs.Put(doc)
	m := reader{format: f, report: r, payload: payload, received: tree.Micros(received)}
	root, problem := doc.Parse(payload)
	switch {
	case problem != nil:
		m.whole(problem)
	case root.Kind() != tree.Object:
		m.whole(tree.Problemf(sensors.ReasonNotObject, "message is not an object"))
	default:
		m.root = root
		m.read(a)
	}
}
