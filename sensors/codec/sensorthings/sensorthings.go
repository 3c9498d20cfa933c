// Package sensorthings reads observations of the OGC SensorThings API, version
// 1.0 and 1.1, as its MQTT extension publishes them: those that are created and
// those that a server notifies of, which share their topics.
package sensorthings

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// MaxElements bounds the observations in one message.
const MaxElements = 10_000

var _ sensors.Ordered = (*Decoder)(nil)

// Decoder reads the observations of one server. It is safe for concurrent use.
//
// A creation has no id unless its sender chose one, and comes back from the
// server with an id. Both become the same observation, because the decoder
// remembers creations for a while: what comes back is given no id either, and
// counts once by device, kind and time. This memory does not outlive the
// process, and it needs creations that state their phenomenonTime.
type Decoder struct {
	opts    Options
	streams map[Topic]datastream
	echoes  *echoes
	docs    sync.Pool
}

// NewDecoder returns a Decoder. The error joins everything that is wrong with
// opts; kinds must be in catalog and units convertible.
func NewDecoder(catalog *sensors.Catalog, opts Options) (*Decoder, error) {
	streams, err := compile(catalog, &opts)
	if err != nil {
		return nil, err
	}
	d := &Decoder{opts: opts, streams: streams, echoes: newEchoes(opts.MaxEchoes)}
	d.docs.New = func() any { return new(tree.Doc) }
	return d, nil
}

// Name returns "sensorthings".
func (d *Decoder) Name() string { return "sensorthings" }

// Accepts reports whether topic is one of observations.
func (d *Decoder) Accepts(topic string) bool {
	_, ok := d.topic(topic)
	return ok
}

// OrderedTopics returns the filters of both versions: a creation is known by what
// comes back of it only when it was read before.
func (d *Decoder) OrderedTopics() []string {
	return []string{d.opts.Prefix + "v1.0/#", d.opts.Prefix + "v1.1/#"}
}

func (d *Decoder) topic(topic string) (Topic, bool) {
	rest, ok := strings.CutPrefix(topic, d.opts.Prefix)
	if !ok {
		return Topic{}, false
	}
	return ParseTopic(rest)
}

// Decode reads one observation, or an array of them, see [sensors.Format].
func (d *Decoder) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	t, ok := d.topic(topic)
	if !ok {
		return
	}
	doc := d.docs.Get().(*tree.Doc)
	defer d.docs.Put(doc)
	root, p := doc.Parse(payload)
	if p == nil && root.Kind() == tree.Array && root.Len() == 0 {
		p = tree.Problemf(sensors.ReasonEmpty, "array has no element")
	}
	if p == nil && root.Kind() == tree.Array && root.Len() > MaxElements {
		p = tree.Problemf(sensors.ReasonTooLarge, "array has %d elements, limit %d", root.Len(), MaxElements)
	}
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	received = tree.Micros(received)
	if root.Kind() != tree.Array {
		d.element(r, t, root, 0, received)
		return
	}
	for i, e := range root.Elements() {
		d.element(r, t, e, i, received)
	}
}

func (d *Decoder) element(r *sensors.Report, t Topic, v tree.Value, index int, received time.Time) {
	if p := d.observation(r, t, v, index, received); p != nil {
		r.Faults = append(r.Faults, p.Fault(index, v.Raw()))
	}
}

func (d *Decoder) observation(r *sensors.Report, t Topic, v tree.Value, index int, received time.Time) *tree.Problem {
	if v.Kind() != tree.Object {
		return tree.Problemf(sensors.ReasonNotObject, "observation is not a JSON object")
	}
	if t.Datastream == "" {
		t = linked(v)
	}
	stream, ok := d.streams[t]
	switch {
	case t.Datastream == "":
		return tree.Problemf(sensors.ReasonUnknownDatastream, "neither topic nor message says which datastream this is of")
	case !ok:
		return tree.Problemf(sensors.ReasonUnknownDatastream, "%.100s has no device and kind", t)
	}
	o := sensors.Observation{Device: stream.device, At: received, Received: received}
	phenomenon := v.Field("phenomenonTime")
	if phenomenon.Given() {
		var p *tree.Problem
		if o.At, p = instant(phenomenon); p != nil {
			return p
		}
	}
	var p *tree.Problem
	if o.ID, p = d.id(v, t, o.At); p != nil {
		return p
	}
	if o.Position, p = position(v.Field("FeatureOfInterest"), stream.datum); p != nil {
		r.Faults = append(r.Faults, p.Fault(index, v.Field("FeatureOfInterest").Raw()))
	}
	o.Attrs = attrs(v, t)
	d.values(r, stream, v, index, o)
	return nil
}

// values appends one observation or fault for each value of a result.
func (d *Decoder) values(r *sensors.Report, stream datastream, v tree.Value, index int, o sensors.Observation) {
	result, id := v.Field("result"), o.ID
	for i := range stream.values {
		value := &stream.values[i]
		at := result
		for _, name := range value.path {
			at = within(at, name)
		}
		number, p := value.read(at)
		if p != nil {
			r.Faults = append(r.Faults, p.Fault(index, v.Raw()))
			continue
		}
		if value.typ == sensors.Event && number == 0 {
			continue // what did not happen is not an event
		}
		o.Kind, o.Value = value.Kind, number
		if id != "" && len(stream.values) > 1 {
			if o.ID, p = tree.ID(id + "." + string(value.Kind)); p != nil {
				r.Faults = append(r.Faults, p.Fault(index, v.Raw()))
				continue
			}
		}
		r.Observations = append(r.Observations, o)
	}
}

