package analytics

import (
	"fmt"
	"slices"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Events say when something is the case and never when it is not. That it is over
// follows from their absence, while somebody would still tell: all devices that an
// alert about an exceedance comes from have been heard of since, by whatever they
// send, or the kind is heard of elsewhere and none of them is known to be silent.

// life is what was heard of a device of an open alert.
type life struct {
	heard int64 // when it last said anything of any kind
	gone  bool  // it was said to be offline after that
}

// alive takes in that a device said something at a time, of this kind or of another.
func (r *exceedanceRule) alive(j *judge, id sensors.DeviceID, at int64) {
	l := r.lives[id]
	if l == nil || at <= l.heard && !l.gone {
		return
	}
	again := l.gone || at/slotMicros > l.heard/slotMicros
	l.heard, l.gone = max(l.heard, at), false
	if again { // else it was looked at a moment ago
		r.slide(j)
	}
}

// gone takes in that a device of an open alert is said to be offline, and tells that
// nobody knows now whether it is over.
func (r *exceedanceRule) gone(j *judge, id sensors.DeviceID, at int64) {
	l := r.lives[id]
	if l == nil || l.gone || at < l.heard {
		return
	}
	l.gone = true
	if !j.live {
		return
	}
	for _, c := range r.open {
		if slices.Contains(c.open.Devices, id) {
			c.open.Revision++
			c.open.UpdatedAt = fromMicros(max(at, c.open.UpdatedAt.UnixMicro()))
			c.open.Reason = r.explainRaised(c.open)
			c.open.Reason.ZH += fmt.Sprintf("设备 %s 已断线，无法确认是否结束。", id)
			c.open.Reason.EN += fmt.Sprintf(" Device %s is said to be gone: nobody knows whether it is over.", id)
			j.changed(c.open)
		}
	}
}

// listen follows the devices that open alerts come from, and no others.
func (r *exceedanceRule) listen() {
	lives := make(map[sensors.DeviceID]*life)
	for _, c := range r.open {
		for _, id := range c.open.Devices {
			if lives[id] = r.lives[id]; lives[id] == nil {
				lives[id] = &life{heard: c.openSince}
			}
		}
	}
	r.lives = lives
}

// toldUntil returns the time until which events of a cell with an open alert would
// have been told of.
func (r *exceedanceRule) toldUntil(j *judge, a *store.Alert) int64 {
	until, silent := noTime, false
	for i, id := range a.Devices {
		l := r.lives[id]
		if i == 0 || l.heard < until {
			until = l.heard
		}
		silent = silent || l.gone || j.silent[id] != nil
	}
	if silent {
		return until
	}
	return max(until, r.kind.newest)
}

// within returns how many events the cell has in the window that ends at a time.
func (c *cell) within(at int64) (n int64) {
	for i := range c.buckets {
		if c.buckets[i].slot > at/slotMicros-c.kind.slots {
			n += c.buckets[i].count
		}
	}
	return n
}

// lapse removes what has left the window that ends at a time, and learns none of it:
// an alert was open when it left. It reports whether there was any.
func (c *cell) lapse(at int64) bool {
	horizon := at/slotMicros - c.kind.slots
	n := 0
	for ; n < len(c.buckets) && c.buckets[n].slot <= horizon; n++ {
		c.count -= c.buckets[n].count
	}
	if n > 0 {
		c.buckets = c.buckets[:copy(c.buckets, c.buckets[n:])]
	}
	if c.learnedTo != noTime {
		c.learnedTo = max(c.learnedTo, horizon)
	}
	return n > 0
}
