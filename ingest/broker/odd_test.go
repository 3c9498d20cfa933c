package broker_test

import (
	"bytes"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// What became of a publication.
const (
	kept        = "kept"        // committed as an observation, then acknowledged
	quarantined = "quarantined" // committed with its reason, then acknowledged
	ordinary    = "ordinary"    // none of the intake's: acknowledged and given to subscribers
	ended       = "ended"       // against the protocol: the connection is closed
)

// became sends one publication on a connection of its own and tells what came of it.
func became(t *testing.T, r *rig, version byte, topic string, payload []byte, qos byte) string {
	t.Helper()
	before, reasons := len(r.gate.Observations()), total(r.gate.Reasons())
	c := r.dial(t, mqttraw.Options{ClientID: "odd", Version: version})
	defer func() { _ = c.Close() }()
	c.Publish(topic, payload, qos, 7, false)
	if c.Flush() != nil {
		return ended // while it was still being sent
	}
	// An answer to a ping would come before that of a commit: it is asked for after.
	if p, err := c.Read(); err != nil || p.Type == mqttraw.Disconnect {
		return ended
	}
	switch {
	case len(r.gate.Observations()) == before+1:
		return kept
	case total(r.gate.Reasons()) == reasons+1:
		return quarantined
	}
	return ordinary
}

func total(reasons map[string]int) int {
	n := 0
	for count := range maps.Values(reasons) {
		n += count
	}
	return n
}

func TestBroker_OddTopicsHarmNobody(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		r.gate.Let(1000)
		for i, c := range []struct{ topic, want string }{
			{"", ended},
			{"urbangrid/v1/+/obs", ended},
			{"urbangrid/v1/#", ended},
			{"urbangrid/v1/a\x00b/obs", ended},
			{"urbangrid/v1/\xff/obs", ended},
			{"urbangrid/v1//obs", quarantined},
			{"urbangrid/v1/a\x01b/obs", quarantined},
			{"urbangrid/v1/" + strings.Repeat("x", 65_000) + "/obs", quarantined},
			{"urbangrid/v1/设备/obs", kept},
			{"urbangrid/v1/a/obs/", ordinary},
			{"/urbangrid/v1/a/obs", ordinary},
			{"URBANGRID/v1/a/obs", ordinary},
			{"$share/g/urbangrid/v1/a/obs", ordinary},
		} {
			for qos := byte(1); qos <= 2; qos++ {
				if got := became(t, r, version, c.topic, payload(2*i+int(qos)), qos); got != c.want {
					t.Errorf("%.40q at QoS %d is %s, want %s", c.topic, qos, got, c.want)
				}
			}
		}
		if got := r.gate.Reasons(); !cmp.Equal(got, map[string]int{"bad_device": 6}) {
			t.Errorf("quarantined: %v, want 6 of bad_device", got)
		}
	})
}

// Nobody who listens hears what a client says on the broker's own topics.
func TestBroker_NobodySpeaksForTheBroker(t *testing.T) {
	r := newRig(t, broker.Options{})
	listener := r.dial(t, mqttraw.Options{ClientID: "listener"})
	listener.Subscribe(1, "$SYS/false")
	flush(t, listener)
	expect(t, listener, mqttraw.Suback, 1)
	c := r.dial(t, mqttraw.Options{ClientID: "c"})
	c.Publish("$SYS/false", []byte("x"), 0, 0, false)
	c.Retain("$SYS/false", []byte("x"), 1, 1)
	silent(t, c)
	silent(t, listener)
}

// A mebibyte is read; what is larger is told in quarantine; and what no payload may
// be, with twice that, ends its connection and no other.
func TestBroker_LargePayloadsAreReadUpToAMebibyte(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		r.gate.Let(1000)
		other := r.dial(t, mqttraw.Options{ClientID: "other", Version: version})
		for i, c := range []struct {
			bytes int
			want  string
		}{{1<<20 - 1, kept}, {1 << 20, kept}, {1<<20 + 1, quarantined}, {2<<20 - 100, quarantined}, {2 << 20, ended}, {16 << 20, ended}} {
			said := payload(i)
			padded := append(bytes.Repeat([]byte(" "), c.bytes-len(said)), said...)
			for qos := byte(1); qos <= 2; qos++ {
				if got := became(t, r, version, fmt.Sprintf("urbangrid/v1/noise-%d/obs", qos), padded, qos); got != c.want {
					t.Errorf("%d bytes at QoS %d are %s, want %s", c.bytes, qos, got, c.want)
				}
			}
		}
		if got := r.gate.Reasons(); !cmp.Equal(got, map[string]int{"too_large": 4}) {
			t.Errorf("quarantined: %v, want 4 of too_large", got)
		}
		silent(t, other)
	})
}
