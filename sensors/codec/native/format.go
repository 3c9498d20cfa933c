package native

import (
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// Format is the native format as sensors.Format: the device is named by the
// topic. It is safe for concurrent use.
type Format struct{ decoder *Decoder }

var _ sensors.Format = (*Format)(nil)

// NewFormat returns the Format for the kinds of catalog.
func NewFormat(catalog *sensors.Catalog) *Format { return &Format{NewDecoder(catalog)} }

// Name implements sensors.Format.
func (f *Format) Name() string { return "native" }

// Accepts implements sensors.Format.
func (f *Format) Accepts(topic string) bool {
	_, ok := f.decoder.Device(topic)
	return ok
}

// Decode implements sensors.Format.
func (f *Format) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	device, ok := f.decoder.Device(topic)
	if !ok || !sensors.ValidDeviceID(string(device)) {
		r.Faults = append(r.Faults, sensors.Fault{
			Index: sensors.WholeMessage, Reason: sensors.ReasonBadDevice,
			Detail: fmt.Sprintf("%.40q is not a device id", device), Raw: payload,
		})
		return
	}
	var faults []sensors.Fault
	r.Observations, faults = f.decoder.Decode(r.Observations, device, payload, received)
	r.Faults = append(r.Faults, faults...)
}
