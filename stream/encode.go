package stream

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// entryVersion is the first byte of every encoded entry.
const entryVersion = 2

// errCorrupt marks bytes that are not an entry of a known version.
var errCorrupt = errors.New("corrupt journal entry")

// encoder writes entries. Devices, kinds and areas repeat within a batch, so
// each is written once and then referred to by number; times are written as the
// distance from the one before.
type encoder struct {
	buf   []byte
	names map[string]uint64
}

// encode returns the entry's bytes, valid until the next call.
func (e *encoder) encode(obs []grid.Placed, rejects []Reject, health []sensors.Health) []byte {
	if e.names == nil {
		e.names = make(map[string]uint64, 256)
	}
	clear(e.names)
	e.buf = append(e.buf[:0], entryVersion)
	e.buf = binary.AppendUvarint(e.buf, uint64(len(obs)))
	e.buf = binary.AppendUvarint(e.buf, uint64(len(rejects)))
	e.buf = binary.AppendUvarint(e.buf, uint64(len(health)))
	var at, received int64
	for i := range obs {
		at, received = e.observation(&obs[i], at, received)
	}
	for i := range rejects {
		e.reject(&rejects[i])
	}
	for i := range health {
		e.health(&health[i])
	}
	return e.buf
}

func (e *encoder) observation(o *grid.Placed, at, received int64) (int64, int64) {
	e.name(string(o.Device))
	e.name(string(o.Kind))
	e.name(string(o.Area))
	e.float(o.Value)
	a, r := o.At.UnixMicro(), o.Received.UnixMicro()
	e.buf = binary.AppendVarint(e.buf, a-at)
	e.buf = binary.AppendVarint(e.buf, r-received)
	e.buf = append(e.buf, byte(o.Position.Datum))
	if o.Position.Known() {
		e.float(o.Position.LatDegrees)
		e.float(o.Position.LonDegrees)
	}
	// A source in WGS-84 needs no second pair.
	if o.Position.Datum != sensors.WGS84 {
		e.float(o.Point.LatDegrees)
		e.float(o.Point.LonDegrees)
	}
	e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(o.Cell))
	e.text(o.ID)
	e.text(o.Attrs)
	return a, r
}

func (e *encoder) reject(r *Reject) {
	e.buf = binary.AppendVarint(e.buf, r.At.UnixMicro())
	e.name(r.Reason)
	e.text(r.Detail)
	e.text(r.Topic)
	e.bytes(r.Payload)
	e.buf = binary.AppendUvarint(e.buf, uint64(r.Size))
	e.bytes(r.Message)
}

func (e *encoder) health(h *sensors.Health) {
	e.name(string(h.Device))
	e.buf = binary.AppendVarint(e.buf, h.At.UnixMicro())
	e.buf = append(e.buf, byte(h.Presence), byte(h.Position.Datum))
	e.optional(h.BatteryPercent)
	e.optional(h.SignalDBm)
	if h.Position.Known() {
		e.float(h.Position.LatDegrees)
		e.float(h.Position.LonDegrees)
	}
	e.text(h.Note)
}

// optional writes a number that may be absent.
func (e *encoder) optional(f *float64) {
	if f == nil {
		e.buf = append(e.buf, 0)
		return
	}
	e.buf = append(e.buf, 1)
	e.float(*f)
}

func (e *encoder) bytes(b []byte) {
	e.buf = binary.AppendUvarint(e.buf, uint64(len(b)))
	e.buf = append(e.buf, b...)
}

func (e *encoder) name(s string) {
	if n, ok := e.names[s]; ok {
		e.buf = binary.AppendUvarint(e.buf, n)
		return
	}
	n := uint64(len(e.names))
	e.names[s] = n
	e.buf = binary.AppendUvarint(e.buf, n)
	e.text(s)
}

func (e *encoder) text(s string) {
	e.buf = binary.AppendUvarint(e.buf, uint64(len(s)))
	e.buf = append(e.buf, s...)
}

func (e *encoder) float(f float64) {
	e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(f))
}

// maxInterned bounds a decoder's memory of names; past it the memory starts anew.
const maxInterned = 1 << 18

// decoder reads entries. It gives the same string for the same name each time,
// so that those who keep device names do not keep whole entries alive.
type decoder struct {
	interned map[string]string
	names    []string
	in       []byte // what is left to read
	err      error
}

