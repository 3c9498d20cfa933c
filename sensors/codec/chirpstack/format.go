// Package chirpstack reads the JSON events of ChirpStack v4's MQTT integration:
// what a LoRaWAN device sent, as decoded by the codec of its device profile, and
// what the network knows of the device. See docs/formats/chirpstack.md.
package chirpstack

import (
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// Options tunes a Format. The zero Options reads the topics that ChirpStack uses
// unless it is told otherwise.
type Options struct {
	// Prefix stands before "application/" in every topic, e.g. "eu868" or
	// "city/eu868"; "" means nothing does.
	Prefix string
	// ProfileOf returns the key of the profile that the device register names for a
	// device, and false when it names none. It must be safe for concurrent use and
	// not block. nil means that the register names none.
	ProfileOf func(sensors.DeviceID) (key string, ok bool)
}

// Format reads events. It is safe for concurrent use.
type Format struct {
	profiles *profile.Set
	opts     Options
	docs     sync.Pool // of *tree.Doc
}

var _ sensors.Format = (*Format)(nil)

// New returns a Format that reads objects by profiles.
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

// Name returns "chirpstack".
func (*Format) Name() string { return "chirpstack" }

// Accepts reports whether topic is application/{id}/device/{devEui}/event/{event}
// with an event that says something about the city or the device: up, join,
// status, location or log. Acknowledgements of downlinks are left to others.
func (f *Format) Accepts(topic string) bool {
	_, _, ok := f.parse(topic)
	return ok
}

func (f *Format) parse(topic string) (devEUI, event string, ok bool) {
	rest, ok := strings.CutPrefix(topic, f.opts.Prefix)
	if !ok {
		return "", "", false
	}
	if rest, ok = strings.CutPrefix(rest, "application/"); !ok {
		return "", "", false
	}
	application, rest, ok := strings.Cut(rest, "/device/")
	if !ok || application == "" || strings.Contains(application, "/") {
		return "", "", false
	}
	devEUI, event, ok = strings.Cut(rest, "/event/")
	if !ok || devEUI == "" || strings.Contains(devEUI, "/") {
		return "", "", false
	}
	switch event {
	case "up", "join", "status", "location", "log":
		return devEUI, event, true
	}
	return "", "", false
}

// Decode reads one event. The device is named by its DevEUI in lower case, which
// topic and message must agree on. Of an uplink each field of the decoded object
// stands for itself; where the profile is missing, the whole object is the fault.
func (f *Format) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	devEUI, event, ok := f.parse(topic)
	if !ok {
		return
	}
	doc := f.docs.Get().(*tree.Doc)
	defer f.docs.Put(doc)
	e := reader{format: f, report: r, payload: payload, received: tree.Micros(received)}
	root, problem := doc.Parse(payload)
	switch {
	case problem != nil:
		e.whole(problem)
	case root.Kind() != tree.Object:
		e.whole(tree.Problemf(sensors.ReasonNotObject, "message is not an object"))
	default:
		e.root = root
		e.read(devEUI, event)
	}
}
