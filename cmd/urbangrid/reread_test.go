package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// post sends a request and expects that it succeeds.
func post(t *testing.T, url, body string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		t.Fatalf("POST %s: %s %v\n%s", url, resp.Status, err, answer)
	}
	return answer
}

// Under a closed policy what an unknown device says waits in quarantine; once
// the device is adopted it can be read again and is what it would have been.
func TestServe_ReadsQuarantinedMessagesAgainAfterADeviceIsAdopted(t *testing.T) {
	p := startServer(t, t.TempDir(), "--device-policy", "closed")
	c, _, err := mqttraw.Dial(t.Context(), p.mqtt, mqttraw.Options{ClientID: "stranger"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const messages = 20
	for i := range messages {
		c.Publish("urbangrid/v1/stranger/obs", fmt.Appendf(nil,
			`[{"kind":"noise","value":%d,"lat":31.2498,"lon":121.3955,"time":"2026-11-22T08:00:%02dZ"},{"kind":"noise"}]`, 50+i, i), 1, uint16(i+1), false)
	}
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	for range messages {
		if _, err := c.Read(); err != nil {
			t.Fatal(err)
		}
	}
	p.drained(t)
	q := get[countsAnswer](t, p.http+"/api/v1/quarantine?limit=1")
	if q.Counts["unknown_device"] != messages || q.Counts["missing_value"] != messages {
		t.Fatalf("quarantine counts %v, want %d of unknown_device and of missing_value", q.Counts, messages)
	}
	post(t, p.http+"/api/v1/devices/stranger/adopt", `{"name":"Adopted"}`)
	for range 2 { // the second time there is nothing that would change
		post(t, p.http+"/api/v1/quarantine/reread", "")
		p.drained(t)
		if n := get[countsAnswer](t, p.http+"/api/v1/counts").Counts["noise"]; n != messages {
			t.Errorf("%d observations after reading again, want %d", n, messages)
		}
	}
	type quarantine struct {
		Rejects []struct{ Reason string }
	}
	left := map[string]int{}
	for _, r := range get[quarantine](t, p.http+"/api/v1/quarantine?limit=500").Rejects {
		left[r.Reason]++
	}
	if left["unknown_device"] != 0 || left["missing_value"] != messages {
		t.Errorf("in quarantine are %v, want what is still at fault, once: %d of missing_value", left, messages)
	}
	p.stop(t)
}
