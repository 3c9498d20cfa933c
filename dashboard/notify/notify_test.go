package notify_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
	"github.com/urbangrid/urbangrid/stream"
)

var noon = time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC) // in Shanghai

var shanghai = time.FixedZone("UTC+8", 8*3600)

// alertLog is one in memory.
type alertLog struct {
	mu     sync.Mutex // guards the fields below
	events []stream.Event
	more   chan struct{} // closed when one is added

	followed chan struct{} // holds something when somebody began to follow
	faults   chan error    // how following ends, one for each time
}

func newAlertLog() *alertLog {
	return &alertLog{more: make(chan struct{}), followed: make(chan struct{}, 8), faults: make(chan error, 8)}
}

func encoded(t *testing.T, a store.Alert) []byte {
	t.Helper()
	payload, err := analytics.EncodeAlert(a)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func (l *alertLog) add(t *testing.T, a store.Alert) {
	t.Helper()
	payload := encoded(t, a)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, stream.Event{Seq: uint64(len(l.events) + 1), Payload: payload})
	close(l.more)
	l.more = make(chan struct{})
}

func (l *alertLog) Epoch() string { return "log-test" }

func (l *alertLog) Last(context.Context) (uint64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return uint64(len(l.events)), nil
}

func (l *alertLog) Follow(ctx context.Context, after uint64, out chan<- stream.Event) error {
	select {
	case err := <-l.faults:
		return err
	default:
	}
	l.followed <- struct{}{}
	for {
		l.mu.Lock()
		events, more := l.events, l.more
		l.mu.Unlock()
		for ; after < uint64(len(events)); after++ {
			select {
			case out <- events[after]:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// alert is a new alert about noise in the fifth subdistrict.
func alert(id string, revision int64, severity store.Severity) store.Alert {
	return store.Alert{ID: id, Revision: revision, Rule: "noise_loud", Kind: "noise", Place: "device/" + id, State: store.AlertOpen, Severity: severity,
		Area: "310107005001", Cell: grid.Cell(0x8a309930a0affff), Reason: sensors.Names{ZH: "噪声超标：设备 [n1] 测得 92 dB。", EN: "Loud noise: device [n1] measured 92 dB."},
		RaisedAt: noon, UpdatedAt: noon}
}

// office is a notifier with what it stands on.
type office struct {
	*notify.Notifier
	t       *testing.T
	records *sqlite.Records
	secrets store.Secrets
	log     *alertLog
	reg     *prometheus.Registry
	opts    notify.Options
	guarded bool // channels may not lead to this machine
	stop    func()
}

func newOffice(t *testing.T, opts notify.Options) *office {
	t.Helper()
	records, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "records.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, records: records, secrets: records, log: newAlertLog(), opts: opts, stop: func() {}}
	t.Cleanup(func() {
		o.stop()
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	})
	o.open()
	return o
}

func (o *office) open() {
	o.t.Helper()
	o.reg = prometheus.NewRegistry()
	opts := o.opts
	opts.Registerer, opts.Zone = o.reg, shanghai
	opts.Poll, opts.Pause, opts.Local = time.Millisecond, time.Millisecond, !o.guarded
	if opts.RobotPause == 0 {
		opts.RobotPause = time.Microsecond
	}
	if opts.Retries == nil {
		opts.Retries = []time.Duration{time.Millisecond, time.Millisecond}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	n, err := notify.New(o.records, o.secrets, o.log, opts)
	if err != nil {
		o.t.Fatal(err)
	}
	o.Notifier = n
}

// run starts the notifier and returns when it follows the log.
func (o *office) run() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.t.Context()))
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	wait(o.t, "follower of the log", o.log.followed)
	o.stop = func() {
		cancel()
		if err := <-done; err != nil {
			o.t.Errorf("Run: %v", err)
		}
		o.stop = func() {}
	}
}

func (o *office) save(c notify.Channel, s notify.Secrets) notify.Kept {
	o.t.Helper()
	k, err := o.Save(o.t.Context(), "", c, s, notify.By{Who: "王芳"})
	if err != nil {
		o.t.Fatal(err)
	}
	return k
}

func channel(typ notify.Type) notify.Channel {
	return notify.Channel{Name: "值班", Type: typ, On: true, Lang: notify.ZH, Severity: store.Warning, Page: "https://grid.example/"}
}

// got is a request that a server took.
type got struct {
	query  string
	header http.Header
	body   []byte
}

// listen serves answers, one after the other, the last for ever, and tells of each
// request.
func listen(t *testing.T, answers ...func(http.ResponseWriter)) (address string, requests chan got) {
	t.Helper()
	requests = make(chan got, 100)
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		answer := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		requests <- got{r.URL.RawQuery, r.Header, body}
		answer(w)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook?key=geheim", requests
}

func status(code int) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { w.WriteHeader(code) }
}

func says(body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) { _, _ = io.WriteString(w, body) }
}

