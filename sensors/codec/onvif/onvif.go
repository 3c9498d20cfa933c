// Package onvif reads what ONVIF Profile M devices publish over MQTT: events as
// JSON (onvif-ej) and the sensor data of the metadata stream (onvif-mj).
package onvif

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

var _ sensors.Ordered = (*Decoder)(nil)

// Decoder reads messages of any number of devices. It is safe for concurrent
// use. It remembers which properties are true, so that a state counts once,
// when it begins. This memory is lost at a restart: a state that is true then
// comes back as a retained message; it is the same observation as before if the
// device has not repeated it with another time since, and otherwise counts once
// more.
type Decoder struct {
	opts   Options
	rules  []rule
	states *states
	docs   sync.Pool
}

// NewDecoder returns a Decoder. The error joins everything that is wrong with
// opts; kinds must be in catalog.
func NewDecoder(catalog *sensors.Catalog, opts Options) (*Decoder, error) {
	rules, err := compile(catalog, &opts)
	if err != nil {
		return nil, err
	}
	d := &Decoder{opts: opts, rules: rules, states: newStates(opts.MaxStates)}
	d.docs.New = func() any { return new(tree.Doc) }
	return d, nil
}

// Name returns "onvif".
func (d *Decoder) Name() string { return "onvif" }

// Accepts reports whether topic has the part /onvif-ej/ or /onvif-mj/.
func (d *Decoder) Accepts(topic string) bool {
	_, ok := ParseTopic(topic)
	return ok
}

// OrderedTopics returns the filters of both payloads below prefixes of up to
// [MaxPrefixLevels] levels: a state that ends before it has begun would be missed.
func (d *Decoder) OrderedTopics() []string {
	var filters []string
	prefix := ""
	for range MaxPrefixLevels {
		prefix += "/+"
		filters = append(filters, prefix[1:]+eventPart+"#", prefix[1:]+metadataPart+"#")
	}
	return filters
}

// MaxPrefixLevels is how many levels a topic prefix may have for its messages to be
// found at another broker, whose filters must name the level of each part. Decode
// takes any number.
const MaxPrefixLevels = 3

// Decode reads one message, see [sensors.Format]. Events of the city become
// observations by the rules, faults of the camera become [sensors.Health]. What
// no rule asks for becomes nothing, and Options.Ignored is told.
func (d *Decoder) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	t, ok := ParseTopic(topic)
	if !ok {
		return
	}
	if len(payload) == 0 {
		d.states.forget(topic)
		d.opts.Ignored(IgnoredDeleted)
		return
	}
	doc := d.docs.Get().(*tree.Doc)
	defer d.docs.Put(doc)
	root, p := doc.Parse(payload)
	index := sensors.WholeMessage
	if p == nil {
		index = 0
		m := message{Topic: t, full: topic, root: root, received: tree.Micros(received)}
		p = d.message(r, &m)
	}
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(index, payload))
	}
}

// message is one message, its parts found in either payload.
type message struct {
	Topic
	full     string // the MQTT topic
	root     tree.Value
	received time.Time

	source, data tree.Value
	device       sensors.DeviceID
	at           time.Time
}

func (d *Decoder) message(r *sensors.Report, m *message) *tree.Problem {
	if m.root.Kind() != tree.Object {
		return tree.Problemf(sensors.ReasonNotObject, "message is not a JSON object")
	}
	utc := m.root.Field("UtcTime")
	m.source, m.data = m.root.Field("Source"), m.root.Field("Data")
	if m.Metadata {
		m.data = m.root.Field("SensorData")
		if !m.data.Given() {
			d.opts.Ignored(IgnoredMetadata)
			return nil
		}
		utc, m.source = m.data.Field("@UtcTime"), m.data
	}
	for _, v := range []tree.Value{m.source, m.data} {
		if v.Given() && v.Kind() != tree.Object {
			return tree.Problemf(sensors.ReasonBadField, "Source or Data is not an object")
		}
	}
	var p *tree.Problem
	if m.device, p = d.device(m); p != nil {
		return p
	}
	if m.at, p = instant(utc); p != nil {
		return p
	}
	if m.root.Field("PropertyOperation").Is("Deleted") {
		d.states.fall(m.full, m.object(), m.at)
		d.opts.Ignored(IgnoredDeleted)
		return nil
	}
	if note, ok := cameraFault(m.Local); ok {
		return d.health(r, m, note)
	}
	rule := d.rule(m)
	switch {
	case rule == nil:
		d.opts.Ignored(IgnoredUnmapped)
		return nil
	case rule.typ == sensors.Measure:
		return d.measure(r, m, rule)
	default:
		return d.event(r, m, rule)
	}
}

