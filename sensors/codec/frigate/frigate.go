// Package frigate reads what a Frigate video recorder publishes: tracked
// objects, reviews, counts and whether it is there.
package frigate

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

var _ sensors.Ordered = (*Decoder)(nil)

// devicePrefix goes in front of a camera that has no device by configuration.
const devicePrefix = "frigate-"

// Decoder reads the messages of one Frigate server. It is safe for concurrent
// use and keeps nothing between messages.
type Decoder struct {
	opts    Options
	cameras []sensors.DeviceID // of the configured cameras, sorted
	docs    sync.Pool
}

// NewDecoder returns a Decoder. The error joins everything that is wrong with
// opts; kinds must be in catalog.
func NewDecoder(catalog *sensors.Catalog, opts Options) (*Decoder, error) {
	opts.complete()
	if err := opts.check(catalog); err != nil {
		return nil, err
	}
	d := &Decoder{opts: opts}
	d.docs.New = func() any { return new(tree.Doc) }
	for camera := range opts.Cameras {
		if id, p := d.device(camera); p == nil && !slices.Contains(d.cameras, id) {
			d.cameras = append(d.cameras, id)
		}
	}
	slices.Sort(d.cameras)
	return d, nil
}

// Name returns "frigate".
func (d *Decoder) Name() string { return "frigate" }

// Accepts reports whether topic lies below the prefix.
func (d *Decoder) Accepts(topic string) bool {
	rest, ok := strings.CutPrefix(topic, d.opts.Prefix)
	return ok && len(rest) > 1 && rest[0] == '/'
}

// OrderedTopics returns everything below the prefix: that a recorder or camera is
// there again must not be read before that it was gone, and of the messages about an
// object the first counts.
func (d *Decoder) OrderedTopics() []string { return []string{d.opts.Prefix + "/#"} }

// Decode reads one message, see [sensors.Format]. Every message about one
// tracked object becomes the same observation: named by the object's id, at the
// time when it appeared. A message that no rule asks for becomes nothing, and
// Options.Ignored is told; it is not a fault, because a recorder sends many of
// them all day and nobody can mend them.
//
// Faults show the field that is wrong and never a whole message, which may hold
// plates and names.
func (d *Decoder) Decode(r *sensors.Report, topic string, payload []byte, received time.Time) {
	if !d.Accepts(topic) {
		return
	}
	r.Private = true
	received = tree.Micros(received)
	switch rest := topic[len(d.opts.Prefix)+1:]; rest {
	case "events":
		if d.opts.Reviews {
			d.opts.Ignored(IgnoredOther)
			return
		}
		d.message(r, payload, received, d.event)
	case "reviews":
		if !d.opts.Reviews {
			d.opts.Ignored(IgnoredOther)
			return
		}
		d.message(r, payload, received, d.review)
	case "tracked_object_update":
		d.message(r, payload, received, d.update)
	case "available":
		d.available(r, payload, received)
	default:
		d.camera(r, rest, payload, received)
	}
}

// bad is what is wrong with a message, and where.
type bad struct {
	*tree.Problem
	at tree.Value
}

func (d *Decoder) message(r *sensors.Report, payload []byte, received time.Time, read func(*sensors.Report, tree.Value, time.Time) *bad) {
	doc := d.docs.Get().(*tree.Doc)
	defer d.docs.Put(doc)
	root, p := doc.Parse(payload)
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, nil))
		return
	}
	if root.Kind() != tree.Object {
		p := tree.Problemf(sensors.ReasonNotObject, "message is not a JSON object")
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, nil))
		return
	}
	if b := read(r, root, received); b != nil {
		r.Faults = append(r.Faults, b.Fault(0, b.at.Raw()))
	}
}

func (d *Decoder) event(r *sensors.Report, root tree.Value, received time.Time) *bad {
	after := root.Field("after")
	if after.Kind() != tree.Object {
		return &bad{tree.Problemf(sensors.ReasonBadField, "after is not an object"), tree.Value{}}
	}
	if is, _ := after.Field("false_positive").LooseBool(); is {
		d.opts.Ignored(IgnoredFalsePositive)
		return nil
	}
	label, ok := after.Field("label").Text()
	if !ok {
		return &bad{tree.Problemf(sensors.ReasonBadField, "after.label is not a string"), after.Field("label")}
	}
	camera, _ := after.Field("camera").Text()
	zones := append(texts(after.Field("entered_zones")), texts(after.Field("current_zones"))...)
	stationary, _ := after.Field("stationary").LooseBool()
	score := firstNumber(after.Field("top_score"), after.Field("score"))
	kind, ok := d.kind(camera, label, zones, func(rule Rule) bool {
		return (stationary || !rule.Stationary) && score >= rule.MinScore
	})
	if !ok {
		d.opts.Ignored(IgnoredUnmapped)
		return nil
	}
	o, b := d.observation(after, camera, kind, received)
	if b != nil {
		return b
	}
	var a tree.Attrs
	a.Text("camera", camera)
	a.Text("label", label)
	if len(zones) > 0 {
		a.Text("zones", strings.Join(unique(zones), ","))
	}
	if score > 0 {
		a.Number("score", score)
	}
	d.references(&a, after, o.ID)
	d.personal(&a, after)
	o.Attrs = a.String()
	r.Observations = append(r.Observations, o)
	return nil
}

