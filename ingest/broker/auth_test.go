package broker_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
	"github.com/urbangrid/urbangrid/internal/mqttraw/certtest"
)

// own is somebody who may use what lies below a prefix.
type own string

func (o own) MayPublish(topic string) bool    { return strings.HasPrefix(topic, string(o)) }
func (o own) MaySubscribe(filter string) bool { return strings.HasPrefix(filter, string(o)) }

var doors = broker.AuthFunc(func(user string, password []byte) (broker.Principal, bool) {
	return own("urbangrid/v1/" + user + "/"), user != "" && string(password) == "of-"+user
})

func certificate(name string) (broker.Principal, bool) {
	return own("urbangrid/v1/" + name + "/"), strings.HasPrefix(name, "noise-")
}

func as(user string, opts mqttraw.Options) mqttraw.Options {
	opts.Username, opts.Password = user, "of-"+user
	return opts
}

const notAuthorised = 0x87

func count(t *testing.T, reg *prometheus.Registry, name, reason string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && (reason == "" || m.GetLabel()[0].GetValue() == reason) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no metric %s %s", name, reason)
	return 0
}

func TestAuth_LetsInWhoSaysWhoTheyAreAndNobodyElse(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		reg := prometheus.NewRegistry()
		r := newRig(t, broker.Options{Auth: doors, Registerer: reg})
		r.gate.Let(10)
		for _, opts := range []mqttraw.Options{{}, {Username: "noise-0001"}, {Username: "noise-0001", Password: "guess"}} {
			opts.ClientID, opts.Version = "c", version
			if _, ack, err := mqttraw.Dial(t.Context(), r.broker.Addr(), opts); err == nil || ack.Reason == 0 {
				t.Errorf("user %q password %q was let in", opts.Username, opts.Password)
			}
		}
		if n := count(t, reg, "urbangrid_broker_logins_refused_total", "credentials"); n != 3 {
			t.Errorf("refused{credentials} is %v, want 3", n)
		}
		c := r.dial(t, as("noise-0001", mqttraw.Options{ClientID: "c", Version: version}))
		c.Publish(topic, payload(1), 1, 1, false)
		flush(t, c)
		expect(t, c, mqttraw.Puback, 1)
	})
}

func TestAuth_APublicationWithoutRightIsAnsweredAndCountedAndGoesNowhere(t *testing.T) {
	const foreign = "urbangrid/v1/noise-0002/obs"
	reg := prometheus.NewRegistry()
	r := newRig(t, broker.Options{Auth: doors, Registerer: reg})
	r.gate.Let(100)
	t.Run("MQTT 5", func(t *testing.T) {
		c := r.dial(t, as("noise-0001", mqttraw.Options{ClientID: "five", Version: 5}))
		c.Publish(foreign, payload(1), 1, 1, false)
		c.Publish(foreign, payload(1), 2, 2, false)
		c.Publish(foreign, payload(1), 0, 0, false)
		c.PublishAlias(foreign, 1, payload(1), 1, 3)
		c.PublishAlias("", 1, payload(1), 1, 4) // the topic hides behind its alias
		c.PublishAlias("", 1, payload(1), 2, 5)
		flush(t, c)
		for _, want := range []struct {
			typ mqttraw.Type
			id  uint16
		}{{mqttraw.Puback, 1}, {mqttraw.Pubrec, 2}, {mqttraw.Puback, 3}, {mqttraw.Puback, 4}, {mqttraw.Pubrec, 5}} {
			p, err := c.Read()
			if err != nil || p.Type != want.typ || p.ID != want.id || p.Reason != notAuthorised {
				t.Fatalf("answer %+v %v, want type %d id %d reason 0x87", p, err, want.typ, want.id)
			}
		}
		c.PublishAlias(topic, 2, payload(2), 1, 6)
		c.PublishAlias("", 2, payload(3), 1, 7) // its own, behind an alias
		flush(t, c)
		for want := uint16(6); want <= 7; want++ {
			if p, err := c.Read(); err != nil || p.Type != mqttraw.Puback || p.ID != want || p.Reason != 0 {
				t.Fatalf("answer %+v %v, want PUBACK %d", p, err, want)
			}
		}
	})
	t.Run("MQTT 3.1.1 has no such answer and loses the connection", func(t *testing.T) {
		c := r.dial(t, as("noise-0001", mqttraw.Options{ClientID: "three"}))
		c.Publish(foreign, payload(1), 1, 1, false)
		flush(t, c)
		for {
			p, err := c.Read()
			if err != nil {
				break
			}
			if p.Type == mqttraw.Puback {
				t.Fatal("a publication without right was acknowledged")
			}
		}
	})
	if n := count(t, reg, "urbangrid_broker_denied_total", "publish"); n != 7 {
		t.Errorf("denied{publish} is %v, want 7", n)
	}
	if n := len(r.gate.Observations()); n != 2 {
		t.Errorf("%d observations committed, want the 2 of its own topic", n)
	}
}

