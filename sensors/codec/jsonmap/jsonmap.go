// Package jsonmap reads JSON of any shape, by a mapping that an administrator
// writes: Tasmota, ThingsBoard, a municipality's own.
package jsonmap

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// MaxRecords bounds the records in one message.
const MaxRecords = 10_000

var _ sensors.Ordered = (*Decoder)(nil)

// Decoder reads messages by its mappings. It is safe for concurrent use and
// keeps nothing between messages.
type Decoder struct {
	mappings []*mapping
	docs     sync.Pool
}

func newDoc() any { return new(tree.Doc) }

// Name returns "jsonmap".
func (d *Decoder) Name() string { return "jsonmap" }

// Accepts reports whether a mapping reads topic.
func (d *Decoder) Accepts(topic string) bool {
	m, _ := d.find(topic)
	return m != nil
}

// Filters returns the MQTT filters of all mappings, for who subscribes.
func (d *Decoder) Filters() []string {
	return d.filters(func(*mapping) bool { return true })
}

// OrderedTopics returns the filters of mappings whose messages are a word for whether
// a device is there, and so have no time: that it is back must not be read before
// that it was gone.
func (d *Decoder) OrderedTopics() []string { return d.filters((*mapping).isPlainPresence) }

func (d *Decoder) filters(of func(*mapping) bool) []string {
	var out []string
	for _, m := range d.mappings {
		if !of(m) {
			continue
		}
		for i := range m.filters {
			if f := strings.Join(m.filters[i].levels, "/"); !slices.Contains(out, f) {
				out = append(out, f)
			}
		}
	}
	return out
}

func (d *Decoder) find(topic string) (*mapping, *filter) {
	for _, m := range d.mappings {
		for i := range m.filters {
			if m.filters[i].matches(topic) {
				return m, &m.filters[i]
			}
		}
	}
	return nil, nil
}

// Decode reads one message by the first mapping whose topics fit, see
// [sensors.Format]. A value that is wrong costs that value; a record without a
// device or with a wrong time costs that record.
func (d *Decoder) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	m, f := d.find(topic)
	if m == nil {
		return
	}
	received = tree.Micros(received)
	if m.isPlainPresence() {
		m.plainPresence(r, f, topic, payload, received)
		return
	}
	doc := d.docs.Get().(*tree.Doc)
	defer d.docs.Put(doc)
	root, p := doc.Parse(payload)
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	rec := record{root: root, here: root}
	if m.Device.Topic != "" {
		rec.levels = strings.Split(topic, "/")
	}
	w := walk{mapping: m, filter: f, r: r, received: received}
	if w.descend(rec, m.each.steps); w.tooMany {
		p = tree.Problemf(sensors.ReasonTooLarge, "message has more than %d records", MaxRecords)
	} else if w.records == 0 {
		p = tree.Problemf(sensors.ReasonEmpty, "message has no record at %q", m.Each)
	}
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
	}
}

// walk goes through the records of one message.
type walk struct {
	*mapping
	filter   *filter
	r        *sensors.Report
	received time.Time
	records  int
	tooMany  bool
}

// descend follows each and reads every record at its end.
func (w *walk) descend(rec record, steps []step) {
	for i, s := range steps {
		if !s.any {
			rec.here = s.from(rec.here)
			continue
		}
		for key, v := range rec.here.Fields() {
			next := rec
			next.here, next.keys = v, append(slices.Clip(rec.keys), key)
			w.descend(next, steps[i+1:])
		}
		for _, v := range rec.here.Elements() {
			next := rec
			next.here, next.keys = v, append(slices.Clip(rec.keys), "")
			w.descend(next, steps[i+1:])
		}
		return
	}
	if rec.here.Kind() != tree.Array {
		if rec.here.Given() {
			w.record(rec)
		}
		return
	}
	for _, v := range rec.here.Elements() {
		next := rec
		next.here = v
		w.record(next)
	}
}

func (w *walk) record(rec record) {
	if w.records == MaxRecords {
		w.tooMany = true
		return
	}
	rec.index = w.records
	w.records++
	if p := w.read(&rec); p != nil {
		w.r.Faults = append(w.r.Faults, p.Fault(rec.index, rec.here.Raw()))
	}
}

func (w *walk) fault(rec *record, p *tree.Problem, at tree.Value) {
	if !at.Given() {
		at = rec.here
	}
	w.r.Faults = append(w.r.Faults, p.Fault(rec.index, at.Raw()))
}

