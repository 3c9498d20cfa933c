package dashboard_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/urbangrid/urbangrid/dashboard"
)

func TestPages_ArePackedForThoseWhoTakeItSo(t *testing.T) {
	script := "const a = 1;" + strings.Repeat("// long\n", 500)
	s := newSite(t, dashboard.Options{Assets: fstest.MapFS{"index.html": {Data: []byte("<p>")}, "assets/a.js": {Data: []byte(script)}}})
	for accept, want := range map[string]string{"gzip": "gzip", "br, gzip;q=0.5": "gzip", "GZIP; q=1.0": "gzip", "": "", "gzip;q=0": "", "gzip; q=0.00": "", "br": ""} {
		var all sync.WaitGroup
		for range 3 { // at once, as the files of a page come
			all.Go(func() {
				a := s.do(t, http.MethodGet, "/assets/a.js", "", "Accept-Encoding", accept)
				if got := a.header.Get("Content-Encoding"); got != want {
					t.Errorf("accepting %q gives %q, want %q", accept, got, want)
					return
				}
				var body io.Reader = bytes.NewReader(a.body)
				if want == "gzip" {
					var err error
					if body, err = gzip.NewReader(body); err != nil {
						t.Error(err)
						return
					}
				}
				if got, err := io.ReadAll(body); err != nil || string(got) != script {
					t.Errorf("accepting %q gives %d bytes (%v), want %d", accept, len(got), err, len(script))
				}
			})
		}
		all.Wait()
	}
}