// within returns the field of an object, or the element of an array, which
// counts from 0.
func within(v tree.Value, name string) tree.Value {
	if v.Kind() != tree.Array {
		return v.Field(name)
	}
	i, err := strconv.ParseUint(name, 10, 16)
	if err != nil {
		return tree.Value{}
	}
	return v.Element(int(i))
}

// read returns a value in the unit of its kind.
func (v *value) read(at tree.Value) (float64, *tree.Problem) {
	if !at.Given() {
		return 0, tree.Problemf(sensors.ReasonMissingValue, "result has no %s for %s", strings.Join(v.path, "."), v.Kind)
	}
	word, isText := at.Text()
	if !isText {
		word = string(at.Raw())
	}
	number, ok := v.Words[word]
	if !ok {
		number, ok = at.LooseNumber()
	}
	if is, isBool := at.Bool(); isBool && !ok && v.unit == "1" {
		if ok = true; is {
			number = 1
		}
	}
	if !ok {
		return 0, tree.Problemf(sensors.ReasonBadField, "result %.40q is no value of %s", at.Raw(), v.Kind)
	}
	number, err := sensors.Convert(number, v.Unit, v.unit)
	if err != nil {
		return 0, tree.Problemf(sensors.ReasonWrongUnit, "%v", err)
	}
	return number, nil
}

// id returns the server's name for an observation, unless the observation came
// before without one.
func (d *Decoder) id(v tree.Value, t Topic, at time.Time) (string, *tree.Problem) {
	hash := d.echoes.hash(t.String(), at, v.Field("result"))
	iot := v.Field("@iot.id")
	if !iot.Given() {
		d.echoes.add(hash)
		return "", nil
	}
	name, ok := iot.Name()
	if !ok {
		return "", tree.Problemf(sensors.ReasonBadField, "@iot.id is neither text nor a number")
	}
	if d.echoes.has(hash) {
		return "", nil
	}
	return tree.ID(name)
}

// linked returns the datastream that a message names: in line, or by a link.
func linked(v tree.Value) Topic {
	for _, name := range []string{"Datastream", "MultiDatastream"} {
		if id, ok := v.Field(name).Field("@iot.id").Name(); ok {
			return Topic{Datastream: id, Multi: name == "MultiDatastream"}
		}
	}
	for _, name := range []string{
		"Datastream@iot.navigationLink", "Datastream@iot.bind", "MultiDatastream@iot.navigationLink", "MultiDatastream@iot.bind",
	} {
		link, _ := v.Field(name).Text()
		if id, multi, ok := entity(link); ok {
			return Topic{Datastream: id, Multi: multi}
		}
	}
	return Topic{}
}

// instant reads a time, or an interval of two. An interval stands for its last
// microsecond, so that an hour's mean falls into that hour and not the next,
// and is not late when it comes at its end.
func instant(v tree.Value) (time.Time, *tree.Problem) {
	text, ok := v.Text()
	from, to, interval := strings.Cut(text, "/")
	start, startOK := tree.RFC3339(from)
	if !ok || !startOK {
		return time.Time{}, tree.Problemf(sensors.ReasonBadTime, "phenomenonTime %.80q is neither a time nor an interval", v.Raw())
	}
	if !interval {
		return start, nil
	}
	end, ok := tree.RFC3339(to)
	if !ok || end.Before(start) {
		return time.Time{}, tree.Problemf(sensors.ReasonBadTime, "phenomenonTime %.80q is not an interval from earlier to later", v.Raw())
	}
	if end.After(start) {
		end = end.Add(-time.Microsecond)
	}
	return end, nil
}

// position returns the place of a feature of interest that is a point, and no
// place for one that is something else or only linked.
func position(feature tree.Value, datum sensors.Datum) (sensors.Position, *tree.Problem) {
	shape := feature.Field("feature")
	if g := shape.Field("geometry"); g.Given() {
		shape = g
	}
	if !shape.Field("type").Is("Point") {
		return sensors.Position{}, nil
	}
	lon, okLon := shape.Field("coordinates").Element(0).Number()
	lat, okLat := shape.Field("coordinates").Element(1).Number()
	if !okLat || !okLon {
		return sensors.Position{}, tree.Problemf(sensors.ReasonBadPosition, "coordinates of a point are not two numbers")
	}
	return tree.Coordinates(lat, lon, datum)
}

func attrs(v tree.Value, t Topic) string {
	var a tree.Attrs
	if t.Multi {
		a.Text("multi_datastream", t.Datastream)
	} else {
		a.Text("datastream", t.Datastream)
	}
	if p := v.Field("phenomenonTime"); p.Kind() == tree.String && strings.Contains(string(p.Raw()), "/") {
		a.Value("phenomenon_time", p)
	}
	a.Value("result_quality", v.Field("resultQuality"))
	a.Value("parameters", v.Field("parameters"))
	return a.String()
}
