package notify

import (
	"sync"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/store"
)

// standing is what people know of an open alert.
type standing struct {
	told  store.Severity // the one that they know of, "" when nobody was told
	muted bool           // nobody is told of it at the moment
}

// known is the standing of each open alert. It is safe for concurrent use.
type known struct {
	mu   sync.Mutex // guards the fields below
	open map[string]standing
	owed map[string]bool // alerts that were muted when a message about them was to be sent
}

// restart makes k know only of which alerts somebody was not told, before the log is
// read from its beginning.
func (k *known) restart(owed []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open, k.owed = make(map[string]standing), make(map[string]bool)
	for _, alert := range owed {
		k.owed[alert] = true
	}
}

// owe says that somebody was not told of an alert because it is muted.
func (k *known) owe(alert string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.owed != nil { // otherwise it is read from the records before the log is
		k.owed[alert] = true
	}
}

// take takes in a change of an alert and returns what people are to be told of it,
// "" for nothing: alerts that are muted, that change otherwise or that close. One
// that is muted no longer is told of if it is news.
func (k *known) take(payload []byte) (Event, store.Alert) {
	a, err := analytics.DecodeAlert(payload)
	if err != nil { // of a newer program, and nothing to tell people of
		return "", a
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before, there := k.open[a.ID]
	if a.State == store.AlertClosed {
		delete(k.open, a.ID)
		delete(k.owed, a.ID)
		return "", a
	}
	if a.Muted {
		k.open[a.ID] = standing{told: before.told, muted: true}
		return "", a
	}
	k.open[a.ID] = standing{told: a.Severity}
	switch {
	case !there && a.Revision > 1: // its beginning is in the log no longer
		return "", a
	case before.told == "":
		return Raised, a
	case rank(a.Severity) > rank(before.told):
		return Risen, a
	case before.muted || k.owed[a.ID]:
		return unmuted, a
	}
	return "", a
}
