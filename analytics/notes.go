package analytics

import (
	"context"
	"encoding/binary"
	"errors"
)

// knower is what learns from the journal and is remembered over a restart by itself:
// what it knows goes into a note behind the number of the entry that it is of.
type knower interface {
	// noteName is what its note is called, before and behind the journal's name.
	noteName() (family, own string)
	// known returns the entry up to which it knows the journal, 0 for none.
	known() *uint64
	save() ([]byte, error)
	// load makes it know what save returned. An error says that it cannot be read.
	load(state []byte) error
}

// noteNumber is how many bytes of a note are the entry's number.
const noteNumber = 8

func (e *Engine) noteOf(k knower) string {
	family, own := k.noteName()
	return family + "/" + e.journal.Identity() + "/" + own
}

// knowers are all that are remembered by themselves.
func (j *judge) knowers() []knower {
	var all []knower
	for _, h := range j.hotspots {
		all = append(all, h)
	}
	for _, s := range j.secondaries {
		all = append(all, s)
	}
	return all
}

// rememberKnowers saves what each knows after the judged entry. Changes up to it must
// have been saved.
func (r *run) rememberKnowers(ctx context.Context) error {
	var errs []error
	for _, k := range r.judge.knowers() {
		state, err := k.save()
		if err == nil {
			note := binary.BigEndian.AppendUint64(make([]byte, 0, noteNumber+len(state)), max(r.judge.seq, *k.known()))
			err = r.opts.Memory.Remember(ctx, r.noteOf(k), append(note, state...))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// recallKnowers returns an error only when the memory cannot be asked. What cannot be
// read is learned anew.
func (e *Engine) recallKnowers(ctx context.Context, j *judge) error {
	for _, k := range j.knowers() {
		note, err := e.opts.Memory.Recall(ctx, e.noteOf(k))
		if err != nil {
			return err
		}
		if note == nil {
			continue
		}
		if len(note) < noteNumber {
			err = errors.New("the note is cut off")
		} else {
			err = k.load(note[noteNumber:])
		}
		if err != nil {
			e.opts.Log.Error("what was saved cannot be read and is learned anew", "note", e.noteOf(k), "error", err)
			continue
		}
		*k.known() = binary.BigEndian.Uint64(note)
	}
	return nil
}

func (r *hotspotRule) noteName() (family, own string) { return "hotspots", r.Name }
func (r *hotspotRule) known() *uint64                 { return &r.upTo }
func (r *hotspotRule) save() ([]byte, error)          { return r.detector.Save() }
func (r *hotspotRule) load(state []byte) error        { return r.detector.Restore(state) }

func (s *secondary) noteName() (family, own string) { return "devices", string(s.kind.Key) }
func (s *secondary) known() *uint64                 { return &s.upTo }

var (
	_ knower = (*hotspotRule)(nil)
	_ knower = (*secondary)(nil)
)
