package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/tree"
)

// MaxStatements bounds the observations and faults that one message makes.
const MaxStatements = 10_000

// Message is what is known of a message besides its object.
type Message struct {
	Device   sensors.DeviceID
	At       time.Time        // UTC, whole microseconds
	Received time.Time        // UTC, whole microseconds
	ID       string           // of the message; "" leaves observations without one
	Position sensors.Position // of the device, unless its object states another
}

// Read appends to r the observations that object makes, and the faults of what
// cannot be read. What the object says of the device itself goes into h, which
// belongs to the caller: battery, signal unless h has it, position, and words
// for its faults.
//
// Each observation is named by the message's id and the path of its field. An
// object of which the profile knows nothing is a fault, since it would otherwise
// be lost without a word. Read must not be called on the zero Use.
func (u Use) Read(r *sensors.Report, h *sensors.Health, object tree.Value, m Message) {
	rd := reader{report: r, health: h, use: u, message: m}
	if object.Kind() != tree.Object {
		rd.fault(sensors.ReasonNotObject, "the decoded object", "begins with "+string(object.Raw()[:min(len(object.Raw()), 1)]), object)
		return
	}
	p := u.profile
	if p.place != nil {
		rd.place(object)
	}
	rd.fields(object)
	if p.history != nil {
		rd.history(object)
	}
	if !rd.known && rd.strange(object) {
		rd.fault(sensors.ReasonNoProfile, "profile "+p.key, "knows none of the fields "+fieldNames(object), object)
	}
}

// reader reads one object.
type reader struct {
	report  *sensors.Report
	health  *sensors.Health
	use     Use
	message Message
	count   int  // of observations and faults
	past    bool // within the history
	known   bool // something of the object was known
}

// room counts one more statement and reports whether there is room for it. The
// first one for which there is none becomes a fault itself.
func (r *reader) room(v tree.Value) bool {
	r.count++
	if r.count == MaxStatements+1 {
		r.report.Faults = append(r.report.Faults, sensors.Fault{
			Reason: sensors.ReasonTooLarge,
			Detail: "the message makes more than " + strconv.Itoa(MaxStatements) + " observations and faults",
			Raw:    v.Raw(),
		})
	}
	return r.count <= MaxStatements
}

func (r *reader) full() bool { return r.count > MaxStatements }

func (r *reader) fault(reason, what, detail string, v tree.Value) {
	if !r.room(v) {
		return
	}
	r.report.Faults = append(r.report.Faults, sensors.Fault{Reason: reason, Detail: tree.Note(what + ": " + detail), Raw: v.Raw()})
}

// strange reports whether object has fields that nobody said to ignore.
func (r *reader) strange(object tree.Value) bool {
	for name, v := range object.Fields() {
		if v.Given() && !slices.Contains(r.use.profile.ignore, name) {
			return true
		}
	}
	return false
}

// noFixDegrees is what trackers without a fix stay below: they say 0 and 0, or
// all bits set, which decoders turn into a millionth of a degree.
const noFixDegrees = 1e-5

func (r *reader) place(object tree.Value) {
	p := r.use.profile.place
	latAt, lonAt := p.lat.first(object), p.lon.first(object)
	if !latAt.Given() && !lonAt.Given() {
		return
	}
	r.known = true
	lat, okLat := latAt.LooseNumber()
	lon, okLon := lonAt.LooseNumber()
	if !okLat || !okLon {
		r.fault(sensors.ReasonBadPosition, p.lat.text+" and "+p.lon.text, "are not both numbers", object)
		return
	}
	if math.Abs(lat) < noFixDegrees && math.Abs(lon) < noFixDegrees {
		return // a receiver without a fix
	}
	position, problem := tree.Coordinates(lat, lon, p.datum)
	if problem != nil {
		r.fault(problem.Reason, p.lat.text, problem.Detail, object)
		return
	}
	r.message.Position = position
	r.health.Position = position
}

// history reads the earlier readings, each with its own time. Their ids are made
// of that time, so that a reading that is sent again has the same one.
func (r *reader) history(object tree.Value) {
	h := r.use.profile.history
	list := h.path.first(object)
	if !list.Given() {
		return
	}
	r.known, r.past = true, true
	if list.Kind() != tree.Array {
		r.fault(sensors.ReasonBadField, h.path.text, "is not an array", list)
		return
	}
	for _, e := range list.Elements() {
		if r.full() {
			return
		}
		at, ok := h.timeOf(e)
		if !ok {
			r.fault(sensors.ReasonBadTime, h.path.text+"."+h.time.text, "is not a time", e)
			continue
		}
		r.message.At = at
		r.message.ID = "t" + strconv.FormatInt(at.UnixMicro(), 10)
		r.fields(e)
	}
}

