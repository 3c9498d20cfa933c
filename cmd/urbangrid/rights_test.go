package main

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// enter states a device at a running server.
func enter(t *testing.T, p *process, id, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, p.http+"/api/v1/devices/"+id, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := askAPI(req)
	if err != nil {
		t.Fatal(err)
	}
	answer.Close()
}

var printedPassword = regexp.MustCompile(`(?m)^password +(\S+)$`)

// login connects with a password that is issued for it.
func login(t *testing.T, p *process, opts mqttraw.Options, args ...string) *mqttraw.Conn {
	t.Helper()
	out := run(t, append([]string{"device", "credentials", opts.Username, "--http", p.http}, args...)...)
	m := printedPassword.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no password in %q", out)
	}
	opts.Password = m[1]
	c, _, err := mqttraw.Dial(t.Context(), p.mqtt, opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// reason sends what is buffered and returns the reason of the broker's answer.
func reason(t *testing.T, c *mqttraw.Conn) byte {
	t.Helper()
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for {
		p, err := c.Read()
		if err != nil {
			t.Fatal(err)
		}
		if p.Type != mqttraw.Publish { // what it published it may have subscribed to since
			return p.Reason
		}
	}
}

func TestServe_ADeviceSpeaksForItselfAndAGatewayBelowItsPrefixes(t *testing.T) {
	p := startServer(t, t.TempDir(), "--mqtt-auth", "required")
	enter(t, p, "noise-1", `{"place":{"lat":31.24,"lon":121.42}}`)
	if _, _, err := mqttraw.Dial(t.Context(), p.mqtt, mqttraw.Options{ClientID: "anybody"}); err == nil {
		t.Error("somebody without a name was let in")
	}
	device := login(t, p, mqttraw.Options{ClientID: "d", Version: 5, Username: "noise-1"})
	gateway := login(t, p, mqttraw.Options{ClientID: "g", Version: 5, Username: "gw/7 北?%2F"}, "--prefix", "application/7")
	id := uint16(0)
	for _, c := range []struct {
		who       *mqttraw.Conn
		topic     string
		publish   bool
		subscribe bool
	}{
		{device, "urbangrid/v1/noise-1/obs", true, true},
		{device, "urbangrid/v1/noise-2/obs", false, false},
		{device, "urbangrid/v1/noise-1/../noise-2/obs", true, true}, // levels are names, not folders
		{device, "application/7/device/x/event/up", false, false},
		{device, "frigate/available", false, false},
		{gateway, "application/7/device/0101010101010101/event/up", true, true},
		{gateway, "application/77/device/0101010101010101/event/up", false, false},
		{gateway, "urbangrid/v1/noise-1/obs", false, false},
	} {
		id++
		c.who.Publish(c.topic, []byte(`{"kind":"noise","value":50}`), 1, id, false)
		if got := reason(t, c.who); (got == 0) != c.publish {
			t.Errorf("publication on %s is answered %#x, want it allowed: %v", c.topic, got, c.publish)
		}
		c.who.Subscribe(id, c.topic)
		if got := reason(t, c.who); (got < 0x80) != c.subscribe {
			t.Errorf("subscription of %s is answered %#x, want it allowed: %v", c.topic, got, c.subscribe)
		}
	}
	for _, filter := range []string{"#", "+/#", "$SYS/#", "$share/g/#", "$SHARE/g/urbangrid/#", "$share/g/+/v1/noise-1/#", "urbangrid/v1/+/obs", "urbangrid/v1/#"} {
		id++
		device.Subscribe(id, filter)
		if got := reason(t, device); got < 0x80 {
			t.Errorf("the device may read %s", filter)
		}
	}
	run(t, "device", "credentials", "gw/7 北?%2F", "--revoke", "--http", p.http)
	for {
		if packet, err := gateway.Read(); err != nil {
			break // after a DISCONNECT
		} else if packet.Type == mqttraw.Pingresp {
			t.Fatal("still connected")
		}
	}
	p.stop(t)
}

// A will is how Frigate and others are known to be gone.
func TestServe_ADeviceIsOfflineByItsWill(t *testing.T) {
	formats := write(t, "formats.yaml", "frigate: {cameras: {front: cam-1}}\n")
	p := startServer(t, t.TempDir(), "--formats", formats)
	enter(t, p, "cam-1", `{"place":{"lat":31.24,"lon":121.42}}`)
	c, _, err := mqttraw.Dial(t.Context(), p.mqtt, mqttraw.Options{
		ClientID: "frigate", Will: &mqttraw.Will{Topic: "frigate/available", Payload: []byte("offline"), QoS: 1, Retain: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Retain("frigate/available", []byte("online"), 1, 1)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	state := func(want string) {
		t.Helper()
		eventually(t, "the camera is "+want, func() error {
			d := get[struct{ State string }](t, p.http+"/api/v1/devices/cam-1")
			if d.State != want {
				return fmt.Errorf("it is %q", d.State)
			}
			return nil
		})
	}
	state("online")
	if err := c.Close(); err != nil { // without goodbye
		t.Fatal(err)
	}
	state("offline")
	p.stop(t)
}
