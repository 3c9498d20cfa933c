package native

import (
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// What comes after a device's own topic says how the message is encoded.
const (
	cborSuffix     = topicSuffix + "/cbor"
	protobufSuffix = topicSuffix + "/pb"
)

// ReasonBadEncoding is that of messages that are not CBOR or protobuf, as their
// topic promises. The whole message is refused.
const ReasonBadEncoding = sensors.ReasonBadEncoding

// Format reads UrbanGrid's own format in its three encodings, each under its
// topic: JSON, CBOR and protobuf. It is safe for concurrent use.
type Format struct {
	decoder Decoder
}

var _ sensors.Format = (*Format)(nil)

// NewFormat returns a Format for the kinds of catalog.
func NewFormat(catalog *sensors.Catalog) *Format {
	return &Format{decoder: Decoder{catalog: catalog}}
}

// Name returns "native".
func (f *Format) Name() string { return "native" }

// Accepts reports whether topic is urbangrid/v1/{device}/obs, …/obs/cbor or
// …/obs/pb, with anything but a '/' as device.
func (f *Format) Accepts(topic string) bool {
	_, _, ok := splitTopic(topic)
	return ok
}

// Decode appends to r what the message says, as [Decoder.Decode],
// [Decoder.DecodeCBOR] and [Decoder.DecodeProtobuf] do. A topic whose device is
// no valid one is a fault, [sensors.ReasonBadDevice].
func (f *Format) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	device, encoding, ok := splitTopic(topic)
	if !ok || !sensors.ValidDeviceID(device) {
		r.Faults = append(r.Faults, sensors.Fault{
			Index: sensors.WholeMessage, Reason: sensors.ReasonBadDevice,
			Detail: faultf("", "topic %.200q names no valid device", topic).detail, Raw: payload,
		})
		return
	}
	var faults []sensors.Fault
	switch encoding {
	case cborSuffix:
		r.Observations, faults = f.decoder.DecodeCBOR(r.Observations, sensors.DeviceID(device), payload, received)
	case protobufSuffix:
		r.Observations, faults = f.decoder.DecodeProtobuf(r.Observations, sensors.DeviceID(device), payload, received)
	default:
		r.Observations, faults = f.decoder.Decode(r.Observations, sensors.DeviceID(device), payload, received)
	}
	r.Faults = append(r.Faults, faults...)
}

// splitTopic returns the device of topic and the suffix that names the encoding.
func splitTopic(topic string) (device, encoding string, ok bool) {
	rest, ok := strings.CutPrefix(topic, topicPrefix)
	if !ok {
		return "", "", false
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "", "", false
	}
	switch device, encoding = rest[:slash], rest[slash:]; encoding {
	case topicSuffix, cborSuffix, protobufSuffix:
		return device, encoding, true
	}
	return "", "", false
}
