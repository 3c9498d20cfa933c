package influxtest_test

import (
	"cmp"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/internal/influxtest"
)

// post sends body to the API of either release and returns the answer.
func post(t *testing.T, s *influxtest.Server, path, contentType, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Token "+influxtest.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode/100 != 2 {
		t.Fatalf("POST %s: %s %s %v", path, res.Status, answer, err)
	}
	return string(answer)
}

func TestServer_KeepsDataAndAddressOverARestart(t *testing.T) {
	s := influxtest.Start(t)
	org := url.QueryEscape(cmp.Or(s.Org, "any")) // 1.8 knows none
	before := s.URL
	post(t, s, "/api/v2/write?precision=ns&org="+org+"&bucket="+url.QueryEscape(influxtest.Database+"/autogen"), "text/plain", "m v=41i 1000")
	s.Restart(t)
	if s.URL != before {
		t.Errorf("address after a restart is %s, want %s", s.URL, before)
	}
	flux := `from(bucket: "urbangrid/autogen") |> range(start: 1970-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == "m")`
	if answer := post(t, s, "/api/v2/query?org="+org, "application/vnd.flux", flux); !strings.Contains(answer, "41") {
		t.Errorf("query after a restart: %q, want the value 41", answer)
	}
}
