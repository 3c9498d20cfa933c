package chirpstack

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// reader reads one event. ChirpStack writes protobuf messages as JSON, in which a
// field that is zero, false or empty is left out.
type reader struct {
	format   *Format
	report   *sensors.Report
	payload  []byte
	received time.Time
	root     tree.Value
	device   sensors.DeviceID
	at       time.Time
}

func (e *reader) whole(p *tree.Problem) {
	e.report.Faults = append(e.report.Faults, p.Fault(sensors.WholeMessage, e.payload))
}

func (e *reader) fault(v tree.Value, reason, format string, args ...any) {
	e.report.Faults = append(e.report.Faults, tree.Problemf(reason, format, args...).Fault(0, v.Raw()))
}

func (e *reader) read(devEUI, event string) {
	if problem := e.identify(devEUI); problem != nil {
		e.whole(problem)
		return
	}
	e.at = e.received
	if v := e.root.Field("time"); v.Given() {
		text, _ := v.Text()
		at, ok := tree.RFC3339(text)
		if !ok {
			e.whole(tree.Problemf(sensors.ReasonBadTime, "time %.80s is not RFC 3339", v.Raw()))
			return
		}
		e.at = at
	}
	switch event {
	case "up":
		e.up()
	case "join":
		e.say(sensors.Health{Presence: sensors.Online})
	case "status":
		e.status()
	case "location":
		e.location()
	case "log":
		e.log()
	}
}

// identify sets the device. The topic is what the broker's access rules are
// about, so a message that speaks of another device is not believed.
func (e *reader) identify(devEUI string) *tree.Problem {
	topic := strings.ToLower(devEUI)
	if len(topic) != 16 || strings.Trim(topic, "0123456789abcdef") != "" {
		return tree.Problemf(sensors.ReasonBadDevice, "topic has %.80q, which is not a DevEUI of 16 hexadecimal digits", devEUI)
	}
	said, ok := e.root.Field("deviceInfo").Field("devEui").Text()
	if !ok {
		return tree.Problemf(sensors.ReasonBadDevice, "deviceInfo.devEui is missing: not an event of ChirpStack v4")
	}
	if !strings.EqualFold(said, topic) {
		return tree.Problemf(sensors.ReasonBadDevice, "deviceInfo.devEui is %.80q and the topic's is %q", said, devEUI)
	}
	e.device = sensors.DeviceID(topic)
	return nil
}

func (e *reader) say(h sensors.Health) {
	h.Device, h.At = e.device, e.at
	e.report.Health = append(e.report.Health, h)
}

// up reads an uplink. What the gateways say of their own position is not used:
// it is not the device's.
func (e *reader) up() {
	h := sensors.Health{Presence: sensors.Online, SignalDBm: e.strongest()}
	size := e.dataBytes()
	object := e.root.Field("object")
	switch {
	case object.Kind() == tree.Object && object.Len() > 0:
		e.object(object, &h)
	case object.Given() && object.Kind() != tree.Object:
		e.fault(object, sensors.ReasonBadField, "object is not an object")
	case size > 0:
		e.fault(e.root.Field("data"), sensors.ReasonNoProfile,
			"no decoded object: the device profile in ChirpStack has no codec, or it made nothing of these %d bytes on port %s", size, e.port())
	}
	e.say(h)
}

func (e *reader) object(object tree.Value, h *sensors.Health) {
	hint := profile.Hint{}
	if e.format.opts.ProfileOf != nil {
		if key, ok := e.format.opts.ProfileOf(e.device); ok {
			hint.Key = key
		}
	}
	hint.Name, _ = e.root.Field("deviceInfo").Field("deviceProfileName").Text()
	use, err := e.format.profiles.Match(hint, object)
	if err != nil {
		e.fault(object, sensors.ReasonNoProfile, "%s", tree.Note(err.Error()))
		return
	}
	use.Read(e.report, h, object, profile.Message{
		Device:   e.device,
		At:       e.at,
		Received: e.received,
		ID:       e.deduplicationID(),
	})
}

// deduplicationID is that of the uplink, the same however many gateways heard it
// and however often the event is delivered.
func (e *reader) deduplicationID() string {
	v := e.root.Field("deduplicationId")
	id, ok := v.Text()
	if !ok && v.Given() {
		e.fault(v, sensors.ReasonBadField, "deduplicationId is not a string")
	}
	return id
}

