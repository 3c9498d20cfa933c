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

// A frame that cannot be taken is refused under the id that it names, if that can
// be read: the page knows then which of its wishes failed.
func TestParse_NamesTheIDOfABadFrame(t *testing.T) {
	for frame, want := range map[string]string{
		`{"t":"sub","id":7,"topic":"alerts","since":{"epoch":"e","seq":-1}}`: "7",
		`{"t":"sub","since":{"seq":"x"},"topic":3,"id":-2}`:                  "-2",
		`{"t":"sub","id":9007199254740993,"topic":["alerts"]}`:               "9007199254740993",
		`{"t":"dance","id":3}`:                    "3",
		`{"t":"sub","id":1.5,"since":{"seq":-1}}`: "none",
		`{"t":"sub","id":"7","since":{"seq":-1}}`: "none",
		`{"t":"sub","since":{"seq":-1}}`:          "none",
		`{"t":"sub","id":7,"topic":`:              "none",
		`[7]`:                                     "none",
	} {
		if id, bad := live.ParseID(websocket.TextMessage, []byte(frame)); id != want || bad == "" {
			t.Errorf("%s: id %s, refused for %q; want id %s and a reason", frame, id, bad, want)
		}
	}
}
