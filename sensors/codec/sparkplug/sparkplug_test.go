package sparkplug_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/sparkplug"
)

var received = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

// t0 is a moment before received, in milliseconds.
var t0 = uint64(received.UnixMilli()) - 1000

func options(t testing.TB) sparkplug.Options {
	t.Helper()
	file, err := os.Open("testdata/options.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	opts, err := sparkplug.ReadOptions(file)
	if err != nil {
		t.Fatal(err)
	}
	return opts
}

func newFormat(t testing.TB, opts sparkplug.Options) *sparkplug.Format {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	f, err := sparkplug.New(catalog, opts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// host is a format that hears one message after the other.
type host struct {
	t      testing.TB
	format *sparkplug.Format
	now    time.Time
}

func newHost(t testing.TB) *host {
	t.Helper()
	return &host{t: t, format: newFormat(t, options(t)), now: received}
}

func (h *host) report(topic string, payload []byte) sensors.Report {
	h.t.Helper()
	if !h.format.Accepts(topic) {
		h.t.Fatalf("%q is not accepted", topic)
	}
	var r sensors.Report
	h.format.Decode(&r, topic, payload, h.now)
	return r
}

func (h *host) hear(topic string, payload []byte) string {
	h.t.Helper()
	return render(h.report(topic, payload))
}

func (h *host) expect(topic string, payload []byte, want string) {
	h.t.Helper()
	if got := h.hear(topic, payload); got != want {
		h.t.Errorf("%s: got\n%swant\n%s", topic, got, want)
	}
}

func render(r sensors.Report) string {
	var b strings.Builder
	for _, o := range r.Observations {
		fmt.Fprintf(&b, "%s %s %v at %s", o.Device, o.Kind, o.Value, stamp(o.At))
		if o.ID != "" {
			fmt.Fprintf(&b, " id %s", o.ID)
		}
		fmt.Fprintf(&b, "%s\n", o.Attrs)
	}
	for _, h := range r.Health {
		fmt.Fprintf(&b, "health %s %s%s\n", h.Device, map[sensors.Presence]string{sensors.Online: "online", sensors.Offline: "offline"}[h.Presence], h.Note)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "fault %d %s\n", f.Index, f.Reason)
	}
	for _, c := range r.Commands {
		fmt.Fprintf(&b, "command %s\n", c.Topic)
	}
	return b.String()
}

func stamp(t time.Time) string { return t.Format("15:04:05.999999Z07:00") }

const (
	nbirth = "spBv1.0/g/NBIRTH/n"
	ndata  = "spBv1.0/g/NDATA/n"
	ndeath = "spBv1.0/g/NDEATH/n"
	dbirth = "spBv1.0/g/DBIRTH/n/d"
	ddata  = "spBv1.0/g/DDATA/n/d"
	ddeath = "spBv1.0/g/DDEATH/n/d"
	asks   = "command spBv1.0/g/NCMD/n\n"
	early  = "fault -1 unknown_alias\n"
)

// born is a host that has heard the births of a node and of its device.
func born(t testing.TB) *host {
	t.Helper()
	h := newHost(t)
	h.expect(nbirth, message(t0, 0, session(7), met{name: "Noise", alias: 1, typ: floatT, value: float32(50)}),
		"g:n noise 50 at 07:59:59Z\nhealth g:n online\n")
	h.expect(dbirth, message(t0, 1,
		met{name: "Temperature", alias: 1, typ: int16T, value: inInt(215)},
		met{name: "Smoke", alias: 2, typ: booleanT, value: false},
		met{name: "Inputs/A", alias: 3, typ: booleanT, value: true},
		met{name: "Inputs/B", alias: 4, typ: booleanT, value: false},
	), "g:n:d temperature 21.5 at 07:59:59Z\nhealth g:n:d online\n")
	return h
}

func TestFormat_AliasesBelongToTheirScope(t *testing.T) {
	h := born(t)
	h.expect(ndata, message(t0+1, 2, met{alias: 1, value: float32(51)}), "g:n noise 51 at 07:59:59.001Z\n")
	h.expect(ddata, message(t0+2, 3, met{alias: 1, value: inInt(0xffffffce)}), "g:n:d temperature -5 at 07:59:59.002Z\n")
	h.expect(ddata, message(t0+3, 4, met{name: "Temperature", value: inInt(220)}), "g:n:d temperature 22 at 07:59:59.003Z\n")
}

func TestFormat_DataBeforeBirthIsKeptAndAsksForTheBirth(t *testing.T) {
	h := newHost(t)
	payload := message(t0, 4, met{alias: 1, typ: floatT, value: float32(51)})
	r := h.report(ndata, payload)
	if render(r) != early+asks || string(r.Faults[0].Raw) != string(payload) {
		t.Fatalf("got %s", render(r))
	}
	want := "08" + hex.EncodeToString(varint(nil, 1, uint64(received.UnixMilli())))[2:]
	if got := hex.EncodeToString(r.Commands[0].Payload); !strings.HasPrefix(got, want) ||
		!strings.Contains(string(r.Commands[0].Payload), "Node Control/Rebirth") || !strings.HasSuffix(got, "200b7001") {
		t.Errorf("command is %s", got)
	}
	h.expect("spBv1.0/g/DDATA/n/d", message(t0, 4, met{name: "Noise", typ: floatT, value: float32(51)}), early)
	h.expect(dbirth, message(t0, 5), early)
	h.expect(nbirth, message(t0, 0, session(1)), "health g:n online\n")
	h.now = h.now.Add(sparkplug.RebirthEvery)
	h.expect(ddata, message(t0, 1, met{alias: 1, value: float32(51)}), early+asks)
}

func TestFormat_AsksForABirthAtMostOnceAMinuteAndNode(t *testing.T) {
	h := newHost(t)
	data := message(t0, 4, met{alias: 1})
	h.expect(ndata, data, early+asks)
	h.now = h.now.Add(sparkplug.RebirthEvery - time.Millisecond)
	h.expect(ndata, data, early)
	h.expect("spBv1.0/g/NDATA/other", data, early+"command spBv1.0/g/NCMD/other\n")
	h.now = h.now.Add(time.Millisecond)
	h.expect(ndata, data, early+asks)
}

func TestFormat_AGapInTheNumbersAsksForABirth(t *testing.T) {
	say := func(seq int) []byte { return message(t0, seq, met{alias: 1, value: float32(51)}) }
	const line = "g:n noise 51 at 07:59:59Z\n"
	h := born(t)
	h.expect(ndata, say(2), line)
	h.expect(ndata, say(2), line) // a repetition is no gap
	h.expect(ndata, say(4), line+asks)
	h.expect(ndata, say(5), line) // asked a short while ago
	h.now = h.now.Add(sparkplug.RebirthEvery)
	h.expect(ndata, say(6), line+asks) // and not answered
	h.expect(nbirth, message(t0, 0, session(7), met{name: "Noise", alias: 1, typ: floatT, value: float32(51)}), line+"health g:n online\n")
	h.now = h.now.Add(sparkplug.RebirthEvery)
	h.expect(ndata, say(1), line)
}

func TestFormat_NumbersGoRoundAt255(t *testing.T) {
	h := born(t)
	for i := 2; i < 600; i++ {
		h.expect(ndata, message(t0, i&255, met{alias: 1, value: float32(51)}), "g:n noise 51 at 07:59:59Z\n")
	}
	h.expect(ndata, message(t0, 256, met{alias: 1, value: float32(51)}), "g:n noise 51 at 07:59:59Z\n"+asks)
}

func TestFormat_DataWithoutANumberAsksForABirth(t *testing.T) {
	born(t).expect(ndata, message(t0, noSeq, met{alias: 1, value: float32(51)}), "g:n noise 51 at 07:59:59Z\n"+asks)
}

func TestFormat_AMetricThatNoBirthAnnouncedAsksForABirth(t *testing.T) {
	born(t).expect(ndata, message(t0, 2, met{name: "Supply Voltage", typ: floatT, value: float32(12)}, met{alias: 9, value: float32(1)}, met{alias: 1, value: float32(51)}),
		"g:n noise 51 at 07:59:59Z\nfault 0 unknown_alias\nfault 1 unknown_alias\n"+asks)
}

func TestFormat_ABirthTakesThePlaceOfTheOneBefore(t *testing.T) {
	h := born(t)
	h.expect(nbirth, message(t0, 0, session(8), met{name: "Noise", alias: 5, typ: floatT, value: float32(50)}), "g:n noise 50 at 07:59:59Z\nhealth g:n online\n")
	h.expect(ndata, message(t0, 1, met{alias: 1, value: float32(51)}), "fault 0 unknown_alias\n"+asks)
	h.expect(ddata, message(t0, 2, met{alias: 1, value: inInt(1)}), early)
}

func TestFormat_TheWillOfANodeTakesItsDevicesOffline(t *testing.T) {
	h := born(t)
	h.expect(ndeath, message(t0, noSeq, session(6)), "") // of the session before
	h.expect(ddata, message(t0, 2, met{alias: 2, value: true}), "g:n:d smoke 1 at 07:59:59Z\n")
	r := h.report(ndeath, message(t0-86_400_000, noSeq, session(7)))
	if got := render(r); got != "health g:n offline\nhealth g:n:d offline\n" || !r.Health[0].At.Equal(received) {
		t.Errorf("got %s at %v", got, r.Health[0].At)
	}
	h.expect(ddata, message(t0, 3, met{alias: 2, value: true}), early+asks)
	h.expect("spBv1.0/g/NDEATH/stranger", message(t0, noSeq, session(1)), "health g:stranger offline\n")
	h.expect(ndeath, message(t0, noSeq), "fault -1 bad_field\n")
}

func TestFormat_ADeviceCanGoAlone(t *testing.T) {
	h := born(t)
	h.expect(ddeath, message(t0, 2), "health g:n:d offline\n")
	h.expect(ndata, message(t0, 3, met{alias: 1, value: float32(51)}), "g:n noise 51 at 07:59:59Z\n")
	h.expect(ddata, message(t0, 4, met{alias: 2, value: true}), early+asks)
	h.expect(dbirth, message(t0, 5), "health g:n:d online\n")
}

func TestFormat_HistoricalValuesKeepTheirTime(t *testing.T) {
	h := born(t)
	h.expect(ndata, message(t0, 2, met{alias: 1, ms: t0 - 3_600_000, historical: true, value: float32(44)}, met{alias: 1, ms: t0, value: float32(45)}, met{alias: 1, historical: true, value: float32(46)}),
		"g:n noise 44 at 06:59:59Z{\"historical\":true}\ng:n noise 45 at 07:59:59Z\nfault 2 bad_time\n")
}

func TestFormat_NullIsSaidAndNotObserved(t *testing.T) {
	born(t).expect(ndata, message(t0, 2, met{alias: 1, null: true}), "health g:n no value: Noise\n")
}

func TestFormat_AnEventIsWhatChanges(t *testing.T) {
	h := born(t) // whose birth said true of Inputs/A
	h.expect(ddata, message(t0, 2, met{alias: 3, value: true}, met{alias: 4, value: true}, met{alias: 2, value: false}),
		"g:n:d smoke 1 at 07:59:59Z id Inputs/A@smoke@1795334399000\ng:n:d smoke 1 at 07:59:59Z id Inputs/B@smoke@1795334399000\n")
}

func TestFormat_ReadsEveryScalarType(t *testing.T) {
	minus := func(n int64) uint64 { return uint64(n) }
	for _, tt := range []struct {
		name  string
		typ   uint64
		value any
		want  string // the value, or the reason of a fault
	}{
		{"Int8 with the sign in 32 bits", int8T, inInt(0xffffff85), "-123"},
		{"Int8 with the sign in 8 bits", int8T, inInt(0x85), "-123"},
		{"Int8 with the sign in 64 bits", int8T, inInt(minus(-123)), "-123"},
		{"Int8 in a long", int8T, inLong(minus(-123)), "-123"},
		{"Int8 largest", int8T, inInt(127), "127"},
		{"Int8 too large", int8T, inInt(300), "bad_field"},
		{"Int8 too small", int8T, inInt(0xfffffe00), "bad_field"},
		{"Int16", int16T, inInt(0xffff8000), "-32768"},
		{"Int16 in 16 bits", int16T, inInt(0x8000), "-32768"},
		{"Int32", int32T, inInt(0xffffffff), "-1"},
		{"Int32 in a long", int32T, inLong(0xffffffff), "-1"},
		{"Int32 too large", int32T, inLong(1 << 33), "bad_field"},
		{"Int64", int64T, inLong(minus(-5)), "-5"},
		{"Int64 in an int", int64T, inInt(0xfffffffb), "-5"},
		{"UInt8", uint8T, inInt(255), "255"},
		{"UInt8 too large", uint8T, inInt(256), "bad_field"},
		{"UInt16", uint16T, inInt(65535), "65535"},
		{"UInt32", uint32T, inInt(4294967295), "4294967295"},
		{"UInt32 in a long", uint32T, inLong(4294967295), "4294967295"},
		{"UInt64", uint64T, inLong(1 << 63), "9223372036854775808"},
		{"UInt64 in an int", uint64T, inInt(7), "7"},
		{"Float", floatT, float32(1.5), "1.5"},
		{"Float in a double", floatT, 1.5, "1.5"},
		{"Double", doubleT, 1.5, "1.5"},
		{"Boolean", booleanT, true, "1"},
		{"no type but a double", 0, 1.5, "1.5"},
		{"no type but an int", 0, inInt(1), "bad_field"},
		{"Double in an int", doubleT, inInt(1), "bad_field"},
		{"Boolean in an int", booleanT, inInt(1), "bad_field"},
		{"no value", doubleT, nil, "missing_value"},
		{"NaN", doubleT, math.NaN(), "not_a_number"},
		{"infinity", floatT, float32(math.Inf(1)), "not_a_number"},
		{"String", stringT, "7", "bad_field"},
		{"DateTime", dateTimeT, inLong(t0), "bad_field"},
		{"UUID", uuidT, "x", "bad_field"},
		{"DataSet", dataSetT, inDataSet{}, "bad_field"},
		{"Bytes", bytesT, inBytes{1}, "bad_field"},
		{"File", fileT, inBytes{1}, "bad_field"},
		{"Template", templateT, inTemplate{}, "bad_field"},
		{"array", int8ArrayT, inBytes{1}, "bad_field"},
		{"type of the future", 77, inInt(1), "bad_field"},
	} {
		h := newHost(t)
		r := h.report(nbirth, message(t0, 0, session(1), met{name: "Count/x", typ: tt.typ, value: tt.value}))
		got := render(r)
		if len(r.Observations) == 1 && len(r.Faults) == 0 {
			got = fmt.Sprintf("%.0f", r.Observations[0].Value)
			if v := r.Observations[0].Value; v != math.Trunc(v) {
				got = fmt.Sprint(v)
			}
		} else if len(r.Faults) == 1 && len(r.Observations) == 0 {
			got = r.Faults[0].Reason
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestFormat_ConvertsToTheKindsUnit(t *testing.T) {
	newHost(t).expect(nbirth, message(t0, 0, session(1),
		met{name: "Fahrenheit", typ: doubleT, value: 212.0 - 180},
		met{name: "Depth", typ: int32T, value: inInt(118)},
	), "g:n temperature 0 at 07:59:59Z\ng:n road_water 12.3 at 07:59:59Z\nhealth g:n online\n")
	h := newHost(t)
	h.hear(nbirth, message(t0, 0, session(1), met{name: "Smoke", alias: 1, typ: stringT, value: "quiet"}))
	h.expect(ndata, message(t0, 1, met{alias: 1, value: "alarm"}, met{alias: 1, value: "quiet"}, met{alias: 1, value: "testing"}),
		"g:n smoke 1 at 07:59:59Z\nfault 2 bad_field\n")
}

func TestFormat_MetricsThatNobodyAskedForSaySo(t *testing.T) {
	newHost(t).expect(nbirth, message(t0, 0, session(1),
		met{name: "Node Control/Rebirth", typ: booleanT, value: false},
		met{name: "Properties/OS", typ: stringT, value: "Raspbian"},
		met{name: "Outputs/E", typ: booleanT, value: false},
		met{name: "Pump", typ: doubleT, value: 1.5},
	), "health g:n online\nfault 4 unknown_kind\n")
}

func TestFormat_BirthsThatContradictThemselves(t *testing.T) {
	newHost(t).expect(nbirth, message(t0, 0, session(1),
		met{name: "Noise", alias: 1, typ: doubleT, value: 50.0},
		met{name: "Temperature", alias: 1, typ: doubleT, value: 50.0},
		met{alias: 2, typ: doubleT, value: 50.0},
		met{name: strings.Repeat("x", 600), typ: doubleT, value: 50.0},
	), "g:n noise 50 at 07:59:59Z\nhealth g:n online\nfault 2 bad_field\nfault 3 bad_field\nfault 4 too_large\n")
}

func TestFormat_Times(t *testing.T) {
	h := born(t)
	h.expect(ndata, message(0, 2, met{alias: 1, value: float32(51)}), "g:n noise 51 at 08:00:00Z\n")
	h.expect(ndata, message(t0, 3, met{alias: 1, ms: t0 + 5, value: float32(51)}), "g:n noise 51 at 07:59:59.005Z\n")
	h.expect(ndata, message(t0, 4, met{alias: 1, ms: math.MaxUint64, value: float32(51)}), "fault 0 bad_time\n")
}

func TestFormat_RefusesWhatIsNoSparkplug(t *testing.T) {
	good := message(t0, 0, session(1))
	for _, tt := range []struct {
		name, topic string
		give        []byte
		want        string
	}{
		{"empty", nbirth, nil, "empty"},
		{"too large", nbirth, make([]byte, sparkplug.MaxPayloadBytes+1), "too_large"},
		{"JSON", nbirth, []byte(`{"timestamp":1}`), "bad_encoding"},
		{"cut", nbirth, good[:len(good)-3], "bad_encoding"},
		{"cut metric", nbirth, []byte{0x12, 2, 0x0a, 9}, "bad_encoding"},
		{"wrong wire type", nbirth, []byte{0x0a, 0}, "bad_encoding"},
		{"wrong wire type in a metric", nbirth, []byte{0x12, 2, 0x08, 1}, "bad_encoding"},
		{"name is not UTF-8", nbirth, []byte{0x12, 3, 0x0a, 1, 0xff}, "invalid_utf8"},
		{"too many metrics", nbirth, []byte(strings.Repeat("\x12\x00", 10_001)), "too_large"},
		{"compressed", nbirth, bytesField(nil, 4, []byte("SPBV1.0_COMPRESSED")), "bad_encoding"},
		{"unknown message", "spBv1.0/g/NOISE/n", good, "bad_field"},
		{"node message of a device", "spBv1.0/g/NDATA/n/d", good, "bad_field"},
		{"device message of a node", "spBv1.0/g/DDATA/n", good, "bad_field"},
		{"short", "spBv1.0/g/NDATA", good, "bad_field"},
		{"long", "spBv1.0/g/DDATA/n/d/e", good, "bad_field"},
		{"no group", "spBv1.0//NDATA/n", good, "bad_device"},
		{"no device", "spBv1.0/g/DDATA/n/", good, "bad_device"},
		{"long names", "spBv1.0/g/NDATA/" + strings.Repeat("n", 128), good, "bad_device"},
		{"control character", "spBv1.0/g/NDATA/n\n", good, "bad_device"},
	} {
		if got := newHost(t).hear(tt.topic, tt.give); got != "fault -1 "+tt.want+"\n" {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestFormat_CommandsAndStatesSayNothing(t *testing.T) {
	h := newHost(t)
	for _, topic := range []string{"spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d", "spBv1.0/STATE/host", "spBv1.0/STATE"} {
		h.expect(topic, []byte(`{"online":true,"timestamp":1}`), "")
	}
	if h.format.Accepts("STATE/host") || h.format.Accepts("spAv1.0/g/NDATA/n") || h.format.Name() != "sparkplug" {
		t.Error("accepts what is not of Sparkplug B")
	}
}

func TestFormat_TellsWhatItIgnores(t *testing.T) {
	var told []string
	opts := options(t)
	opts.Ignored = func(reason string) { told = append(told, reason) }
	h := &host{t: t, format: newFormat(t, opts), now: received}
	smoke := met{name: "Inputs/A", typ: booleanT, value: true}
	h.hear(nbirth, message(t0, 0, session(7), smoke))
	smoke.value = false
	h.hear(ndata, message(t0, 1, smoke))
	h.hear(ndeath, message(t0, noSeq, session(6)))
	h.hear("spBv1.0/STATE/host", nil)
	want := []string{
		sparkplug.IgnoredByRule, sparkplug.IgnoredState, sparkplug.IgnoredNotHappened, sparkplug.IgnoredOldWill, sparkplug.IgnoredCommand,
	}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestFormat_NoTwoNamesGiveOneDevice(t *testing.T) {
	h := newHost(t)
	seen := map[string]string{}
	for _, topic := range []string{
		"spBv1.0/a:b/NBIRTH/c", "spBv1.0/a/NBIRTH/b:c", "spBv1.0/a%3Ab/NBIRTH/c", "spBv1.0/a/NBIRTH/b",
		"spBv1.0/a/DBIRTH/b/c",
	} {
		r := h.report(topic, message(t0, 0, session(1)))
		if len(r.Health) != 1 {
			t.Fatalf("%s: got %s", topic, render(r))
		}
		id := string(r.Health[0].Device)
		if seen[id] != "" {
			t.Errorf("%s and %s are both %s", topic, seen[id], id)
		}
		seen[id] = topic
	}
}

func TestFormat_RemembersNoMoreThanItMay(t *testing.T) {
	opts := options(t)
	opts.MaxNodes, opts.MaxMetrics = 2, 6
	h := &host{t: t, format: newFormat(t, opts), now: received}
	topic := func(verb, node string) string { return "spBv1.0/g/" + verb + "/" + node }
	birth := message(t0, 0, session(1))
	h.expect(topic("NBIRTH", "a"), birth, "health g:a online\n")
	h.expect(topic("NBIRTH", "b"), birth, "health g:b online\n")
	h.expect(topic("NBIRTH", "c"), birth, "fault -1 too_large\n")
	h.expect(topic("NDEATH", "a"), message(t0, noSeq, session(1)), "health g:a offline\n")
	h.expect(topic("NBIRTH", "c"), birth, "health g:c online\n")
	h.expect(topic("NBIRTH", "c"), message(t0, 0, session(1), met{name: "x"}, met{name: "y"}, met{name: "z"}), "fault -1 too_large\n")
	h.expect(topic("NDATA", "c"), message(t0, 1), "fault -1 unknown_alias\ncommand spBv1.0/g/NCMD/c\n")
	for range 10 { // what a new birth announces takes the place of what the last one did
		h.expect(topic("NBIRTH", "c"), birth, "health g:c online\n")
		h.expect("spBv1.0/g/DBIRTH/c/d", message(t0, 1), "health g:c:d online\n")
		h.expect("spBv1.0/g/DDEATH/c/d", message(t0, 2), "health g:c:d offline\n")
	}
}

func TestNew_ReportsEveryFault(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	_, err = sparkplug.New(catalog, sparkplug.Options{Rules: []sparkplug.Rule{
		{Kind: "noise"}, {Metric: "x", Kind: "ufo"}, {Metric: "x", Kind: "noise", Unit: "Cel"}, {Metric: "x", Kind: "noise", Scale: math.NaN()},
	}})
	for i := 1; i <= 4; i++ {
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("sparkplug rule %d ", i)) {
			t.Errorf("no fault of rule %d: %v", i, err)
		}
	}
	if _, err := sparkplug.ReadOptions(strings.NewReader("rulez: []")); err == nil {
		t.Error("a misspelt field is read")
	}
}

func TestFormat_IsSafeForConcurrentUse(t *testing.T) {
	f := newFormat(t, options(t))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			node := fmt.Sprint("n", i)
			var r sensors.Report
			f.Decode(&r, "spBv1.0/g/NBIRTH/"+node, message(t0, 0, session(1), met{name: "Noise", alias: 1, typ: floatT, value: float32(50)}), received)
			for seq := 1; seq < 200; seq++ {
				f.Decode(&r, "spBv1.0/g/NDATA/"+node, message(t0, seq, met{alias: 1, value: float32(51)}), received)
			}
			if len(r.Observations) != 200 || len(r.Faults)+len(r.Commands) != 0 {
				t.Errorf("%s: %d observations, %v, %v", node, len(r.Observations), r.Faults, r.Commands)
			}
		})
	}
	wg.Wait()
}