func TestAuth_ASubscriptionWithoutRightIsRefusedSharedOrNot(t *testing.T) {
	eachVersion(t, func(t *testing.T, version byte) {
		reg := prometheus.NewRegistry()
		r := newRig(t, broker.Options{Auth: doors, Registerer: reg})
		c := r.dial(t, as("noise-0001", mqttraw.Options{ClientID: "c", Version: version}))
		for i, filter := range []string{"#", "urbangrid/v1/noise-0002/cmd", "$share/g/urbangrid/v1/noise-0002/cmd"} {
			c.Subscribe(uint16(i+1), filter)
			flush(t, c)
			if p, err := c.Read(); err != nil || p.Type != mqttraw.Suback || p.Reason < 0x80 {
				t.Errorf("subscription of %s answered %+v %v, want a refusal", filter, p, err)
			}
		}
		if n := count(t, reg, "urbangrid_broker_denied_total", "subscribe"); n != 3 {
			t.Errorf("denied{subscribe} is %v, want 3", n)
		}
		c.Subscribe(9, "urbangrid/v1/noise-0001/cmd")
		flush(t, c)
		expect(t, c, mqttraw.Suback, 9)
		if err := r.broker.Publish("urbangrid/v1/noise-0001/cmd", []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if p := expect(t, c, mqttraw.Publish, 0); string(p.Payload) != "hello" {
			t.Errorf("the device got %q, want its command", p.Payload)
		}
	})
}

func TestAuth_AnotherUserCannotTakeASessionOver(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRig(t, broker.Options{Auth: doors, Registerer: reg})
	first := r.dial(t, as("noise-0001", mqttraw.Options{ClientID: "c", Resume: true}))
	if _, _, err := mqttraw.Dial(t.Context(), r.broker.Addr(), as("noise-0002", mqttraw.Options{ClientID: "c"})); err == nil {
		t.Fatal("another user took the session over")
	}
	if n := count(t, reg, "urbangrid_broker_logins_refused_total", "client_id"); n != 1 {
		t.Errorf("refused{client_id} is %v, want 1", n)
	}
	silent(t, first)
	again := r.dial(t, as("noise-0001", mqttraw.Options{ClientID: "c", Resume: true}))
	silent(t, again)
	if n := r.broker.DisconnectUser("noise-0001"); n != 1 {
		t.Errorf("DisconnectUser ended %d connections, want 1", n)
	}
	for { // the broker may say DISCONNECT first
		if _, err := again.Read(); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still connected after DisconnectUser")
			}
			break
		}
	}
}

func TestAuth_SlowsGuessingWithoutHinderingOthers(t *testing.T) {
	reg := prometheus.NewRegistry()
	r := newRig(t, broker.Options{Auth: doors, Registerer: reg})
	for range 20 {
		if _, _, err := mqttraw.Dial(t.Context(), r.broker.Addr(), mqttraw.Options{ClientID: "g", Username: "noise-0001", Password: "guess"}); err == nil {
			t.Fatal("a guess was let in")
		}
	}
	if n := count(t, reg, "urbangrid_broker_logins_refused_total", "throttled"); n < 14 {
		t.Errorf("refused{throttled} is %v, want 15 of 20", n)
	}
	if _, _, err := mqttraw.Dial(t.Context(), r.broker.Addr(), as("noise-0001", mqttraw.Options{ClientID: "g"})); err == nil {
		t.Error("the right password was tried right after many wrong ones")
	}
	silent(t, r.dial(t, as("noise-0002", mqttraw.Options{ClientID: "other"})))
}

