// Package sensors says what a device says: an observation of a kind, by a
// device, at a time. It imports nothing of UrbanGrid, everything else imports it.
package sensors

import "time"

// DeviceID names a device. It is the name the device publishes under, 1 to
// [MaxDeviceIDBytes] bytes, without the MQTT characters '/', '+', '#' and
// without control characters, and is neither "." nor "..", which no address can end in.
type DeviceID string

// MaxDeviceIDBytes bounds a DeviceID.
const MaxDeviceIDBytes = 128

// MaxIDBytes bounds [Observation.ID].
const MaxIDBytes = 128

// Datum is the geodetic datum that a source states for its positions.
type Datum uint8

// The datums that sources in China use. Everything inside UrbanGrid is WGS-84;
// grid converts once on entry.
const (
	NoDatum Datum = iota // no position was given
	WGS84                // EPSG:4326
	GCJ02                // the obfuscated datum of Chinese maps
	BD09                 // Baidu's shift on top of GCJ-02
)

// Position is a place as its source stated it: degrees in the named datum.
// The zero Position means that none was given.
type Position struct {
	LatDegrees float64
	LonDegrees float64
	Datum      Datum
}

// Known reports whether a position was given.
func (p Position) Known() bool { return p.Datum != NoDatum }

// Observation is one value of one kind from one device. It is identified by
// (Device, ID) when ID is set, otherwise by (Device, Kind, At).
type Observation struct {
	Device   DeviceID
	Kind     KindKey
	Value    float64   // in the unit of the kind; an event counts as 1 unless it says otherwise
	At       time.Time // phenomenon time: when it was measured, UTC, whole microseconds
	Received time.Time // when UrbanGrid took it in, UTC, whole microseconds
	ID       string    // the source's own name for the event; "" when it has none
	Position Position  // as the source stated it, raw and unconverted
	Attrs    string    // one compact JSON object, or "" for none
}
