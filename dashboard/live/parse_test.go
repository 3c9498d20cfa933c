package live_test

import (
	"testing"

	"github.com/gorilla/websocket"

	"github.com/urbangrid/urbangrid/dashboard/live"
)

// What a browser sends is refused with a reason, or is a request that can be
// answered.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"t":"sub","id":1,"topic":"alerts","since":{"epoch":"e","seq":3}}`, `{"t":"unsub","id":-9223372036854775808}`,
		`{"t":"sub","id":1e3}`, `[]`, `null`, `{"t":"sub","id":null}`, "\xff", `{"t":"sub","id":1,"since":null}`, `{"t":"hb","now":1}`, `{"t":"hb"}`,
	} {
		f.Add(websocket.TextMessage, []byte(s))
	}
	f.Fuzz(func(t *testing.T, kind int, b []byte) {
		typ, hasID, bad := live.Parse(kind, b)
		if bad == "" && (!hasID && typ != "hb" || typ != "hb" && typ != "sub" && typ != "unsub" || kind != websocket.TextMessage) {
			t.Errorf("%q is taken for a request", b)
		}
	})
}