func (w *walk) read(rec *record) *tree.Problem {
	if rec.here.Kind() != tree.Object {
		return tree.Problemf(sensors.ReasonNotObject, "record %d is not a JSON object", rec.index)
	}
	name, p := w.deviceName(rec)
	if p != nil {
		return p
	}
	device, p := tree.DeviceID(w.Device.Prefix, name)
	if p != nil {
		return p
	}
	o := sensors.Observation{Device: device, Received: w.received}
	if o.At, p = w.at(rec); p != nil {
		return p
	}
	if id := rec.find(w.id); id.Given() {
		text, _ := id.Name()
		if o.ID, p = tree.ID(text); p != nil {
			return p
		}
	}
	if o.Position, p = w.position(rec); p != nil {
		w.fault(rec, p, tree.Value{}) // the observation is placed by the register
	}
	var a tree.Attrs
	for _, at := range w.attrs {
		a.Value(at.name, rec.find(at.routes))
	}
	o.Attrs = a.String()
	said := w.health(rec, device, o.At)
	if w.observations(rec, o) || said || len(w.values) == 0 || w.IgnoreEmpty {
		return nil
	}
	return tree.Problemf(sensors.ReasonMissingValue, "record has none of the values of the mapping %s", w.Name)
}

func (w *walk) deviceName(rec *record) (string, *tree.Problem) {
	switch d := w.Device; {
	case d.Topic != "":
		return rec.levels[w.filter.names[d.Topic]], nil
	case d.Key > 0 && d.Key <= len(rec.keys):
		return rec.keys[d.Key-1], nil
	case d.Fixed != "":
		return d.Fixed, nil
	}
	name, ok := rec.find(w.device).Name()
	if !ok || name == "" {
		return "", tree.Problemf(sensors.ReasonBadDevice, "record names no device at %s", strings.Join(w.Device.Path, ", "))
	}
	return name, nil
}

func (w *walk) at(rec *record) (time.Time, *tree.Problem) {
	v := rec.find(w.time)
	if !v.Given() {
		return w.received, nil
	}
	var t time.Time
	ok := false
	if unit, epoch := epochs[w.Time.Format]; epoch {
		if n, is := v.LooseNumber(); is {
			t, ok = tree.Epoch(n, unit)
		}
	} else if text, is := v.Text(); is && (w.Time.Format == "" || w.Time.Format == "rfc3339") {
		t, ok = tree.RFC3339(text)
	} else if text, is := v.Name(); is { // a layout such as 20060102150405 may stand as a number
		parsed, err := time.ParseInLocation(w.Time.Format, text, w.zone)
		t = tree.Micros(parsed)
		ok = err == nil && tree.Plausible(t)
	}
	if !ok {
		format := w.Time.Format
		if format == "" {
			format = "rfc3339"
		}
		return t, tree.Problemf(sensors.ReasonBadTime, "time %.60q is not in the format %q", v.Raw(), format)
	}
	return t, nil
}

func (w *walk) position(rec *record) (sensors.Position, *tree.Problem) {
	lat, lon := rec.find(w.lat), rec.find(w.lon)
	if !lat.Given() && !lon.Given() {
		return sensors.Position{}, nil
	}
	latDegrees, ok1 := lat.LooseNumber()
	lonDegrees, ok2 := lon.LooseNumber()
	if !ok1 || !ok2 {
		return sensors.Position{}, tree.Problemf(sensors.ReasonBadPosition, "lat %.40q, lon %.40q are not two numbers", lat.Raw(), lon.Raw())
	}
	return tree.Coordinates(latDegrees, lonDegrees, w.datum)
}

// observations reports whether the record has any of the values, right or wrong.
func (w *walk) observations(rec *record, o sensors.Observation) bool {
	said := false
	device, id := o.Device, o.ID
	for i := range w.values {
		v := &w.values[i]
		at := rec.find(v.routes)
		if !at.Given() {
			continue
		}
		said = true
		number, has, p := v.read(at)
		if p == nil && (!has || v.typ == sensors.Event && number == 0) {
			continue // what did not happen is not an event
		}
		o.Kind, o.Value, o.Device, o.ID = v.Kind, number, device, id
		if p == nil && v.Suffix != "" {
			o.Device, p = tree.DeviceID(string(device), v.Suffix)
		}
		if p == nil && id != "" && len(w.values) > 1 {
			o.ID, p = tree.ID(id + "." + string(v.Kind))
		}
		if p != nil {
			w.fault(rec, p, at)
			continue
		}
		w.r.Observations = append(w.r.Observations, o)
	}
	return said
}

