package analytics

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// rememberEvery is so short that what a note lacks is always among what is read
// back from the journal.
const rememberEvery = 2 * time.Minute

// note is what an engine has learned of one journal. What a cell has learned
// says up to which slot, so that reading the journal back adds only what came
// after.
type note struct {
	Kinds map[sensors.KindKey]kindNote `json:"kinds"`
}

type kindNote struct {
	First int64               `json:"first"`
	Cells map[string]cellNote `json:"cells"`
}

type cellNote struct {
	Learned   float64 `json:"learned"`
	Exposure  float64 `json:"exposure"`
	LearnedTo int64   `json:"learned_to"`
}

func (e *Engine) noteName() string { return "baselines/" + e.journal.Identity() }

// remember saves the baselines. Without them the next engine knows less, which
// is no reason to stop this one.
func (r *run) remember(ctx context.Context, now time.Time) {
	if r.opts.Memory == nil {
		return
	}
	r.rememberedAt = now
	ctx, cancel := context.WithTimeout(ctx, lastRetry)
	defer cancel()
	payload, err := json.Marshal(r.judge.note())
	if err == nil {
		err = r.opts.Memory.Remember(ctx, r.noteName(), payload)
	}
	if err == nil {
		err = r.rememberKnowers(ctx)
	}
	if err != nil && ctx.Err() == nil {
		r.metrics.forgotten.Inc()
		r.opts.Log.Warn("baselines not saved", "error", err)
	}
}

// recall returns an error only when the memory cannot be asked.
func (e *Engine) recall(ctx context.Context, j *judge) error {
	if e.opts.Memory == nil {
		return nil
	}
	if err := e.recallKnowers(ctx, j); err != nil {
		return err
	}
	payload, err := e.opts.Memory.Recall(ctx, e.noteName())
	if err != nil || payload == nil {
		return err
	}
	var n note
	if err = json.Unmarshal(payload, &n); err == nil {
		err = j.recall(n)
	}
	if err != nil { // to judge by priors alone is better than not to judge
		e.opts.Log.Error("saved baselines cannot be read and are learned anew", "error", err)
	}
	return nil
}

func (j *judge) note() note {
	n := note{Kinds: make(map[sensors.KindKey]kindNote)}
	for key, k := range j.kinds {
		if k.exceedance == nil || k.first == noTime {
			continue
		}
		kn := kindNote{First: k.first, Cells: make(map[string]cellNote)}
		for id, c := range k.cells {
			if c.learned >= negligible {
				kn.Cells[id.String()] = cellNote{Learned: c.learned, Exposure: c.exposure, LearnedTo: c.learnedTo}
			}
		}
		n.Kinds[key] = kn
	}
	return n
}

func (j *judge) recall(n note) error {
	for key, kn := range n.Kinds {
		k := j.kinds[key]
		if k == nil || k.exceedance == nil {
			continue
		}
		k.first = kn.First
		for id, cn := range kn.Cells {
			cell, err := grid.ParseCell(id)
			if err != nil {
				return fmt.Errorf("baselines of %s: %w", key, err)
			}
			k.cell(cell).baseline = baseline{learned: cn.Learned, exposure: cn.Exposure, learnedTo: cn.LearnedTo}
		}
	}
	return nil
}
