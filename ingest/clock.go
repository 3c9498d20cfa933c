package ingest

import (
	"sync/atomic"
	"time"
)

// Clock tells when messages were received, each a microsecond or more after the one
// before. What has neither id nor time of its own is known by when it was received:
// two messages of a burst must not be taken for one. The zero Clock works. It is
// safe for concurrent use.
type Clock struct {
	last atomic.Int64 // microseconds since 1970
}

// setBack is how far the system's clock is behind when it was put back, rather than
// outrun by a burst of a million messages.
const setBack = time.Second

// Now returns the time, UTC, in whole microseconds.
func (c *Clock) Now() time.Time {
	for {
		last, now := c.last.Load(), time.Now().UnixMicro()
		if now <= last && last-now < setBack.Microseconds() {
			now = last + 1
		}
		if c.last.CompareAndSwap(last, now) {
			return time.UnixMicro(now).UTC()
		}
	}
}
