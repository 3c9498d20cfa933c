package influxtest_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/internal/influxtest"
)

func TestServer_KeepsDataAndAddressOverARestart(t *testing.T) {
	s := influxtest.Start(t)
	before := s.URL
	res, err := http.Post(s.URL+"/api/v2/write?org=o&bucket="+url.QueryEscape(influxtest.Database+"/autogen"), "text/plain", strings.NewReader("m v=41i 1000"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("write: %s", res.Status)
	}
	s.Restart(t)
	if s.URL != before {
		t.Errorf("address after a restart is %s, want %s", s.URL, before)
	}
	flux := `from(bucket: "urbangrid/autogen") |> range(start: 1970-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == "m")`
	res, err = http.Post(s.URL+"/api/v2/query?org=o", "application/vnd.flux", strings.NewReader(flux))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(body), "41") {
		t.Errorf("query after a restart: %s %q %v, want the value 41", res.Status, body, err)
	}
}
