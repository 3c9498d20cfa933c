package analytics

import (
	"github.com/urbangrid/urbangrid/store"
)

// watch is one place that a rule keeps an eye on: since when what it sees speaks
// for an alert, since when against one, and the alert that is open.
//
// Alerts come from the records; all else follows from the observations, so that
// reading them again restores it.
type watch struct {
	badSince  int64 // begin of the unbroken stretch that speaks for an alert; noTime for none
	goodSince int64 // begin of the one that speaks against it; noTime for none
	looked    int64 // the newest look, noTime before the first
	open      *store.Alert
	closed    []span // alerts that were open once, while the journal is read back
}

func newWatch() watch { return watch{badSince: noTime, goodSince: noTime, looked: noTime} }

// step is what a look leads to.
type step int

const (
	stay   step = iota
	raises      // what speaks for an alert has held, and none is open
	clears      // what speaks against the open one has held
)

// holds are how long it takes to raise and to clear, and the longest pause between
// two looks that a hold may span, in microseconds.
type holds struct{ raise, clear, pause int64 }

// look takes in what a place shows at a time. Neither bad nor good leaves an alert
// as it is.
func (w *watch) look(bad, good bool, at int64, h holds) step {
	if w.looked != noTime && at-w.looked > h.pause {
		w.badSince, w.goodSince = noTime, noTime
	}
	w.looked = at
	w.badSince = since(w.badSince, bad, at)
	w.goodSince = since(w.goodSince, good, at)
	switch {
	case w.open == nil && bad && at-w.badSince >= h.raise:
		return raises
	case w.open != nil && good && at-w.goodSince >= h.clear:
		return clears
	}
	return stay
}

// idle reports whether nothing is known that a new watch would not know.
func (w *watch) idle() bool {
	return w.open == nil && w.badSince == noTime && w.goodSince == noTime && len(w.closed) == 0
}

// openAt reports whether an alert was open at a time.
func (w *watch) openAt(at int64) bool {
	if w.open != nil && at >= w.open.RaisedAt.UnixMicro() {
		return true
	}
	for _, s := range w.closed {
		if s.from <= at && at < s.to {
			return true
		}
	}
	return false
}

// restore takes back an alert of the records.
func (w *watch) restore(a store.Alert) {
	if a.State == store.AlertClosed {
		w.closed = append(w.closed, span{a.RaisedAt.UnixMicro(), a.ClearedAt.UnixMicro()})
		return
	}
	w.open = &a
}

// watchNote is what is saved of a watch: what follows from observations alone.
type watchNote struct{ Bad, Good, Looked int64 }

func (w *watch) note() watchNote { return watchNote{w.badSince, w.goodSince, w.looked} }

func (w *watch) recall(n watchNote) { w.badSince, w.goodSince, w.looked = n.Bad, n.Good, n.Looked }