func wait[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("%s did not come", what)
		panic("unreachable")
	}
}

// settled waits until no message waits and returns all, the newest first.
func (o *office) settled(want int) []store.Delivery {
	o.t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := o.Deliveries(o.t.Context(), store.DeliveryQuery{Limit: store.MaxDeliveries})
		if err != nil {
			o.t.Fatal(err)
		}
		ended := 0
		for _, d := range all {
			if d.State != store.DeliveryWaiting {
				ended++
			}
		}
		if ended >= want {
			return all
		}
		select {
		case <-tick.C:
		case <-deadline:
			o.t.Fatalf("%d of %d messages have ended", ended, want)
		}
	}
}

func (o *office) counted(outcome string) float64 {
	o.t.Helper()
	families, err := o.reg.Gather()
	if err != nil {
		o.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == outcome {
				return m.GetCounter().GetValue()
			}
		}
	}
	o.t.Fatalf("no outcome %q", outcome)
	return 0
}

func TestNotifier_SendsWhatIsRaisedOrRisesAndNothingElse(t *testing.T) {
	address, requests := listen(t, status(http.StatusNoContent))
	o := newOffice(t, notify.Options{})
	o.log.add(t, alert("old", 1, store.Critical)) // before anybody listened
	o.save(channel(notify.Webhook), notify.Secrets{URL: address, Secret: "schlüssel"})
	o.run()
	first := alert("a", 1, store.Notice)
	o.log.add(t, first)                             // milder than the channel wants
	o.log.add(t, alert("a", 2, store.Notice))       // nothing of note
	o.log.add(t, alert("a", 3, store.Warning))      // worse
	o.log.add(t, alert("a", 4, store.Warning))      // nothing of note
	o.log.add(t, alert("old", 2, store.Critical))   // known to be critical
	muted := alert("m", 1, store.Critical)          // muted
	muted.Muted = true                              //
	o.log.add(t, muted)                             //
	quality := alert("q", 1, store.Critical)        // about sensors
	quality.Category = store.AboutQuality           //
	o.log.add(t, quality)                           //
	closed := alert("a", 5, store.Critical)         // over
	closed.State, closed.ClearedAt = "closed", noon //
	o.log.add(t, closed)
	o.log.add(t, alert("b", 1, store.Critical))

	var events []string
	for range 2 {
		r := wait(t, "message", requests)
		var body struct {
			Event, Title, Text, Link string
			Alert                    struct{ ID, Severity string }
		}
		if err := json.Unmarshal(r.body, &body); err != nil {
			t.Fatal(err)
		}
		events = append(events, body.Event+" "+body.Alert.ID+" "+body.Alert.Severity+" "+body.Title+" "+body.Link)
		mac := hmac.New(sha256.New, []byte("schlüssel"))
		mac.Write([]byte(r.header.Get("X-UrbanGrid-Timestamp") + "."))
		mac.Write(r.body)
		if want := "sha256=" + hex.EncodeToString(mac.Sum(nil)); r.header.Get("X-UrbanGrid-Signature") != want {
			t.Errorf("signature is %q, want %q", r.header.Get("X-UrbanGrid-Signature"), want)
		}
		if !strings.Contains(body.Text, "12:00:00 +08:00") {
			t.Errorf("text does not say when: %q", body.Text)
		}
	}
	want := []string{"risen a warning 【警告】告警升级 https://grid.example/alerts/a", "raised b critical 【严重】新告警 https://grid.example/alerts/b"}
	if diff := cmp.Diff(want, events); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if all := o.settled(2); len(all) != 2 {
		t.Errorf("%d messages were queued, want 2", len(all))
	}
}

