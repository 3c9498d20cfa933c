package notify_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sqlite"
)

// told returns messages in short.
func told(all []store.Delivery) []string {
	short := make([]string, len(all))
	for i, d := range all {
		short[i] = fmt.Sprintf("%s %s %d", d.Event, d.Alert, d.Revision)
	}
	return short
}

func TestNotifier_SendsNothingTwiceUnderLoad(t *testing.T) {
	const alerts = 60
	o := newOffice(t, notify.Options{})
	var hooks []chan got
	for range 4 {
		address, requests := listen(t, status(http.StatusOK))
		o.save(channel(notify.Webhook), notify.Secrets{URL: address})
		hooks = append(hooks, requests)
	}
	o.run()
	for i := range alerts {
		o.log.add(t, alert(strconv.Itoa(i), 1, store.Warning))
	}
	o.settled(alerts * len(hooks))
	for i, requests := range hooks {
		seen := make(map[string]int)
		for range len(requests) {
			r := <-requests
			seen[r.header.Get("X-UrbanGrid-Delivery")]++
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("channel %d got message %s %d times", i, id, n)
			}
		}
		if len(seen) != alerts {
			t.Errorf("channel %d got %d messages, want %d", i, len(seen), alerts)
		}
	}
}

// watchedQueue are records that note when what is due to a channel is asked for while
// an answer before is still being sent.
type watchedQueue struct {
	*sqlite.Records
	unsettled atomic.Int64 // given out and not yet saved
	stale     atomic.Int64 // how often more was asked for meanwhile
}

func (q *watchedQueue) DueDeliveries(ctx context.Context, channel string, at time.Time, limit int) ([]store.Delivery, error) {
	if q.unsettled.Load() > 0 {
		q.stale.Add(1)
	}
	found, err := q.Records.DueDeliveries(ctx, channel, at, limit)
	q.unsettled.Add(int64(len(found)))
	return found, err
}

func (q *watchedQueue) SaveAttempt(ctx context.Context, d store.Delivery) error {
	err := q.Records.SaveAttempt(ctx, d)
	q.unsettled.Add(-1)
	return err
}

func TestNotifier_ReadsWhatIsDueOnlyWhereNothingIsBeingSent(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{})
	queue := &watchedQueue{Records: o.records}
	n, err := notify.New(queue, o.records, o.log, notify.Options{Local: true, Poll: time.Microsecond})
	if err != nil {
		t.Fatal(err)
	}
	o.Notifier = n
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	for i := range 20 {
		o.log.add(t, alert(strconv.Itoa(i), 1, store.Warning))
		wait(t, "message", requests)
	}
	o.settled(20)
	if n := queue.stale.Load(); n > 0 {
		t.Errorf("the queue was read %d times while some of it was being sent", n)
	}
}

func TestNotifier_ABusyRobotHoldsUpNobodyElse(t *testing.T) {
	robot, slow := listen(t, says(`{"errcode":0,"errmsg":"ok"}`))
	hook, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{RobotPause: time.Hour})
	o.save(channel(notify.WeCom), notify.Secrets{URL: robot})
	grave := channel(notify.Webhook)
	grave.Severity = store.Critical
	o.save(grave, notify.Secrets{URL: hook})
	for i := range 250 {
		o.queueWaiting(i)
	}
	o.run()
	wait(t, "first message to the robot", slow)
	o.log.add(t, alert("grave", 1, store.Critical))
	r := wait(t, "message past those that wait for the robot", requests)
	if !strings.Contains(string(r.body), `"grave"`) {
		t.Errorf("the webhook got %s", r.body)
	}
}