func (h *history) timeOf(e tree.Value) (time.Time, bool) {
	v := h.time.first(e)
	if n, ok := v.LooseNumber(); ok {
		return tree.Epoch(n, h.unit)
	}
	s, ok := v.Text()
	if !ok {
		return time.Time{}, false
	}
	return tree.RFC3339(s)
}

func (r *reader) fields(object tree.Value) {
	for i := range r.use.profile.fields {
		f := &r.use.profile.fields[i]
		if r.past && f.target != toKind {
			continue
		}
		scale, ok := r.use.scale(f)
		if !ok {
			r.known = r.known || f.paths[0].first(object).Given()
			continue
		}
		if !f.many() {
			r.one(f, scale, object)
			continue
		}
		f.paths[0].each(object, func(at string, v tree.Value) bool {
			r.known = true
			if f.suffix != f.paths[0].text {
				at += "#" + string(f.kind.Key)
			}
			r.say(f, at, v, f.read(v, object, scale))
			return !r.full()
		})
	}
}

// scale returns the ends of a field that is a percentage between two, nil when
// it is not; false when nobody said where they are.
func (u Use) scale(f *field) (*fill, bool) {
	switch {
	case f.fill == nil:
		return nil, true
	case f.target == toKind && u.fill.known:
		return &u.fill, true
	case f.fill.known:
		return f.fill, true
	}
	return nil, false
}

// one reads a field that says one thing, from one or several paths.
func (r *reader) one(f *field, scale *fill, object tree.Value) {
	var best result
	var bestAt tree.Value
	for _, p := range f.paths {
		v := p.first(object)
		if !v.Given() {
			continue
		}
		r.known = true
		res := f.read(v, object, scale)
		if res.outcome == faulty || res.outcome == unwell {
			r.say(f, p.text, v, res)
			continue
		}
		if f.take == takeMaxAbs && res.value < 0 {
			res.value = -res.value
		}
		switch {
		case res.outcome != measured:
		case best.outcome != measured, f.take != takeFirst && res.value > best.value:
			best, bestAt = res, v
		}
	}
	if best.outcome == measured {
		r.say(f, f.suffix, bestAt, best)
	}
}

// say puts one result where it belongs.
func (r *reader) say(f *field, at string, v tree.Value, res result) {
	switch res.outcome {
	case faulty:
		r.fault(res.problem.Reason, at, res.problem.Detail, v)
		return
	case unwell:
		r.note(at + ": " + res.words)
		return
	case nothing:
		return
	case measured:
	}
	value := res.value
	switch f.target {
	case toKind:
		r.observe(f, at, v, value)
	case toBattery:
		if value < 0 || value > 100 {
			r.fault(sensors.ReasonBadField, at, "a battery is at 0 to 100 %", v)
			return
		}
		r.health.BatteryPercent = &value
	case toSignal:
		if r.health.SignalDBm == nil {
			r.health.SignalDBm = &value
		}
	case toNote:
	}
}

func (r *reader) observe(f *field, at string, v tree.Value, value float64) {
	if value == 0 && f.kind.Type == sensors.Event {
		return // what did not happen
	}
	if !r.room(v) {
		return
	}
	r.report.Observations = append(r.report.Observations, sensors.Observation{
		Device:   r.message.Device,
		Kind:     f.kind.Key,
		Value:    value,
		At:       r.message.At,
		Received: r.message.Received,
		ID:       id(r.message.ID, at),
		Position: r.message.Position,
	})
}

func (r *reader) note(words string) {
	if r.health.Note != "" {
		words = r.health.Note + "; " + words
	}
	r.health.Note = tree.Note(words)
}

