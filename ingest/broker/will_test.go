package broker_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

func will(qos byte, retain bool) *mqttraw.Will {
	return &mqttraw.Will{Topic: topic, Payload: payload(99), QoS: qos, Retain: retain}
}

// watch subscribes to what the test wants to see.
func watch(t *testing.T, r *rig, filter string) *mqttraw.Conn {
	t.Helper()
	c := r.dial(t, mqttraw.Options{ClientID: "watcher of " + filter})
	c.Subscribe(1, filter)
	flush(t, c)
	expect(t, c, mqttraw.Suback, 1)
	return c
}

func TestWill_OnATopicOfTheIntakeIsCommittedAndThenGivenToSubscribers(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		sub := watch(t, r, "urbangrid/v1/+/obs")
		c := r.dial(t, mqttraw.Options{ClientID: "dying", Version: version, Will: will(1, true)})
		silent(t, c)
		_ = c.Close() // without goodbye
		// One commit for the will, and until then nobody hears of it.
		silent(t, sub)
		r.gate.Let(1)
		p := expect(t, sub, mqttraw.Publish, 0)
		if p.Topic != topic || string(p.Payload) != string(payload(99)) {
			t.Errorf("subscriber got %s %s, want the will", p.Topic, p.Payload)
		}
		if n := len(r.gate.Observations()); n != 1 {
			t.Errorf("%d observations committed, want the will's", n)
		}
		late := r.dial(t, mqttraw.Options{ClientID: "late"})
		late.Subscribe(1, topic)
		flush(t, late)
		expect(t, late, mqttraw.Suback, 1)
		if p := expect(t, late, mqttraw.Publish, 0); !p.Retain {
			t.Error("the retained will came without its mark")
		}
	})
}

func TestWill_OnAnotherTopicGoesToSubscribersOnly(t *testing.T) {
	r := newRig(t, broker.Options{})
	r.gate.Let(10)
	sub := watch(t, r, "other/#")
	c := r.dial(t, mqttraw.Options{ClientID: "dying", Will: &mqttraw.Will{Topic: "other/a", Payload: []byte("gone")}})
	silent(t, c)
	_ = c.Close()
	if p := expect(t, sub, mqttraw.Publish, 0); string(p.Payload) != "gone" {
		t.Errorf("subscriber got %q", p.Payload)
	}
	if n := len(r.gate.Entries()); n != 0 {
		t.Errorf("%d entries committed", n)
	}
}

func TestWill_IsNotPublishedAfterAGoodbye(t *testing.T) {
	r := newRig(t, broker.Options{})
	r.gate.Let(10)
	sub := watch(t, r, "urbangrid/v1/+/obs")
	c := r.dial(t, mqttraw.Options{ClientID: "leaving", Will: will(1, false)})
	c.Goodbye()
	flush(t, c)
	_, _ = c.Read() // until the broker has closed it
	c = r.dial(t, mqttraw.Options{ClientID: "witness"})
	c.Publish(topic, payload(1), 1, 1, false)
	flush(t, c)
	expect(t, c, mqttraw.Puback, 1)
	if p := expect(t, sub, mqttraw.Publish, 0); string(p.Payload) != string(payload(1)) {
		t.Errorf("subscriber got %s, want the message after the goodbye", p.Payload)
	}
}

func TestWill_WithADelayComesAfterItAndNotAtAllWhenTheClientIsBack(t *testing.T) {
	r := newRig(t, broker.Options{})
	r.gate.Let(10)
	sub := watch(t, r, "urbangrid/v1/+/obs")
	delayed := will(1, false)
	delayed.DelaySeconds = 1
	back := mqttraw.Options{ClientID: "back", Version: 5, Resume: true, Will: delayed}
	c := r.dial(t, back)
	silent(t, c)
	_ = c.Close()
	c = r.dial(t, back)
	silent(t, c) // it is back before its will

	gone := *delayed
	gone.Payload = payload(7)
	d := r.dial(t, mqttraw.Options{ClientID: "gone", Version: 5, Resume: true, Will: &gone})
	silent(t, d)
	_ = d.Close()
	if p := expect(t, sub, mqttraw.Publish, 0); string(p.Payload) != string(payload(7)) {
		t.Errorf("subscriber got %s, want the will of the client that did not come back", p.Payload)
	}
	silent(t, c)
}