func TestNotifier_SendsNothingTwiceAndLosesNothingOverARestart(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{})
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	o.log.add(t, alert("a", 1, store.Warning))
	wait(t, "first message", requests)
	o.settled(1)
	o.stop()
	o.log.add(t, alert("b", 1, store.Warning)) // while nobody runs
	o.log.add(t, alert("a", 2, store.Critical))
	o.open()
	o.run()
	for range 2 {
		wait(t, "message of meanwhile", requests)
	}
	var sent []string
	for _, d := range o.settled(3) {
		sent = append(sent, d.Event+" "+d.Alert)
	}
	if diff := cmp.Diff([]string{"risen a", "raised b", "raised a"}, sent); diff != "" {
		t.Errorf("messages, newest first (-want +got):\n%s", diff)
	}
}

func TestNotifier_TriesAgainUntilNoAttemptIsLeft(t *testing.T) {
	address, requests := listen(t, status(http.StatusServiceUnavailable), status(http.StatusTooManyRequests), status(http.StatusOK), status(http.StatusServiceUnavailable))
	o := newOffice(t, notify.Options{})
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	o.log.add(t, alert("a", 1, store.Warning))
	if d := o.settled(1)[0]; d.State != store.DeliveryDelivered || d.Attempts != 3 || d.Fault != "" {
		t.Errorf("message is %+v, want delivered by the third attempt", d)
	}
	o.log.add(t, alert("b", 1, store.Warning))
	dead := o.settled(2)[0]
	if dead.State != store.DeliveryDead || dead.Attempts != 3 || !strings.Contains(dead.Fault, "503") {
		t.Errorf("message is %+v, want dead after three attempts", dead)
	}
	if n := o.counted("dead"); n != 1 {
		t.Errorf("counted %v dead, want 1", n)
	}
	for range 6 {
		wait(t, "attempt", requests)
	}
	if _, err := o.SendAgain(t.Context(), dead.ID); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		wait(t, "attempt after it was sent again", requests)
	}
	if _, err := o.SendAgain(t.Context(), 99); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("sending an unknown message again: %v, want ErrNotFound", err)
	}
}

func TestNotifier_WhatIsRefusedIsNotTriedAgain(t *testing.T) {
	address, _ := listen(t, status(http.StatusForbidden))
	o := newOffice(t, notify.Options{})
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	o.log.add(t, alert("a", 1, store.Warning))
	d := o.settled(1)[0]
	if d.State != store.DeliveryDead || d.Attempts != 1 || strings.Contains(d.Fault, "geheim") {
		t.Errorf("message is %+v, want dead at once without the address", d)
	}
}

func TestNotifier_FilterQuietHoursAndBound(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{Waiting: 2, Retries: []time.Duration{time.Hour}, Now: func() time.Time { return noon }})
	elsewhere := channel(notify.Webhook)
	elsewhere.Areas = []grid.AreaCode{"310107006"}
	o.save(elsewhere, notify.Secrets{URL: address})
	siesta := channel(notify.Webhook)
	siesta.Quiet = &notify.Quiet{From: "11:30", To: "13:00", Critical: true}
	siesta.Areas = []grid.AreaCode{"310107005"}
	o.save(siesta, notify.Secrets{URL: address})
	broken, failing := listen(t, status(http.StatusServiceUnavailable))
	stuck := o.save(channel(notify.Webhook), notify.Secrets{URL: broken})
	o.run()
	for _, id := range []string{"a", "b", "c"} {
		o.log.add(t, alert(id, 1, store.Warning))
	}
	o.log.add(t, alert("d", 1, store.Critical))
	var body struct{ Alert struct{ ID string } }
	if err := json.Unmarshal(wait(t, "critical alert", requests).body, &body); err != nil || body.Alert.ID != "d" {
		t.Errorf("in quiet hours came %q, %v; want the critical one", body.Alert.ID, err)
	}
	wait(t, "attempt", failing)
	o.settled(1)
	if q, f := o.counted("quiet"), o.counted("overflow"); q != 3 || f != 2 {
		t.Errorf("counted %v quiet and %v dropped, want 3 and 2", q, f)
	}
	all, err := o.Deliveries(t.Context(), store.DeliveryQuery{Channel: stuck.ID})
	if err != nil || len(all) != 2 {
		t.Errorf("%d messages wait, %v; want 2", len(all), err)
	}
}