func (d *Decoder) device(m *message) (sensors.DeviceID, *tree.Problem) {
	if len(d.opts.Devices) > 0 {
		if source := m.videoSource(); source != "" {
			if id, ok := d.opts.Devices[m.Prefix+"/"+source]; ok {
				return id, nil
			}
		}
		if id, ok := d.opts.Devices[m.Prefix]; ok {
			return id, nil
		}
	}
	return tree.DeviceID(m.Prefix)
}

// videoSourceItems are the names of the source item that tells the cameras of one
// device apart: that of rules is VideoSource, that of image faults Source, and
// devices send the names of the token's type.
var videoSourceItems = []string{"VideoSource", "VideoSourceToken", "VideoSourceConfigurationToken", "Source"}

// videoSource returns which camera of the device a message is about, "" when it
// does not say.
func (m *message) videoSource() string {
	for _, name := range videoSourceItems {
		if s, ok := m.source.Field(name).Name(); ok && s != "" {
			return s
		}
	}
	return ""
}

func (d *Decoder) rule(m *message) *rule {
	name, _ := m.source.Field("Rule").Name()
	name = strings.ToLower(name)
	local, device := strings.ToLower(m.Local), strings.ToLower(string(m.device))
	for i := range d.rules {
		r := &d.rules[i]
		if matches(r.Topic, local) && matches(r.Rule.Rule, name) && matches(r.Device, device) {
			return r
		}
	}
	return nil
}

func matches(pattern, name string) bool {
	if pattern == "" || pattern == name {
		return true
	}
	ok, _ := path.Match(pattern, name) // patterns were checked by NewDecoder
	return ok
}

func (d *Decoder) measure(r *sensors.Report, m *message, rule *rule) *tree.Problem {
	names := []string{rule.Value}
	if rule.Value == "" {
		names = []string{"Count", "Value", "Level"}
	}
	var item tree.Value
	for _, name := range names {
		if item = m.data.Field(name); item.Given() {
			break
		}
	}
	if !item.Given() {
		return tree.Problemf(sensors.ReasonMissingValue, "Data has no %s", strings.Join(names, ", "))
	}
	value, ok := item.LooseNumber()
	if !ok {
		return tree.Problemf(sensors.ReasonBadField, "value %.40q is not a number", item.Raw())
	}
	unit := rule.Unit
	switch unit {
	case "":
		unit = rule.unit
	case UnitKelvinOrCelsius:
		unit = "Cel"
		if value > 170 {
			unit = "K"
		}
	}
	value, err := sensors.Convert(value, unit, rule.unit)
	if err != nil {
		return tree.Problemf(sensors.ReasonWrongUnit, "%v", err)
	}
	o := m.observation(rule)
	o.Value = value
	r.Observations = append(r.Observations, o)
	return nil
}

// event counts a message that has no state each time, and one that has a state
// when that becomes true.
func (d *Decoder) event(r *sensors.Report, m *message, rule *rule) *tree.Problem {
	object := m.object()
	is, has, p := m.state()
	if p != nil {
		return p
	}
	if has && !is {
		d.states.fall(m.full, object, m.at)
		d.opts.Ignored(IgnoredEnded)
		return nil
	}
	if has && !d.states.rise(m.full, object, m.at) {
		d.opts.Ignored(IgnoredUnchanged)
		return nil
	}
	o := m.observation(rule)
	o.Value = 1
	o.ID = eventID(m.full, object, m.at)
	r.Observations = append(r.Observations, o)
	return nil
}

// observation has everything but the value.
func (m *message) observation(rule *rule) sensors.Observation {
	var a tree.Attrs
	a.Text("topic", m.Local)
	for _, item := range []struct{ attr, name string }{
		{"rule", "Rule"}, {"sensor", "SensorID"}, {"sensor", "@SensorID"},
	} {
		if s, ok := m.source.Field(item.name).Name(); ok {
			a.Text(item.attr, s)
		}
	}
	if source := m.videoSource(); source != "" {
		a.Text("video_source", source)
	}
	if object := m.object(); object != "" {
		a.Text("object", object)
	}
	return sensors.Observation{Device: m.device, Kind: rule.Kind, At: m.at, Received: m.received, Attrs: a.String()}
}