// queueWaiting enters a message that waits for the robot.
func (o *office) queueWaiting(i int) {
	o.t.Helper()
	all, err := o.Channels(o.t.Context())
	if err != nil {
		o.t.Fatal(err)
	}
	for id, k := range all {
		if k.Type != notify.WeCom {
			continue
		}
		d := store.Delivery{Channel: id, Alert: strconv.Itoa(i), Revision: 1, Event: "raised", Payload: encoded(o.t, alert(strconv.Itoa(i), 1, store.Warning)),
			State: store.DeliveryWaiting, Next: noon, CreatedAt: noon}
		if _, err := o.records.QueueDeliveries(o.t.Context(), store.Position{Journal: "another log", Seq: 1}, []store.Delivery{d}); err != nil {
			o.t.Fatal(err)
		}
	}
}

func TestNotifier_FollowsAgainAfterTheLogHasFailed(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{})
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.log.faults <- errors.New("the log is away")
	o.log.faults <- errors.New("the log is away still")
	o.run()
	o.log.add(t, alert("a", 1, store.Warning))
	wait(t, "message after the log came back", requests)
}

func TestNotifier_TellsOfTheFirstAlertAfterACrashWithAnEmptyLog(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{})
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	o.stop()
	o.log.add(t, alert("a", 1, store.Warning))
	o.open()
	o.run()
	wait(t, "message about what was raised while nobody ran", requests)
	if diff := cmp.Diff([]string{"raised a 1"}, told(o.settled(1))); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestNotifier_MailGoesToThoseWhomTheServerKnows(t *testing.T) {
	server, messages := mailbox(t)
	o := newOffice(t, notify.Options{})
	k := o.save(mailChannel(server, "gone@example.com", "duty@example.com"), notify.Secrets{Secret: "passwort"})
	o.run()
	o.log.add(t, alert("a", 1, store.Critical))
	if text := wait(t, "mail", messages); !strings.Contains(text, "RCPT TO:<duty@example.com>") {
		t.Errorf("conversation is %s", text)
	}
	d := o.settled(1)[0]
	if d.State != store.DeliveryDelivered || d.Attempts != 1 || !strings.Contains(d.Fault, "gone@example.com") || strings.Contains(d.Fault, "duty@") {
		t.Errorf("message is %+v, want it delivered with who was refused", d)
	}
	if err := o.Try(t.Context(), k.ID); err == nil || !strings.Contains(err.Error(), "not to everybody") {
		t.Errorf("test ends with %v, want who was refused", err)
	}
	nobody := o.save(mailChannel(server, "gone@example.com", "gone@example.org"), notify.Secrets{Secret: "passwort"})
	if err := o.Try(t.Context(), nobody.ID); err == nil || !strings.Contains(err.Error(), "gone@example.org") || strings.Contains(err.Error(), "not to everybody") {
		t.Errorf("test to nobody ends with %v", err)
	}
}

func TestNotifier_ChannelsDoNotLeadToThisMachine(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	server, _ := mailbox(t)
	o := newOffice(t, notify.Options{})
	o.guarded = true
	o.open()
	_, port, err := net.SplitHostPort(server)
	if err != nil {
		t.Fatal(err)
	}
	link := "http://169.254.169.254/latest"
	for _, k := range []notify.Kept{
		o.save(channel(notify.Webhook), notify.Secrets{URL: address}),
		o.save(channel(notify.WeCom), notify.Secrets{URL: strings.Replace(address, "127.0.0.1", "localhost", 1)}),
		o.save(channel(notify.Webhook), notify.Secrets{URL: strings.Replace(address, "127.0.0.1", "0.0.0.0", 1)}),
		o.save(channel(notify.Webhook), notify.Secrets{URL: strings.Replace(address, "127.0.0.1", "[::ffff:127.0.0.1]", 1)}),
		o.save(channel(notify.Webhook), notify.Secrets{URL: link}),
		o.save(mailChannel("localhost:"+port, "duty@example.com"), notify.Secrets{}),
	} {
		if err := o.Try(t.Context(), k.ID); err == nil || !strings.Contains(err.Error(), "may not lead") || strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("test of %s %v ends with %v", k.Host, k.Mail, err)
		}
	}
	if len(requests) > 0 {
		t.Errorf("%d requests came", len(requests))
	}
	o.run()
	o.log.add(t, alert("a", 1, store.Warning))
	for _, d := range o.settled(6) {
		if d.State != store.DeliveryDead || d.Attempts != 1 {
			t.Errorf("message is %+v, want it dead at once", d)
		}
	}
}