func TestNotifier_Robots(t *testing.T) {
	for typ, test := range map[notify.Type]struct {
		answer string
		busy   string
		check  func(*testing.T, got)
	}{
		notify.WeCom: {`{"errcode":0,"errmsg":"ok"}`, `{"errcode":45009,"errmsg":"api freq out of limit"}`, func(t *testing.T, r got) {
			var b struct {
				MsgType  string
				Markdown struct{ Content string }
			}
			if err := json.Unmarshal(r.body, &b); err != nil || b.MsgType != "markdown" || !strings.Contains(b.Markdown.Content, "设备 ［n1］ 测得") || r.query != "key=geheim" {
				t.Errorf("query %s, body %s, %v", r.query, r.body, err)
			}
		}},
		notify.DingTalk: {`{"errcode":0,"errmsg":"ok"}`, `{"errcode":130101,"errmsg":"send too fast"}`, func(t *testing.T, r got) {
			var b struct {
				MsgType  string
				Markdown struct{ Title, Text string }
			}
			if err := json.Unmarshal(r.body, &b); err != nil || b.MsgType != "markdown" || b.Markdown.Title != "【严重】新告警" || !strings.Contains(b.Markdown.Text, "(https://grid.example/alerts/a)") {
				t.Errorf("body %s, %v", r.body, err)
			}
			q, err := http.NewRequest(http.MethodGet, "/?"+r.query, nil)
			if err != nil {
				t.Fatal(err)
			}
			stamp := q.URL.Query().Get("timestamp")
			mac := hmac.New(sha256.New, []byte("SEC1"))
			mac.Write([]byte(stamp + "\nSEC1"))
			if got, want := q.URL.Query().Get("sign"), base64.StdEncoding.EncodeToString(mac.Sum(nil)); got != want || len(stamp) != 13 || q.URL.Query().Get("key") != "geheim" {
				t.Errorf("query %s, want the signature %s", r.query, want)
			}
		}},
		notify.Feishu: {`{"code":0,"msg":"success"}`, `{"code":11232,"msg":"frequency limited"}`, func(t *testing.T, r got) {
			var b struct {
				Timestamp, Sign string
				MsgType         string `json:"msg_type"`
				Content         struct {
					Post map[string]struct {
						Title   string
						Content [][]struct{ Tag, Text, Href string }
					}
				}
			}
			if err := json.Unmarshal(r.body, &b); err != nil {
				t.Fatal(err)
			}
			mac := hmac.New(sha256.New, []byte(b.Timestamp+"\nSEC1"))
			if want := base64.StdEncoding.EncodeToString(mac.Sum(nil)); b.Sign != want || len(b.Timestamp) != 10 {
				t.Errorf("signature %s of %s, want %s", b.Sign, b.Timestamp, want)
			}
			if p := b.Content.Post["zh_cn"]; b.MsgType != "post" || p.Title != "【严重】新告警" || len(p.Content) != 4 || p.Content[3][0].Href != "https://grid.example/alerts/a" {
				t.Errorf("body %s", r.body)
			}
		}},
	} {
		t.Run(string(typ), func(t *testing.T) {
			address, requests := listen(t, says(test.busy), says(test.answer), says(`{"errcode":310000,"code":19021,"msg":"sign match fail"}`))
			o := newOffice(t, notify.Options{})
			k := o.save(channel(typ), notify.Secrets{URL: address, Secret: "SEC1"})
			o.run()
			o.log.add(t, alert("a", 1, store.Critical))
			test.check(t, wait(t, "message", requests))
			if d := o.settled(1)[0]; d.State != store.DeliveryDelivered || d.Attempts != 2 {
				t.Errorf("message is %+v, want delivered by the second attempt", d)
			}
			if err := o.Try(t.Context(), k.ID); err == nil || o.counted("test_failed") != 1 {
				t.Errorf("a test that is refused ends with %v", err)
			}
		})
	}
}