// object returns what tells the objects of one rule apart. The specification
// has it among the key items, devices send it among the data.
func (m *message) object() string {
	for _, part := range []tree.Value{m.data, m.root.Field("Key")} {
		if s, ok := part.Field("ObjectId").Name(); ok {
			return s
		}
	}
	return ""
}

// stateItems are the names of the data items that hold a property's state, the
// first of them counting. Devices write them in other cases, such as "state".
var stateItems = []string{
	"IsInside", "IsLoitering", "IsTamper", "IsMotion", "IsSoundDetected", "State", "LogicalState", "Failed", "Active",
}

// stateItem returns the data item that holds the state by its name.
func (m *message) stateItem() (name string, item tree.Value) {
	best := len(stateItems)
	for n, v := range m.data.Fields() {
		rank := slices.IndexFunc(stateItems, func(s string) bool { return strings.EqualFold(s, n) })
		if v.Given() && rank >= 0 && rank <= best {
			name, item, best = n, v, rank
		}
	}
	return name, item
}

// state returns the state that a message tells, if it tells one: by a name that
// the specification uses, else by the first item that is true or false.
func (m *message) state() (is, has bool, p *tree.Problem) {
	if name, item := m.stateItem(); item.Given() {
		is, ok := item.LooseBool()
		if !ok {
			return false, false, tree.Problemf(sensors.ReasonBadField, "%.40s %.40q is neither true nor false", name, item.Raw())
		}
		return is, true, nil
	}
	for _, item := range m.data.Fields() {
		if item.Kind() == tree.Bool || item.Is("true") || item.Is("false") {
			is, _ := item.LooseBool()
			return is, true, nil
		}
	}
	return false, false, nil
}

// faultTopics are topics about the camera rather than about what it sees.
var faultTopics = []string{
	"VideoSource/ImageTooDark", "VideoSource/ImageTooBright", "VideoSource/ImageTooBlurry",
	"VideoSource/GlobalSceneChange", "VideoSource/SignalLoss", "VideoSource/Tamper",
	"RuleEngine/TamperDetector", "Device/HardwareFailure", "RuleEngine/GlobalSceneChange",
}

// cameraFault returns the name of the fault that a topic is about, e.g.
// "ImageTooDark" or "StorageFailure".
func cameraFault(local string) (string, bool) {
	for _, t := range faultTopics {
		rest, ok := strings.CutPrefix(local, t)
		if !ok || (rest != "" && rest[0] != '/') {
			continue
		}
		switch t {
		case "Device/HardwareFailure":
			if rest != "" {
				return path.Base(rest), true
			}
		case "RuleEngine/TamperDetector":
			return "Tamper", true
		}
		return path.Base(t), true
	}
	return "", false
}

// health reports a fault while it lasts, and that the camera is there when the
// fault has ended.
func (d *Decoder) health(r *sensors.Report, m *message, note string) *tree.Problem {
	is, has, p := m.state()
	if p != nil {
		return p
	}
	h := sensors.Health{Device: m.device, At: m.at}
	if is || !has {
		h.Note = tree.Note(note)
	} else {
		h.Presence = sensors.Online
	}
	r.Health = append(r.Health, h)
	return nil
}

// instant reads UtcTime, which some devices write without its Z.
func instant(v tree.Value) (time.Time, *tree.Problem) {
	s, ok := v.Text()
	if !ok {
		return time.Time{}, tree.Problemf(sensors.ReasonBadTime, "UtcTime is missing or not a string")
	}
	if t, ok := tree.RFC3339(s); ok {
		return t, nil
	}
	if t, ok := tree.RFC3339(s + "Z"); ok {
		return t, nil
	}
	return time.Time{}, tree.Problemf(sensors.ReasonBadTime, "UtcTime %.40q is not RFC 3339", s)
}

// eventID names an event by what tells it apart: the message has no name for it.
func eventID(topic, object string, at time.Time) string {
	sum := sha256.Sum256([]byte(topic + "\x00" + object + "\x00" + at.Format(time.RFC3339Nano)))
	return hex.EncodeToString(sum[:16])
}