// read returns a value in the unit of its kind; has is false for a word that
// means none.
func (v *value) read(at tree.Value) (number float64, has bool, p *tree.Problem) {
	ok, word := false, false
	if text, is := wordOf(at); is && v.Words != nil {
		if w, known := v.Words[text]; known {
			if w == nil {
				return 0, false, nil
			}
			number, ok, word = *w, true, true
		}
	}
	if !ok {
		number, ok = at.LooseNumber()
	}
	if is, isBool := at.Bool(); isBool && !ok && v.countsTruth() {
		if ok = true; is {
			number = 1
		}
	}
	if !ok {
		return 0, false, tree.Problemf(sensors.ReasonBadField, "%.40q is no value of %s", at.Raw(), v.Kind)
	}
	if !word {
		number = number*v.scale + v.Offset
	}
	number, err := sensors.Convert(number, v.Unit, v.unit)
	if err != nil {
		return 0, false, tree.Problemf(sensors.ReasonWrongUnit, "%v", err)
	}
	if math.IsInf(number, 0) || math.IsNaN(number) {
		return 0, false, tree.Problemf(sensors.ReasonNotANumber, "%.40q is too large", at.Raw())
	}
	return number, true, nil
}

// wordOf returns what may be one of the words: text, and numbers and truth values
// as they are written.
func wordOf(at tree.Value) (string, bool) {
	if at.Kind() == tree.Bool {
		return string(at.Raw()), true
	}
	return at.Name()
}

// countsTruth reports whether true is 1 and false is 0: of a plain number, and
// where scale or offset say how much they are worth. Nothing is true decibels loud.
func (v *value) countsTruth() bool { return v.unit == "1" || v.Scale != nil || v.Offset != 0 }

// health appends what the record tells about the device, and reports whether it
// tells anything.
func (w *walk) health(rec *record, device sensors.DeviceID, at time.Time) bool {
	h := sensors.Health{Device: device, At: at}
	said := false
	if v := rec.find(w.battery); v.Given() {
		if n, ok := v.LooseNumber(); ok && n >= 0 && n <= 100 {
			h.BatteryPercent, said = &n, true
		} else {
			w.fault(rec, tree.Problemf(sensors.ReasonBadField, "battery %.40q is not 0 to 100 %%", v.Raw()), v)
		}
	}
	if v := rec.find(w.signal); v.Given() {
		if n, ok := v.LooseNumber(); ok {
			h.SignalDBm, said = &n, true
		} else {
			w.fault(rec, tree.Problemf(sensors.ReasonBadField, "signal %.40q is not a number", v.Raw()), v)
		}
	}
	if v := rec.find(w.word); v.Given() {
		text, _ := v.Name()
		var p *tree.Problem
		if h.Presence, p = w.Presence.read(text); p != nil {
			w.fault(rec, p, v)
		} else {
			said = true
		}
	}
	if said {
		w.r.Health = append(w.r.Health, h)
	}
	return said
}

func (p *Presence) read(word string) (sensors.Presence, *tree.Problem) {
	switch {
	case slices.Contains(p.Online, word):
		return sensors.Online, nil
	case slices.Contains(p.Offline, word):
		return sensors.Offline, nil
	}
	return sensors.PresenceUnsaid, tree.Problemf(sensors.ReasonBadField, "%.40q is none of the words for online and offline", word)
}

func (m *mapping) isPlainPresence() bool { return m.Presence != nil && len(m.word) == 0 }

// plainPresence reads a message that is nothing but a word, such as a will.
func (m *mapping) plainPresence(r *sensors.Report, f *filter, topic string, payload []byte, received time.Time) {
	h := sensors.Health{At: received}
	name := m.Device.Fixed
	if m.Device.Topic != "" {
		name = strings.Split(topic, "/")[f.names[m.Device.Topic]]
	}
	word := string(bytes.Trim(payload[:min(len(payload), 256)], " \t\r\n\""))
	var p *tree.Problem
	if h.Presence, p = m.Presence.read(word); p == nil {
		h.Device, p = tree.DeviceID(m.Device.Prefix, name)
	}
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	r.Health = append(r.Health, h)
}