func TestNotifier_ChannelsHaveVersionsAndTheirSecretsAreNeverShown(t *testing.T) {
	address, _ := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{})
	k := o.save(channel(notify.Webhook), notify.Secrets{URL: address, Secret: "schlüssel"})
	if !k.HasURL || !k.HasSecret || k.Setting.Version != 1 || !strings.HasPrefix(k.Host, "http://127.0.0.1:") || strings.Contains(k.Host, "hook") {
		t.Errorf("channel is %+v", k)
	}
	k.Name = "夜班"
	k, err := o.Save(t.Context(), k.ID, k.Channel, notify.Secrets{}, notify.By{Who: "李明", Version: 1})
	if err != nil || k.Name != "夜班" || !k.HasURL || !k.HasSecret || k.Setting.Version != 2 {
		t.Fatalf("changed channel is %+v, %v", k, err)
	}
	present, err := o.Save(t.Context(), k.ID, channel(notify.Webhook), notify.Secrets{}, notify.By{Who: "王芳", Version: 1})
	if !errors.Is(err, store.ErrConflict) || present.Setting.By != "李明" {
		t.Errorf("second of two: %+v, %v; want ErrConflict and what 李明 saved", present, err)
	}
	changes, err := o.records.SettingChanges(t.Context(), store.SettingQuery{Section: notify.Section})
	if err != nil || len(changes) != 2 {
		t.Fatalf("audit has %d changes, %v", len(changes), err)
	}
	for _, c := range changes {
		if text := string(c.Value) + string(c.Before); strings.Contains(text, "geheim") || strings.Contains(text, "schlüssel") {
			t.Errorf("audit tells secrets: %s", text)
		}
	}
	if _, err := o.Remove(t.Context(), k.ID, notify.By{Who: "王芳", Version: 2}); err != nil {
		t.Fatal(err)
	}
	if left, err := o.Channels(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("left are %v, %v", left, err)
	}
	if s, err := o.records.Secret(t.Context(), "channel/"+k.ID+"/secret"); s != "" || err != nil {
		t.Errorf("the secret is still there: %q, %v", s, err)
	}
}

func TestNotifier_RefusesChannelsThatCanNeverWork(t *testing.T) {
	o := newOffice(t, notify.Options{})
	mailBad := mailChannel("mail.example", "not an address")
	quiet := channel(notify.Webhook)
	quiet.Quiet = &notify.Quiet{From: "25:00", To: "07:00"}
	for what, test := range map[string]struct {
		c notify.Channel
		s notify.Secrets
	}{
		"without an address":     {channel(notify.WeCom), notify.Secrets{}},
		"with half an address":   {channel(notify.Webhook), notify.Secrets{URL: "hook.example/x"}},
		"with a file":            {channel(notify.Webhook), notify.Secrets{URL: "file:///etc/passwd"}},
		"with wrong quiet hours": {quiet, notify.Secrets{URL: "https://hook.example"}},
		"to no mailbox":          {mailBad, notify.Secrets{}},
		"of no type":             {channel("pigeon"), notify.Secrets{URL: "https://hook.example"}},
	} {
		if _, err := o.Save(t.Context(), "", test.c, test.s, notify.By{Who: "王芳"}); !errors.Is(err, notify.ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", what, err)
		}
	}
}

func TestNotifier_MetricsAreWellNamed(t *testing.T) {
	o := newOffice(t, notify.Options{})
	problems, err := testutil.GatherAndLint(o.reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}
