package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// deadlined is an answer that notes until when the body of its request might be read:
// once it has come the deadline is taken away.
type deadlined struct {
	*httptest.ResponseRecorder
	read time.Time
}

// SetReadDeadline is what servers let handlers do.
func (d *deadlined) SetReadDeadline(t time.Time) error {
	if t.After(d.read) {
		d.read = t
	}
	return nil
}

func TestAPI_LargeBodiesOfAreasHaveTimeToArrive(t *testing.T) {
	o := newBackRoom(t)
	for method, path := range map[string]string{http.MethodPost: "/settings/areas/check", http.MethodPut: "/settings/areas"} {
		req := httptest.NewRequest(method, "http://localhost/api/v1"+path+naming+"&by=x", strings.NewReader(twoAreas(10)))
		req.Header.Set("Content-Type", "application/geo+json")
		w := &deadlined{ResponseRecorder: httptest.NewRecorder()}
		began := time.Now()
		o.Handler().ServeHTTP(w, req)
		if w.Code != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		if given := w.read.Sub(began); given < time.Minute {
			t.Errorf("%s %s: 16 MiB have %v to arrive, want minutes", method, path, given)
		}
	}
}