func TestTLS_TheCommonNameOfACertificateIsTheDevice(t *testing.T) {
	ca := certtest.New(t)
	opts := broker.Options{TLSAddr: "127.0.0.1:0", Auth: doors, Certificate: certificate, Registerer: prometheus.NewRegistry()}
	opts.TLS.CertFile, opts.TLS.KeyFile = ca.Issue("server")
	opts.TLS.ClientCAFile = ca.File
	r := newRig(t, opts)
	r.gate.Let(10)
	dial := func(opts mqttraw.Options) (*mqttraw.Conn, error) {
		c, _, err := mqttraw.Dial(t.Context(), r.broker.TLSAddr(), opts)
		return c, err
	}
	c, err := dial(mqttraw.Options{ClientID: "c", Version: 5, TLS: ca.Client("noise-0001")})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.Publish(topic, payload(1), 1, 1, false)
	c.Publish("urbangrid/v1/noise-0002/obs", payload(1), 1, 2, false)
	flush(t, c)
	reasons := map[uint16]byte{}
	for range 2 {
		p, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		reasons[p.ID] = p.Reason
	}
	if reasons[1] != 0 || reasons[2] != notAuthorised {
		t.Errorf("own topic answered %#x, foreign one %#x; want 0 and 0x87", reasons[1], reasons[2])
	}
	if _, err := dial(mqttraw.Options{ClientID: "x", TLS: ca.Client("stranger")}); err == nil {
		t.Error("a certificate of nobody we know was let in")
	}
	if _, err := dial(mqttraw.Options{ClientID: "x", TLS: certtest.New(t).Client("noise-0001")}); err == nil {
		t.Error("a certificate of another authority was let in")
	}
	if _, err := dial(mqttraw.Options{ClientID: "x", TLS: ca.Client("")}); err == nil {
		t.Error("neither certificate nor password, and let in")
	}
	byPassword, err := dial(as("noise-0002", mqttraw.Options{ClientID: "p", TLS: ca.Client("")}))
	if err != nil {
		t.Fatalf("password without certificate: %v", err)
	}
	_ = byPassword.Close()
}

func TestTLS_WithoutAuthTheAuthorityIsTheOnlyKey(t *testing.T) {
	ca := certtest.New(t)
	opts := broker.Options{TLSAddr: "127.0.0.1:0"}
	opts.TLS.CertFile, opts.TLS.KeyFile = ca.Issue("server")
	opts.TLS.ClientCAFile = ca.File
	r := newRig(t, opts)
	c, _, err := mqttraw.Dial(t.Context(), r.broker.TLSAddr(), mqttraw.Options{ClientID: "c", TLS: ca.Client("anybody")})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	if _, _, err := mqttraw.Dial(t.Context(), r.broker.TLSAddr(), mqttraw.Options{ClientID: "c", TLS: ca.Client("")}); err == nil {
		t.Error("let in without a certificate")
	}
}

func TestListen_SaysWhatIsWrong(t *testing.T) {
	ca := certtest.New(t)
	cert, key := ca.Issue("server")
	for _, c := range []struct {
		name string
		opts broker.Options
		want string
	}{
		{"no address", broker.Options{}, "no address"},
		{"no certificate", broker.Options{TLSAddr: "127.0.0.1:0"}, "certificate of the broker"},
		{"no authority", broker.Options{TLSAddr: "127.0.0.1:0", TLS: broker.TLS{CertFile: cert, KeyFile: key, RequireClientCert: true}}, "no authority"},
		{"not an authority", broker.Options{TLSAddr: "127.0.0.1:0", TLS: broker.TLS{CertFile: cert, KeyFile: key, ClientCAFile: key}}, "no certificate in"},
		{"bad address", broker.Options{WebSocketAddr: "127.0.0.1:99999"}, "broker address (ws)"},
	} {
		b, err := broker.Listen(t.Context(), "", nil, c.opts)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", c.name, err, c.want)
		}
		if b != nil {
			_ = b.Close()
		}
	}
}

func TestAuth_MetricsFollowTheNamingRules(t *testing.T) {
	reg := prometheus.NewRegistry()
	newRig(t, broker.Options{Auth: doors, Registerer: reg})
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}