// dataBytes returns how many bytes the device sent.
func (e *reader) dataBytes() int {
	v := e.root.Field("data")
	if !v.Given() {
		return 0
	}
	text, ok := v.Text()
	if !ok {
		e.fault(v, sensors.ReasonBadField, "data is not base64")
		return 0
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		e.fault(v, sensors.ReasonBadField, "data is not base64: %v", err)
	}
	return len(data)
}

// port returns fPort for a person; a port that is left out is 0.
func (e *reader) port() string {
	if n, ok := e.root.Field("fPort").Number(); ok {
		return fmt.Sprintf("%.0f", n)
	}
	return "0"
}

// strongest returns the strength with which the best gateway received, nil when
// none says.
func (e *reader) strongest() *float64 {
	var best *float64
	bad := tree.Value{}
	for _, gateway := range e.root.Field("rxInfo").Elements() {
		v := gateway.Field("rssi")
		if !v.Given() {
			continue
		}
		rssi, ok := v.Number()
		if !ok {
			bad = v
			continue
		}
		if best == nil || rssi > *best {
			best = &rssi
		}
	}
	if bad.Given() {
		e.fault(bad, sensors.ReasonBadField, "rssi is not a number")
	}
	return best
}

// What DevStatusAns (LoRaWAN 1.0.4, 5.5) says of a battery instead of a level.
// ChirpStack turns both into flags and a percentage; bridges between versions
// have been seen to leave them as they are.
const (
	batteryUnknown = 255
	batteryFull    = 254
)

// status reads what the device answered to the network. A level that is left out
// is 0 %, unless the device has none to tell. The margin is a ratio to noise, not
// a strength, and is not kept.
func (e *reader) status() {
	h := sensors.Health{Presence: sensors.Online}
	external, _ := e.root.Field("externalPowerSource").Bool()
	unavailable, _ := e.root.Field("batteryLevelUnavailable").Bool()
	level := 0.0
	if v := e.root.Field("batteryLevel"); v.Given() {
		var ok bool
		if level, ok = v.LooseNumber(); !ok || level < 0 || (level > 100 && level != batteryFull && level != batteryUnknown) {
			e.fault(v, sensors.ReasonBadField, "batteryLevel is not 0 to 100 %%")
			unavailable = true
		}
	}
	switch {
	case external || unavailable || level == batteryUnknown:
	case level == batteryFull:
		level = 100
		h.BatteryPercent = &level
	default:
		h.BatteryPercent = &level
	}
	e.say(h)
}

// location reads a position that the network worked out or the device measured.
func (e *reader) location() {
	v := e.root.Field("location")
	lat, lon := v.Field("latitude"), v.Field("longitude")
	if !lat.Given() && !lon.Given() {
		e.whole(tree.Problemf(sensors.ReasonBadPosition, "location has neither latitude nor longitude"))
		return
	}
	latDegrees, okLat := zeroOr(lat)
	lonDegrees, okLon := zeroOr(lon)
	if !okLat || !okLon {
		e.whole(tree.Problemf(sensors.ReasonBadPosition, "latitude and longitude are not both numbers"))
		return
	}
	position, problem := tree.Coordinates(latDegrees, lonDegrees, sensors.WGS84)
	if problem != nil {
		e.whole(problem)
		return
	}
	e.say(sensors.Health{Position: position})
}

// zeroOr reads a number that is left out when it is 0.
func zeroOr(v tree.Value) (float64, bool) {
	if !v.Given() {
		return 0, true
	}
	return v.Number()
}

// log reads what went wrong between the network and the device. An error about
// an uplink means that a measurement was lost, which is a fault as well as a note.
func (e *reader) log() {
	level, code := wordOr(e.root.Field("level"), "INFO"), wordOr(e.root.Field("code"), "UNKNOWN")
	description, _ := e.root.Field("description").Text()
	note := level + " " + code
	if description != "" {
		note += ": " + description
	}
	note = tree.Note(note)
	e.say(sensors.Health{Note: note})
	if level == "ERROR" && (strings.HasPrefix(code, "UPLINK_") || code == "OTAA") {
		e.fault(e.root, sensors.ReasonNotDelivered, "%s", note)
	}
}

// wordOr reads an enumeration, whose first value is left out.
func wordOr(v tree.Value, first string) string {
	if s, ok := v.Text(); ok && s != "" {
		return s
	}
	return first
}