func TestWill_WithoutRightIsCountedAndGoesNowhere(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRig(t, broker.Options{Auth: doors, Registerer: reg})
	r.gate.Let(10)
	c := r.dial(t, as("noise-0002", mqttraw.Options{ClientID: "c", Will: will(1, false)}))
	silent(t, c)
	_ = c.Close()
	eventually(t, "the will is denied", func() bool { return count(t, reg, "urbangrid_broker_denied_total", "will") == 1 })
	if n := len(r.gate.Entries()); n != 0 {
		t.Errorf("%d entries committed", n)
	}
}

func TestWill_IsNotPublishedWhenTheBrokerStops(t *testing.T) {
	r := newRig(t, broker.Options{})
	r.gate.Let(10)
	silent(t, r.dial(t, mqttraw.Options{ClientID: "alive", Will: will(1, false)}))
	if err := r.broker.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if n := len(r.gate.Entries()); n != 0 {
		t.Errorf("%d entries committed: the device is alive, the broker was stopped", n)
	}
}

func TestBroker_KeepsRetainedObservationsAfterTheirCommit(t *testing.T) {
	for _, qos := range []byte{0, 1, 2} {
		r := newRig(t, broker.Options{})
		pub := r.dial(t, mqttraw.Options{ClientID: "pub"})
		pub.Retain(topic, payload(1), qos, uint16(qos))
		flush(t, pub)
		silent(t, pub)
		subscribe := func(id string) *mqttraw.Conn {
			sub := r.dial(t, mqttraw.Options{ClientID: id})
			sub.Subscribe(1, topic)
			flush(t, sub)
			expect(t, sub, mqttraw.Suback, 1)
			return sub
		}
		if qos > 0 {
			silent(t, subscribe("early")) // not retained before it is durable
		}
		r.gate.Let(10)
		switch qos {
		case 1:
			expect(t, pub, mqttraw.Puback, 1)
		case 2:
			expect(t, pub, mqttraw.Pubrec, 2)
		}
		silent(t, pub)
		var p mqttraw.Packet
		eventually(t, "the retained message is there", func() bool {
			sub := subscribe("late")
			sub.Ping()
			flush(t, sub)
			var err error
			if p, err = sub.Read(); err != nil {
				t.Fatal(err)
			}
			return p.Type == mqttraw.Publish
		})
		if !p.Retain || string(p.Payload) != string(payload(1)) {
			t.Errorf("QoS %d: a later subscriber got %+v, want the retained message", qos, p)
		}
	}
}

func TestBroker_KeepsTheSessionOfASubscriberThatComesBack(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		r := newRig(t, broker.Options{})
		r.gate.Let(10)
		opts := mqttraw.Options{ClientID: "sub", Version: version, Resume: true}
		sub := r.dial(t, opts)
		sub.SubscribeAt(1, "urbangrid/v1/+/obs", 1)
		flush(t, sub)
		expect(t, sub, mqttraw.Suback, 1)
		_ = sub.Close()
		pub := r.dial(t, mqttraw.Options{ClientID: "pub"})
		for id := uint16(1); id <= 3; id++ {
			pub.Publish(topic, payload(int(id)), 1, id, false)
			flush(t, pub)
			expect(t, pub, mqttraw.Puback, id)
		}
		got := map[string]bool{}
		eventually(t, "the three messages it missed", func() bool {
			c, ack, err := mqttraw.Dial(t.Context(), r.broker.Addr(), opts)
			if err != nil || !ack.Present {
				t.Fatalf("session present %v, %v", ack.Present, err)
			}
			defer c.Close()
			c.Ping()
			flush(t, c)
			for {
				p, err := c.Read()
				if err != nil {
					t.Fatal(err)
				}
				if p.Type == mqttraw.Pingresp {
					return len(got) == 3
				}
				got[string(p.Payload)] = true
			}
		})
	})
}
