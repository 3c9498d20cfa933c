package tts

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
	"github.com/urbangrid/urbangrid/sensors/profile"
)

// reader reads one message. A field that is zero, false or empty is left out of
// it.
type reader struct {
	format   *Format
	report   *sensors.Report
	payload  []byte
	received time.Time
	root     tree.Value
	device   sensors.DeviceID
	at       time.Time
}

func (m *reader) whole(p *tree.Problem) {
	m.report.Faults = append(m.report.Faults, p.Fault(sensors.WholeMessage, m.payload))
}

func (m *reader) fault(v tree.Value, reason, format string, args ...any) {
	m.report.Faults = append(m.report.Faults, tree.Problemf(reason, format, args...).Fault(0, v.Raw()))
}

func (m *reader) say(h sensors.Health) {
	h.Device, h.At = m.device, m.at
	m.report.Health = append(m.report.Health, h)
}

// bodies are the fields that hold what each event is about.
var bodies = map[string]string{
	"up":              "uplink_message",
	"join":            "join_accept",
	"location/solved": "location_solved",
}

func (m *reader) read(a address) {
	if problem := m.identify(a); problem != nil {
		m.whole(problem)
		return
	}
	body := m.root.Field(bodies[a.event])
	if body.Kind() != tree.Object {
		m.whole(tree.Problemf(sensors.ReasonBadField, "%s is missing", bodies[a.event]))
		return
	}
	if problem := m.time(body); problem != nil {
		m.whole(problem)
		return
	}
	switch a.event {
	case "up":
		m.up(body)
	case "join":
		m.say(sensors.Health{Presence: sensors.Online})
	default:
		position, problem := positionOf(body.Field("location"))
		if problem != nil {
			m.whole(problem)
			return
		}
		m.say(sensors.Health{Position: position})
	}
}

// identify sets the device. The topic is what the broker's access rules are
// about, so a message that speaks of another device is not believed.
func (m *reader) identify(a address) *tree.Problem {
	ids := m.root.Field("end_device_ids")
	if id := ids.Field("device_id"); !id.Is(a.device) {
		return tree.Problemf(sensors.ReasonBadDevice, "end_device_ids.device_id is %.80s and the topic's is %.80q", orMissing(id), a.device)
	}
	if id := ids.Field("application_ids").Field("application_id"); id.Given() && !id.Is(a.application) {
		return tree.Problemf(sensors.ReasonBadDevice, "application_id is %.80s and the topic's is %.80q", id.Raw(), a.application)
	}
	name := a.device
	if m.format.opts.Naming == ByDevEUI {
		if eui, ok := ids.Field("dev_eui").Text(); ok && eui != "" {
			name = strings.ToLower(eui)
		}
	}
	device, problem := tree.DeviceID(name)
	m.device = device
	return problem
}

func orMissing(v tree.Value) []byte {
	if !v.Given() {
		return []byte("missing")
	}
	return v.Raw()
}

// time takes when the network server received the message, then when the
// application server did. The gateway's own time, settings.time, is not used:
// gateways need not know the time.
func (m *reader) time(body tree.Value) *tree.Problem {
	m.at = m.received
	for _, v := range [...]tree.Value{body.Field("received_at"), m.root.Field("received_at")} {
		if !v.Given() {
			continue
		}
		text, _ := v.Text()
		at, ok := tree.RFC3339(text)
		if !ok {
			return tree.Problemf(sensors.ReasonBadTime, "received_at %.80s is not RFC 3339", v.Raw())
		}
		m.at = at
		return nil
	}
	return nil
}

// up reads an uplink. What gateways say of their own position, in rx_metadata,
// is not used: it is not the device's.
func (m *reader) up(uplink tree.Value) {
	if simulated, _ := m.root.Field("simulated").Bool(); simulated {
		m.whole(tree.Problemf(sensors.ReasonNotDelivered, "the uplink was simulated in the console: no device measured this"))
		return
	}
	h := sensors.Health{Presence: sensors.Online, SignalDBm: m.strongest(uplink), BatteryPercent: m.battery(uplink)}
	h.Position = m.position(uplink)
	m.warn(uplink, &h)
	m.measured(uplink, &h)
	m.say(h)
}

// warn notes the first thing that the payload formatter complained of.
func (m *reader) warn(uplink tree.Value, h *sensors.Health) {
	if warning, ok := uplink.Field("decoded_payload_warnings").Element(0).Text(); ok {
		h.Note = tree.Note(warning)
	}
}

// measured reads the decoded payload by its profile. Without one it reads the
// normalized payload, whose names and units are fixed.
func (m *reader) measured(uplink tree.Value, h *sensors.Health) {
	message := profile.Message{
		Device:   m.device,
		At:       m.at,
		Received: m.received,
		ID:       m.id(uplink),
		Position: h.Position,
	}
	object := uplink.Field("decoded_payload")
	if object.Given() && object.Kind() != tree.Object {
		m.fault(object, sensors.ReasonBadField, "decoded_payload is not an object")
		return
	}
	if object.Len() > 0 {
		hint := m.hint(uplink)
		use, err := m.format.profiles.Match(hint, object)
		if err == nil {
			use.Read(m.report, h, object, message)
			return
		}
		if hint.Key == "" && m.normalized(uplink, h, message) {
			return
		}
		m.fault(object, sensors.ReasonNoProfile, "%s", tree.Note(err.Error()))
		return
	}
	if m.normalized(uplink, h, message) {
		return
	}
	if size := m.dataBytes(uplink); size > 0 {
		m.fault(uplink.Field("frm_payload"), sensors.ReasonNoProfile,
			"no decoded payload: the device has no payload formatter, or it made nothing of these %d bytes", size)
	}
}

