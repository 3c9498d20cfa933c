package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/internal/mqttpub"
)

func TestServe_AClosedRegisterOffersStrangersAndTakesInTheAdopted(t *testing.T) {
	p := startServer(t, t.TempDir(), "--device-policy", "closed")
	pub, err := mqttpub.Dial(t.Context(), "mqtt://"+p.mqtt, mqttpub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	say := func(db int) {
		t.Helper()
		if err := pub.Publish(t.Context(), "urbangrid/v1/new-1/obs", 1, fmt.Appendf(nil, `{"kind":"noise","value":%d}`, db)); err != nil {
			t.Fatal(err)
		}
	}
	say(51)
	eventually(t, "the stranger is offered", func() error {
		got := get[struct {
			Devices []struct {
				ID      string
				Rejects int
			}
		}](t, p.http+"/api/v1/devices/unknown")
		if len(got.Devices) != 1 || got.Devices[0].ID != "new-1" || got.Devices[0].Rejects != 1 {
			return fmt.Errorf("offered %+v", got)
		}
		return nil
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.http+"/api/v1/devices/new-1/adopt",
		strings.NewReader(`{"name":"一号","place":{"lat":31.24,"lon":121.42}}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	body, err := askAPI(req)
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	say(52)
	eventually(t, "the adopted one is taken in", func() error {
		d := get[struct {
			State  string
			Auto   bool
			Health struct{ Observations int64 }
		}](t, p.http+"/api/v1/devices/new-1")
		if d.State != "online" || d.Auto || d.Health.Observations != 1 {
			return fmt.Errorf("device is %+v", d)
		}
		return nil
	})
	if left := get[struct{ Devices []any }](t, p.http+"/api/v1/devices/unknown"); len(left.Devices) != 0 {
		t.Errorf("still offered: %v", left.Devices)
	}
	if err := pub.Close(); err != nil {
		t.Error(err)
	}
	p.stop(t)
}