func TestNotifier_NoSecretFollowsAChannelToAnotherServer(t *testing.T) {
	o := newOffice(t, notify.Options{})
	mailed := o.save(mailChannel("mail.example:587", "duty@example.com"), notify.Secrets{Secret: "passwort"})
	hooked := o.save(channel(notify.Webhook), notify.Secrets{URL: "https://hook.example/x", Secret: "schlüssel"})
	with := func(change func(*notify.Mail)) notify.Channel {
		c := mailed.Channel
		m := *c.Mail
		change(&m)
		c.Mail = &m
		return c
	}
	for what, test := range map[string]struct {
		id string
		c  notify.Channel
		s  notify.Secrets
	}{
		"server":   {mailed.ID, with(func(m *notify.Mail) { m.Server = "evil.example:587" }), notify.Secrets{}},
		"user":     {mailed.ID, with(func(m *notify.Mail) { m.User = "other" }), notify.Secrets{}},
		"security": {mailed.ID, with(func(m *notify.Mail) { m.Security = notify.TLS }), notify.Secrets{}},
		"host":     {hooked.ID, hooked.Channel, notify.Secrets{URL: "https://evil.example/x"}},
	} {
		_, err := o.Save(t.Context(), test.id, test.c, test.s, notify.By{Who: "王芳", Version: 1})
		if !errors.Is(err, notify.ErrInvalid) {
			t.Errorf("another %s: error %v, want ErrInvalid", what, err)
		}
	}
	same, err := o.Save(t.Context(), mailed.ID, with(func(m *notify.Mail) { m.To = []string{"b@example.com"} }), notify.Secrets{}, notify.By{Who: "王芳", Version: 1})
	if err != nil || !same.HasSecret {
		t.Errorf("another recipient: %+v, %v; want it saved with the password", same, err)
	}
	moved, err := o.Save(t.Context(), hooked.ID, hooked.Channel, notify.Secrets{URL: "https://other.example/x", Secret: "neu"}, notify.By{Who: "王芳", Version: 1})
	if err != nil || moved.Host != "https://other.example" {
		t.Errorf("another host with its key: %+v, %v", moved, err)
	}
	nobody, err := o.Save(t.Context(), mailed.ID, with(func(m *notify.Mail) { m.Server, m.User = "evil.example:25", "" }), notify.Secrets{}, notify.By{Who: "王芳", Version: 2})
	if err != nil || nobody.HasSecret {
		t.Errorf("a server where nobody logs in: %+v, %v; want no password left", nobody, err)
	}
}

// failing are records that cannot be written to while broken.
type failing struct {
	*sqlite.Records
	broken atomic.Bool
	tried  chan struct{}
}

func (f *failing) SaveAttempt(ctx context.Context, d store.Delivery) error {
	if f.broken.Load() {
		select {
		case f.tried <- struct{}{}:
		default:
		}
		return errors.New("the disk is full")
	}
	return f.Records.SaveAttempt(ctx, d)
}

func TestNotifier_WhatCannotBeWrittenDownIsNotSentAgain(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{})
	records := &failing{Records: o.records, tried: make(chan struct{}, 100)}
	records.broken.Store(true)
	n, err := notify.New(records, o.records, o.log, notify.Options{Local: true, Poll: time.Millisecond, Pause: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	o.Notifier = n
	o.save(channel(notify.Webhook), notify.Secrets{URL: address})
	o.run()
	o.log.add(t, alert("a", 1, store.Warning))
	for range 5 {
		wait(t, "attempt to write down", records.tried)
	}
	records.broken.Store(false)
	o.settled(1)
	if len(requests) != 1 {
		t.Errorf("it was sent %d times, want once", len(requests))
	}
}