func (m *reader) hint(uplink tree.Value) profile.Hint {
	hint := profile.Hint{}
	if m.format.opts.ProfileOf != nil {
		if key, ok := m.format.opts.ProfileOf(m.device); ok {
			hint.Key = key
		}
	}
	version := uplink.Field("version_ids")
	hint.Vendor, _ = version.Field("brand_id").Text()
	hint.Model, _ = version.Field("model_id").Text()
	return hint
}

// normalizedProfile is the shipped profile of normalized payloads.
const normalizedProfile = "lorawan-normalized"

// normalized reads the normalized payload, a list of which each element may have
// its own time. It returns false when there is none.
func (m *reader) normalized(uplink tree.Value, h *sensors.Health, message profile.Message) bool {
	list := uplink.Field("normalized_payload")
	if list.Kind() != tree.Array || list.Len() == 0 {
		return false
	}
	use, err := m.format.profiles.Match(profile.Hint{Key: normalizedProfile}, list)
	if err != nil {
		return false // an administrator's set without it
	}
	id := message.ID
	for i, e := range list.Elements() {
		message.At = m.at
		if v := e.Field("time"); v.Given() {
			text, _ := v.Text()
			at, ok := tree.RFC3339(text)
			if !ok {
				m.fault(e, sensors.ReasonBadTime, "normalized_payload[%d].time is not RFC 3339", i)
				continue
			}
			message.At = at
		}
		if id != "" && i > 0 {
			message.ID = id + "/" + strconv.Itoa(i)
		}
		use.Read(m.report, h, e, message)
	}
	return true
}

// id names the uplink. The stack has no id for it; its session and counter are
// unique, since a counter never repeats within a session. Without a session it is
// when the network server received it. A counter that is left out is 0.
func (m *reader) id(uplink tree.Value) string {
	count := "0"
	if v := uplink.Field("f_cnt"); v.Given() {
		n, ok := v.LooseNumber()
		if !ok || n < 0 || n > math.MaxUint32 || n != math.Trunc(n) {
			m.fault(v, sensors.ReasonBadField, "f_cnt is not a counter of 32 bits")
			return ""
		}
		count = strconv.FormatUint(uint64(n), 10)
	}
	session, ok := uplink.Field("session_key_id").Text()
	if !ok || session == "" {
		if session, ok = uplink.Field("received_at").Text(); !ok {
			return ""
		}
	}
	return session + "/" + count
}

// dataBytes returns how many bytes the device sent.
func (m *reader) dataBytes(uplink tree.Value) int {
	v := uplink.Field("frm_payload")
	if !v.Given() {
		return 0
	}
	text, ok := v.Text()
	data, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil {
		m.fault(v, sensors.ReasonBadField, "frm_payload is not base64")
	}
	return len(data)
}

// strongest returns the strength with which the best gateway received, nil when
// none says.
func (m *reader) strongest(uplink tree.Value) *float64 {
	var best *float64
	bad := tree.Value{}
	for _, gateway := range uplink.Field("rx_metadata").Elements() {
		v := gateway.Field("rssi")
		if !v.Given() {
			v = gateway.Field("channel_rssi")
		}
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
		m.fault(bad, sensors.ReasonBadField, "rssi is not a number")
	}
	return best
}

// battery returns the level that the device told the network with this uplink.
// The stack repeats the last one it knows, under the counter it came with.
func (m *reader) battery(uplink tree.Value) *float64 {
	last := uplink.Field("last_battery_percentage")
	v := last.Field("value")
	if !v.Given() || string(last.Field("f_cnt").Raw()) != string(uplink.Field("f_cnt").Raw()) {
		return nil
	}
	level, ok := v.Number()
	if !ok || level < 0 || level > 100 {
		m.fault(v, sensors.ReasonBadField, "last_battery_percentage is not 0 to 100 %%")
		return nil
	}
	return &level
}

// position returns the device's best position: one that it measured, else one
// that the network worked out, else the one that a person registered there.
func (m *reader) position(uplink tree.Value) sensors.Position {
	var best tree.Value
	rank := 0
	for name, v := range uplink.Field("locations").Fields() {
		source, _ := v.Field("source").Text()
		r := 2
		switch {
		case source == "SOURCE_GPS" || name == "frm-payload":
			r = 3
		case source == "SOURCE_REGISTRY" || name == "user":
			r = 1
		}
		if r > rank {
			best, rank = v, r
		}
	}
	if rank == 0 {
		return sensors.Position{}
	}
	position, problem := positionOf(best)
	if problem != nil {
		m.report.Faults = append(m.report.Faults, problem.Fault(0, best.Raw()))
	}
	return position
}

func positionOf(location tree.Value) (sensors.Position, *tree.Problem) {
	lat, lon := location.Field("latitude"), location.Field("longitude")
	if !lat.Given() && !lon.Given() {
		return sensors.Position{}, tree.Problemf(sensors.ReasonBadPosition, "location has neither latitude nor longitude")
	}
	latDegrees, okLat := zeroOr(lat)
	lonDegrees, okLon := zeroOr(lon)
	if !okLat || !okLon {
		return sensors.Position{}, tree.Problemf(sensors.ReasonBadPosition, "latitude and longitude are not both numbers")
	}
	return tree.Coordinates(latDegrees, lonDegrees, sensors.WGS84)
}

// zeroOr reads a number that is left out when it is 0.
func zeroOr(v tree.Value) (float64, bool) {
	if !v.Given() {
		return 0, true
	}
	return v.Number()
}