// decode reads one entry's bytes; Seq and At are left to the caller. Its texts
// are copies.
func (d *decoder) decode(data []byte) (Entry, error) {
	if d.interned == nil || len(d.interned) > maxInterned {
		d.interned = make(map[string]string, 1024)
	}
	d.names, d.in, d.err = d.names[:0], data, nil
	if v := d.byte(); v != entryVersion {
		return Entry{}, fmt.Errorf("%w: version %d", errCorrupt, v)
	}
	var e Entry
	nObs, nRejects, nHealth := d.uvarint(), d.uvarint(), d.uvarint()
	// Each takes more than one byte, so counts past the length are nonsense.
	if limit := uint64(len(data)); nObs > limit || nRejects > limit || nHealth > limit {
		return Entry{}, fmt.Errorf("%w: impossible counts", errCorrupt)
	}
	var at, received int64
	e.Observations = make([]grid.Placed, nObs)
	for i := range e.Observations {
		at, received = d.observation(&e.Observations[i], at, received)
		if d.err != nil {
			return Entry{}, d.err
		}
	}
	e.Rejects = make([]Reject, nRejects)
	for i := range e.Rejects {
		d.reject(&e.Rejects[i])
	}
	e.Health = make([]sensors.Health, nHealth)
	for i := range e.Health {
		d.health(&e.Health[i])
	}
	if d.err == nil && len(d.in) != 0 {
		d.err = fmt.Errorf("%w: %d bytes left over", errCorrupt, len(d.in))
	}
	return e, d.err
}

func (d *decoder) observation(o *grid.Placed, at, received int64) (int64, int64) {
	o.Device = sensors.DeviceID(d.name())
	o.Kind = sensors.KindKey(d.name())
	o.Area = grid.AreaCode(d.name())
	o.Value = d.float()
	at += d.varint()
	received += d.varint()
	o.At, o.Received = time.UnixMicro(at).UTC(), time.UnixMicro(received).UTC()
	o.Position.Datum = sensors.Datum(d.byte())
	if o.Position.Known() {
		o.Position.LatDegrees, o.Position.LonDegrees = d.float(), d.float()
	}
	if o.Position.Datum == sensors.WGS84 {
		o.Point = grid.Point{LatDegrees: o.Position.LatDegrees, LonDegrees: o.Position.LonDegrees}
	} else {
		o.Point.LatDegrees, o.Point.LonDegrees = d.float(), d.float()
	}
	o.Cell = grid.Cell(d.uint64())
	o.ID, o.Attrs = string(d.bytes()), string(d.bytes())
	return at, received
}

func (d *decoder) reject(r *Reject) {
	r.At = time.UnixMicro(d.varint()).UTC()
	r.Reason = d.name()
	r.Detail, r.Topic = string(d.bytes()), string(d.bytes())
	r.Payload = append([]byte(nil), d.bytes()...)
	r.Size = int(d.uvarint())
	r.Message = append([]byte(nil), d.bytes()...)
}

func (d *decoder) health(h *sensors.Health) {
	h.Device = sensors.DeviceID(d.name())
	h.At = time.UnixMicro(d.varint()).UTC()
	h.Presence, h.Position.Datum = sensors.Presence(d.byte()), sensors.Datum(d.byte())
	h.BatteryPercent, h.SignalDBm = d.optional(), d.optional()
	if h.Position.Known() {
		h.Position.LatDegrees, h.Position.LonDegrees = d.float(), d.float()
	}
	h.Note = string(d.bytes())
}

func (d *decoder) optional() *float64 {
	if d.byte() == 0 {
		return nil
	}
	f := d.float()
	return &f
}

func (d *decoder) fail() {
	if d.err == nil {
		d.err = fmt.Errorf("%w: cut short", errCorrupt)
	}
	d.in = nil
}

func (d *decoder) name() string {
	n := d.uvarint()
	switch {
	case n < uint64(len(d.names)):
		return d.names[n]
	case n > uint64(len(d.names)):
		d.fail()
		return ""
	}
	b := d.bytes()
	s, ok := d.interned[string(b)]
	if !ok {
		s = string(b)
		d.interned[s] = s
	}
	d.names = append(d.names, s)
	return s
}

func (d *decoder) bytes() []byte {
	n := d.uvarint()
	if n > uint64(len(d.in)) {
		d.fail()
		return nil
	}
	b := d.in[:n]
	d.in = d.in[n:]
	return b
}

func (d *decoder) byte() byte {
	if len(d.in) == 0 {
		d.fail()
		return 0
	}
	b := d.in[0]
	d.in = d.in[1:]
	return b
}

func (d *decoder) uint64() uint64 {
	if len(d.in) < 8 {
		d.fail()
		return 0
	}
	u := binary.LittleEndian.Uint64(d.in)
	d.in = d.in[8:]
	return u
}

func (d *decoder) float() float64 { return math.Float64frombits(d.uint64()) }

func (d *decoder) uvarint() uint64 {
	u, n := binary.Uvarint(d.in)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.in = d.in[n:]
	return u
}

func (d *decoder) varint() int64 {
	i, n := binary.Varint(d.in)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.in = d.in[n:]
	return i
}
