package ingest

import (
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/stream"
)

// load is what waits for its commit.
type load struct {
	items int // observations, rejects and words about devices
	bytes int
}

func (l *load) add(bytes int) {
	l.items++
	l.bytes += bytes
}

// subtract takes off what e holds.
func (l *load) subtract(e *stream.Entry) {
	l.items -= len(e.Observations) + len(e.Rejects) + len(e.Health)
	for i := range e.Observations {
		l.bytes -= observationBytes(&e.Observations[i])
	}
	for i := range e.Rejects {
		l.bytes -= rejectBytes(&e.Rejects[i])
	}
	for i := range e.Health {
		l.bytes -= healthBytes(&e.Health[i])
	}
}

// maxEntryBytes bounds one entry of the journal: a NATS server takes a mebibyte at
// once unless it is told otherwise, and refuses what is larger for ever.
const maxEntryBytes = 768 << 10

// cut takes off left what goes into one entry: at most most of a sort, as much as
// the journal takes, and something in any case.
func cut(left *stream.Entry, most int) (part stream.Entry) {
	room := maxEntryBytes
	part.Observations, left.Observations = split(left.Observations, most, &room, observationBytes)
	part.Rejects, left.Rejects = split(left.Rejects, most, &room, rejectBytes)
	part.Health, left.Health = split(left.Health, most, &room, healthBytes)
	return part
}

// split cuts off the first of s that room has place for.
func split[T any](s []T, most int, room *int, bytes func(*T) int) (first, rest []T) {
	n := 0
	for n < min(most, len(s)) {
		need := bytes(&s[n])
		if need > *room && *room < maxEntryBytes {
			break
		}
		*room -= need
		n++
	}
	return s[:n], s[n:]
}

// numbersBytes is more than the numbers and lengths of one item take in an entry.
const numbersBytes = 80

// observationBytes is no less than o takes in an entry, as are the others.
func observationBytes(o *grid.Placed) int {
	return numbersBytes + len(o.Device) + len(o.Kind) + len(o.Area) + len(o.ID) + len(o.Attrs)
}

func rejectBytes(r *stream.Reject) int {
	return numbersBytes + len(r.Reason) + len(r.Detail) + len(r.Topic) + len(r.Payload) + len(r.Message)
}

func healthBytes(h *sensors.Health) int {
	return numbersBytes + len(h.Device) + len(h.Note)
}
