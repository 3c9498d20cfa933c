package influx

import (
	"context"
	"fmt"
	"hash/fnv"
	"sort"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// taken is an observation of a Write on its way into the server.
type taken struct {
	p       *grid.Placed // nil when it was rejected
	seq     uint64       // of its entry
	history bool
}

// identity is what makes two observations the same, wherever the device stood.
// The stamp holds At and ID.
type identity struct {
	device     sensors.DeviceID
	kind       sensors.KindKey
	stampNanos int64
}

func identityOf(p *grid.Placed) identity {
	return identity{p.Device, p.Kind, stamp(p).UnixNano()}
}

// origin names the entry that an observation of history came with, so that one
// that is offered again after a failure is told from one that was held before.
// 40 bits are the entry's number, 23 a hash of the journal's name.
func origin(journal string, seq uint64) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(journal)) // never fails
	return int64(mix(h.Sum64())>>41<<40 | seq&(1<<40-1))
}

// retentionMargin is how long before the server would drop a point it is no
// longer sent, so that none is dropped on the way.
const retentionMargin = time.Minute

// admit flattens entries, without what is older than the server keeps and
// without history that it holds already.
func (s *Series) admit(ctx context.Context, journal string, entries []store.Entry, keep time.Duration) (out []taken, tooOld []grid.Placed, err error) {
	var cutoff time.Time
	if keep > 0 {
		cutoff = time.Now().Add(retentionMargin - keep)
	}
	var old []*grid.Placed
	for _, e := range entries {
		for i := range e.Observations {
			p := &e.Observations[i]
			if p.At.Before(cutoff) {
				tooOld = append(tooOld, *p)
				continue
			}
			t := taken{p: p, seq: e.Seq, history: p.Received.Sub(p.At) > s.opts.HistoryAfter}
			if t.history {
				old = append(old, p)
			}
			out = append(out, t)
		}
	}
	if len(old) == 0 {
		return out, tooOld, nil
	}
	held, err := s.held(ctx, old)
	if err != nil {
		return nil, nil, fmt.Errorf("look up %d old observations: %w", len(old), err)
	}
	kept := out[:0]
	for _, t := range out {
		who := identityOf(t.p)
		from, known := held[who]
		if t.history && known && from != origin(journal, t.seq) {
			continue
		}
		held[who] = -1 // no origin: what follows in this Write is a double
		kept = append(kept, t)
	}
	return kept, tooOld, nil
}

// held returns which of the observations the server has, with their origin, 0
// when they came as live ones.
func (s *Series) held(ctx context.Context, old []*grid.Placed) (map[identity]int64, error) {
	sort.SliceStable(old, func(i, j int) bool { return old[i].At.Before(old[j].At) })
	out := make(map[identity]int64)
	for begin, i := 0, 1; i <= len(old); i++ {
		if i < len(old) && old[i].At.Sub(old[i-1].At) < time.Hour {
			continue
		}
		if err := s.heldAmong(ctx, old[begin:i], out); err != nil {
			return nil, err
		}
		begin = i
	}
	return out, nil
}

// heldAmong reads the stretch of time that sorted observations cover.
func (s *Series) heldAmong(ctx context.Context, old []*grid.Placed, into map[identity]int64) error {
	kinds, devices := make(map[string]bool), make(map[string]bool)
	for _, p := range old {
		kinds[encodeTag(string(p.Kind))] = true
		devices[encodeTag(string(p.Device))] = true
	}
	flux := s.from(forRaw, millisecond(old[0].At), millisecond(old[len(old)-1].At).Add(time.Millisecond)) + only("_measurement", "observation") +
		fewOf("kind", kinds) + fewOf("device", devices) + onlyAny("_field", []string{"at", "origin"})
	return s.points(ctx, flux, func(r record) error {
		device, err := r.text("device")
		if err != nil {
			return err
		}
		kind, err := r.text("kind")
		if err != nil {
			return err
		}
		into[identity{sensors.DeviceID(device), sensors.KindKey(kind), r.time("_time").UnixNano()}] = r.integer("origin")
		return nil
	})
}
