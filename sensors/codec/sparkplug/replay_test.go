package sparkplug_test

import (
	"testing"
	"time"
)

func TestFormat_AReplayDisturbsNobody(t *testing.T) {
	h := born(t)
	h.now = h.now.Add(time.Hour)
	later := t0 + 3_600_000
	h.expect(ndata, message(later, 2, met{alias: 1, value: float32(51)}), "g:n noise 51 at 08:59:59Z\n")

	h.now = received
	h.expect(ndata, message(t0-5, 200, met{alias: 1, value: float32(40)}), "g:n noise 40 at 07:59:58.995Z\n")
	h.expect(ndata, message(t0-5, 200, met{alias: 9, value: float32(40)}), "fault 0 unknown_alias\n")
	h.expect(nbirth, message(t0-5, 0, session(6), met{name: "Noise", alias: 8, typ: floatT, value: float32(41)}), "g:n noise 41 at 07:59:58.995Z\n")
	h.expect(dbirth, message(t0-5, 1, met{name: "Temperature", alias: 8, typ: floatT, value: float32(100)}), "g:n:d temperature 10 at 07:59:58.995Z\n")
	h.expect(ddeath, message(t0-5, 2), "")

	h.now = received.Add(time.Hour)
	h.expect(ndata, message(later, 3, met{alias: 1, value: float32(52)}), "g:n noise 52 at 08:59:59Z\n")
	h.expect(ddata, message(later, 4, met{alias: 1, value: inInt(100)}), "g:n:d temperature 10 at 08:59:59Z\n")
}

func TestFormat_AClockThatIsPutBackIsNoReplay(t *testing.T) {
	h := born(t)
	h.expect(nbirth, message(7, 0, session(8), met{name: "Noise", alias: 5, typ: floatT, null: true}), "health g:n online\nhealth g:n no value: Noise\n") // the node's
	h.expect(ndata, message(8, 1, met{alias: 5, ms: t0, value: float32(51)}), "g:n noise 51 at 07:59:59Z\n")
	h.now = received.Add(-time.Hour) // ours
	h.expect(nbirth, message(t0, 0, session(9), met{name: "Noise", alias: 6, typ: floatT, null: true}), "health g:n online\nhealth g:n no value: Noise\n")
	h.expect(ndata, message(t0, 7, met{alias: 6, value: float32(51)}), "g:n noise 51 at 07:59:59Z\n"+asks)
}
