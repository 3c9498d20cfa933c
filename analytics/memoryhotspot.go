package analytics

import (
	"context"
	"encoding/binary"
	"errors"
)

// What a hotspot rule knows is remembered under a name of its own, behind the
// number of the entry that it is of.

func (e *Engine) hotspotNote(r *hotspotRule) string {
	return "hotspots/" + e.journal.Identity() + "/" + r.Name
}

// rememberHotspots saves what each detector knows after the judged entry. Changes
// up to it must have been saved.
func (r *run) rememberHotspots(ctx context.Context) error {
	var errs []error
	for _, h := range r.judge.hotspots {
		state, err := h.detector.Save()
		if err == nil {
			note := binary.BigEndian.AppendUint64(make([]byte, 0, 8+len(state)), max(r.judge.seq, h.upTo))
			err = r.opts.Memory.Remember(ctx, r.hotspotNote(h), append(note, state...))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// recallHotspots returns an error only when the memory cannot be asked. A detector
// whose note cannot be read begins anew.
func (e *Engine) recallHotspots(ctx context.Context, j *judge) error {
	for _, h := range j.hotspots {
		note, err := e.opts.Memory.Recall(ctx, e.hotspotNote(h))
		if err != nil {
			return err
		}
		if note == nil {
			continue
		}
		if len(note) < 8 {
			err = errors.New("the note is cut off")
		} else {
			err = h.detector.Restore(note[8:])
		}
		if err != nil {
			e.opts.Log.Error("saved hotspots cannot be read and are learned anew", "rule", h.Name, "error", err)
			continue
		}
		h.upTo = binary.BigEndian.Uint64(note)
	}
	return nil
}