func (d *Decoder) review(r *sensors.Report, root tree.Value, received time.Time) *bad {
	after := root.Field("after")
	if after.Kind() != tree.Object {
		return &bad{tree.Problemf(sensors.ReasonBadField, "after is not an object"), tree.Value{}}
	}
	camera, _ := after.Field("camera").Text()
	data := after.Field("data")
	zones := texts(data.Field("zones"))
	labels := append(texts(data.Field("objects")), texts(data.Field("audio"))...)
	for _, label := range labels {
		// An object with a recognised sub label is called "person-verified".
		label = strings.TrimSuffix(label, "-verified")
		kind, ok := d.kind(camera, label, zones, func(Rule) bool { return true })
		if !ok {
			continue
		}
		o, b := d.observation(after, camera, kind, received)
		if b != nil {
			return b
		}
		var a tree.Attrs
		a.Text("camera", camera)
		a.Text("label", label)
		if len(zones) > 0 {
			a.Text("zones", strings.Join(unique(zones), ","))
		}
		a.Value("severity", after.Field("severity"))
		a.Value("detections", data.Field("detections"))
		a.Text("clip", d.opts.MediaURL+"/api/review/"+o.ID+"/preview")
		o.Attrs = a.String()
		r.Observations = append(r.Observations, o)
		return nil
	}
	d.opts.Ignored(IgnoredUnmapped)
	return nil
}

// kind returns what the first fitting rule makes of an object.
func (d *Decoder) kind(camera, label string, zones []string, fits func(Rule) bool) (sensors.KindKey, bool) {
	for _, rule := range d.opts.Rules {
		if matches(rule.Camera, camera) && matches(rule.Label, label) && inZone(rule.Zone, zones) && fits(rule) {
			return rule.Kind, true
		}
	}
	return "", false
}

// observation reads what objects and reviews have in common.
func (d *Decoder) observation(after tree.Value, camera string, kind sensors.KindKey, received time.Time) (sensors.Observation, *bad) {
	o := sensors.Observation{Kind: kind, Value: 1, Received: received}
	var p *tree.Problem
	if o.Device, p = d.device(camera); p != nil {
		return o, &bad{p, after.Field("camera")}
	}
	id, _ := after.Field("id").Text()
	if o.ID, p = tree.ID(id); p != nil {
		return o, &bad{p, after.Field("id")}
	}
	seconds, ok := after.Field("start_time").LooseNumber()
	if ok {
		o.At, ok = tree.EpochSeconds(seconds)
	}
	if !ok {
		return o, &bad{tree.Problemf(sensors.ReasonBadTime, "after.start_time is not a time in seconds since 1970"), after.Field("start_time")}
	}
	return o, nil
}

// references notes where the pictures are. Frigate makes them while the object
// is in view, and the first message is the one that counts, so that the
// references may be good only some seconds later.
func (d *Decoder) references(a *tree.Attrs, after tree.Value, id string) {
	a.Text("event", id)
	if has, _ := after.Field("has_snapshot").LooseBool(); has {
		a.Text("snapshot", d.opts.MediaURL+"/api/events/"+id+"/snapshot.jpg")
	}
	if has, _ := after.Field("has_clip").LooseBool(); has {
		a.Text("clip", d.opts.MediaURL+"/api/events/"+id+"/clip.mp4")
	}
}

// personal adds the sub label and the plate as far as Privacy lets it.
func (d *Decoder) personal(a *tree.Attrs, after tree.Value) {
	sub := after.Field("sub_label") // null, a name, or a name and its score
	if sub.Kind() == tree.Array {
		sub = sub.Element(0)
	}
	if name, ok := sub.Text(); ok && name != "" {
		if slices.Contains(d.opts.SubLabels, name) {
			a.Text("sub_label", name)
		} else if d.opts.Privacy == Hash {
			a.Text("sub_label_hash", d.hash("sub_label", name))
		}
	}
	if plate, ok := after.Field("recognized_license_plate").Text(); ok && plate != "" && d.opts.Privacy == Hash {
		a.Text("plate_hash", d.hash("plate", plate))
	}
}