// id names one observation of a message. What would be too long is replaced by
// its digest.
func id(message, at string) string {
	if message == "" {
		return ""
	}
	if len(message)+1+len(at) <= sensors.MaxIDBytes {
		return message + "/" + at
	}
	sum := sha256.Sum256([]byte(message + "/" + at))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// result is what reading one value gave.
type result struct {
	outcome outcome
	value   float64 // in the unit of the kind, %, or dBm
	words   string
	problem *tree.Problem
}

type outcome uint8

const (
	nothing outcome = iota
	measured
	unwell
	faulty
)

func faultf(reason, format string, args ...any) result {
	return result{outcome: faulty, problem: tree.Problemf(reason, format, args...)}
}

// read gives a value its meaning.
func (f *field) read(v, object tree.Value, scale *fill) result {
	switch v.Kind() {
	case tree.Bool:
		return f.boolean(v)
	case tree.Number:
		if m, ok := f.words[string(v.Raw())]; ok {
			return m.result(string(v.Raw()))
		}
		n, ok := v.Number()
		if !ok {
			return faultf(sensors.ReasonBadField, "is too large for a number")
		}
		return f.number(n, "", object, scale)
	case tree.String:
		s, _ := v.Text()
		return f.text(strings.TrimSpace(s), object, scale)
	case tree.Missing:
		return result{}
	default:
		return faultf(sensors.ReasonBadField, "is an array or object")
	}
}

func (f *field) boolean(v tree.Value) result {
	word := string(v.Raw())
	if m, ok := f.words[word]; ok {
		return m.result(word)
	}
	if len(f.words) > 0 || f.toUnit != "1" || f.fill != nil {
		return faultf(sensors.ReasonBadField, "is %s, not a number in %s", word, f.unit)
	}
	if word == "true" {
		return result{outcome: measured, value: 1}
	}
	return result{outcome: measured, value: 0}
}

func (f *field) text(s string, object tree.Value, scale *fill) result {
	word := strings.ToLower(s)
	if m, ok := f.words[word]; ok {
		return m.result(s)
	}
	for _, p := range f.prefixes {
		if strings.HasPrefix(word, p.word) {
			return p.meaning.result(s)
		}
	}
	if f.target == toNote {
		return result{outcome: unwell, words: s}
	}
	if absentWords[word] {
		return result{}
	}
	n, unit, ok := splitNumber(s)
	switch {
	case ok:
		return f.number(n, unit, object, scale)
	case len(f.words) > 0:
		return faultf(sensors.ReasonBadField, "%.80q is none of the words that the profile knows", s)
	default:
		return faultf(sensors.ReasonBadField, "%.80q is not a number", s)
	}
}

// splitNumber reads "25.30", "1234 mm" and "3.4V".
func splitNumber(s string) (n float64, unit string, ok bool) {
	end := len(s)
	for i := range len(s) {
		c := s[i]
		if (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' {
			continue
		}
		if (c == 'e' || c == 'E') && i+1 < len(s) && (s[i+1] == '-' || s[i+1] == '+' || (s[i+1] >= '0' && s[i+1] <= '9')) {
			continue
		}
		end = i
		break
	}
	n, ok = tree.DecimalNumber(s[:end])
	return n, strings.TrimSpace(s[end:]), ok
}

// number converts n, which is in the unit that the payload states, or else in
// that of the profile.
func (f *field) number(n float64, stated string, object tree.Value, scale *fill) result {
	if f.target == toNote {
		return faultf(sensors.ReasonBadField, "is a number, not one of the profile's words")
	}
	if slices.Contains(f.absent, n) {
		return result{}
	}
	unit := f.unit
	if f.unitPath != nil {
		if u := f.unitPath.first(object); u.Given() {
			text, ok := u.Text()
			if !ok {
				return faultf(sensors.ReasonWrongUnit, "%s is not the name of a unit", f.unitPath.text)
			}
			unit = text
		}
	}
	if stated != "" {
		unit = stated
	}
	var err error
	if scale != nil {
		if n, err = sensors.Convert(n, unit, f.unit); err == nil {
			n = scale.percent(n)
		}
	} else {
		n, err = convert(n, unit, f.toUnit, f.kind.Key)
	}
	switch {
	case err != nil:
		return faultf(sensors.ReasonWrongUnit, "%v", err)
	case n-n != 0:
		return faultf(sensors.ReasonBadField, "is too large for a number")
	}
	return result{outcome: measured, value: n}
}

func (m meaning) result(word string) result {
	switch m.does {
	case isHealth:
		return result{outcome: unwell, words: word}
	case isNothing:
		return result{}
	default:
		return result{outcome: measured, value: m.value}
	}
}

// gramsPerMole of the gases whose kinds are concentrations of mass.
var gramsPerMole = map[sensors.KindKey]float64{
	"o3": 47.998, "no2": 46.006, "so2": 64.066, "co": 28.010,
}

// litresPerMole of an ideal gas at 298.15 K and 1013.25 hPa, the reference state
// of GB 3095.
const litresPerMole = 24.465

// convert is [sensors.Convert], and also turns a share of volume into a
// concentration of mass where the kind says which gas it is.
func convert(v float64, from, to string, kind sensors.KindKey) (float64, error) {
	out, err := sensors.Convert(v, from, to)
	if err == nil {
		return out, nil
	}
	m, isGas := gramsPerMole[kind]
	if !isGas {
		return 0, err
	}
	ppb, gasErr := sensors.Convert(v, from, "[ppb]")
	if gasErr != nil {
		return 0, err
	}
	return sensors.Convert(ppb*m/litresPerMole, "ug/m3", to)
}