// hash is keyed, since plates are few enough to try them all.
func (d *Decoder) hash(what, text string) string {
	m := hmac.New(sha256.New, d.opts.Key)
	m.Write([]byte(what + "\x00" + text))
	return hex.EncodeToString(m.Sum(nil)[:16])
}

// update reads what Frigate finds out about an object later: descriptions,
// faces, plates, classes. None of it makes another event of the object.
func (d *Decoder) update(_ *sensors.Report, root tree.Value, _ time.Time) *bad {
	switch t := root.Field("type"); {
	case t.Is("face"), t.Is("lpr"):
		d.opts.Ignored(IgnoredPersonalData)
	default:
		d.opts.Ignored(IgnoredOther)
	}
	return nil
}

func (d *Decoder) available(r *sensors.Report, payload []byte, received time.Time) {
	h := sensors.Health{At: received}
	switch state := string(bytes.TrimSpace(payload)); state {
	case "online":
		h.Presence = sensors.Online
	case "offline", "stopped":
		h.Presence, h.Note = sensors.Offline, "recorder "+state
	default:
		p := tree.Problemf(sensors.ReasonBadField, "%.40q is none of online, offline, stopped", state)
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	for _, h.Device = range d.cameras {
		r.Health = append(r.Health, h)
	}
}

// noLabels stand where labels do in topics and say something else: whether there
// is motion, and how serious the review under way is.
var noLabels = []string{"motion", "review_status"}

// camera reads the topics <camera or zone>/<label> and <camera>/status/<role>.
func (d *Decoder) camera(r *sensors.Report, rest string, payload []byte, received time.Time) {
	name, what, ok := strings.Cut(rest, "/")
	switch {
	case ok && what == "status/detect":
		d.status(r, name, payload, received)
		return
	case !ok || strings.Contains(what, "/") || slices.Contains(noLabels, what):
		d.opts.Ignored(IgnoredOther)
		return
	}
	rule := slices.IndexFunc(d.opts.Counts, func(c CountRule) bool {
		return matches(c.Place, name) && matches(c.Label, what)
	})
	camera, known := d.place(name)
	if rule < 0 || !known {
		d.opts.Ignored(IgnoredUnmapped)
		return
	}
	device, p := d.device(camera)
	if p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	n, ok := tree.DecimalNumber(string(payload[:min(len(payload), 32)]))
	if !ok || n != math.Trunc(n) || n < 0 {
		p := tree.Problemf(sensors.ReasonBadField, "%.40q is not a count", payload)
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	var a tree.Attrs
	a.Text("place", name)
	a.Text("label", what)
	r.Observations = append(r.Observations, sensors.Observation{
		Device: device, Kind: d.opts.Counts[rule].Kind, Value: n, At: received, Received: received, Attrs: a.String(),
	})
}

func (d *Decoder) status(r *sensors.Report, camera string, payload []byte, received time.Time) {
	h := sensors.Health{At: received}
	switch string(bytes.TrimSpace(payload)) {
	case "online":
		h.Presence = sensors.Online
	case "offline":
		h.Presence, h.Note = sensors.Offline, "no picture"
	default: // "disabled" by its owner is no fault of the camera
		d.opts.Ignored(IgnoredOther)
		return
	}
	var p *tree.Problem
	if h.Device, p = d.device(camera); p != nil {
		r.Faults = append(r.Faults, p.Fault(sensors.WholeMessage, payload))
		return
	}
	r.Health = append(r.Health, h)
}

// place returns the camera that counts under name. Names of cameras and zones
// share one level of the topic: without a list of cameras every name is taken
// for a camera's.
func (d *Decoder) place(name string) (string, bool) {
	if camera, ok := d.opts.Zones[name]; ok {
		return camera, true
	}
	_, ok := d.opts.Cameras[name]
	return name, ok || len(d.opts.Cameras) == 0
}

func (d *Decoder) device(camera string) (sensors.DeviceID, *tree.Problem) {
	if id := d.opts.Cameras[camera]; id != "" {
		return id, nil
	}
	if camera == "" {
		return "", tree.Problemf(sensors.ReasonBadDevice, "no camera is named")
	}
	return tree.DeviceID(devicePrefix, camera)
}

func matches(pattern, name string) bool {
	if pattern == "" || pattern == name {
		return true
	}
	ok, _ := path.Match(pattern, name) // patterns were checked by NewDecoder
	return ok
}

func inZone(pattern string, zones []string) bool {
	return pattern == "" || slices.ContainsFunc(zones, func(z string) bool { return matches(pattern, z) })
}

func texts(v tree.Value) []string {
	var out []string
	for _, e := range v.Elements() {
		if s, ok := e.Text(); ok {
			out = append(out, s)
		}
	}
	return out
}

func unique(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}

func firstNumber(values ...tree.Value) float64 {
	for _, v := range values {
		if n, ok := v.Number(); ok {
			return n
		}
	}
	return 0
}
