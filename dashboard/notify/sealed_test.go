package notify_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/dashboard/notify"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sealed"
)

// sealWith lets the office keep its secrets under the key of a file.
func (o *office) sealWith(path string) {
	o.t.Helper()
	k, _, err := sealed.OpenKey(path)
	if err != nil {
		o.t.Fatal(err)
	}
	if o.secrets, err = sealed.New(o.records, k); err != nil {
		o.t.Fatal(err)
	}
	o.open()
}

func TestNotifier_WithALostKeySaysThatSecretsMustBeGivenAgain(t *testing.T) {
	address, requests := listen(t, status(http.StatusOK))
	o := newOffice(t, notify.Options{Retries: []time.Duration{time.Millisecond, time.Hour}})
	keys := t.TempDir()
	o.sealWith(filepath.Join(keys, "first.key"))
	k := o.save(channel(notify.Webhook), notify.Secrets{URL: address, Secret: "SEC1"})
	o.sealWith(filepath.Join(keys, "second.key"))

	lost, err := o.Channel(t.Context(), k.ID)
	if err != nil || !lost.Lost || !lost.HasURL || !lost.HasSecret {
		t.Fatalf("channel is %+v, %v; want it with lost secrets", lost, err)
	}
	if err := o.Try(t.Context(), k.ID); err == nil || !strings.Contains(err.Error(), "must be given again") || strings.Contains(err.Error(), k.ID) {
		t.Errorf("a test ends with %v", err)
	}
	lost.Name = "夜班" // whatever else is changed leaves them as they are
	lost, err = o.Save(t.Context(), k.ID, lost.Channel, notify.Secrets{}, notify.By{Who: "王芳", Version: 1})
	if err != nil || lost.Name != "夜班" || !lost.Lost {
		t.Errorf("changed channel is %+v, %v", lost, err)
	}

	o.run()
	o.log.add(t, alert("a", 1, store.Critical))
	d := o.waiting(2)
	if d.State != store.DeliveryWaiting || !strings.Contains(d.Fault, "must be given again") {
		t.Errorf("message is %+v, want it to wait for the secrets", d)
	}
	given, err := o.Save(t.Context(), k.ID, lost.Channel, notify.Secrets{URL: address, Secret: "SEC2"}, notify.By{Who: "王芳", Version: 2})
	if err != nil || given.Lost || !given.HasURL || !given.HasSecret {
		t.Fatalf("with secrets given again it is %+v, %v", given, err)
	}
	if err := o.Try(t.Context(), k.ID); err != nil {
		t.Errorf("a test ends with %v", err)
	}
	if r := wait(t, "test", requests); r.header.Get("X-UrbanGrid-Signature") == "" {
		t.Error("it is not signed")
	}
}

// waiting returns the only message when it was attempted so often.
func (o *office) waiting(attempts int) store.Delivery {
	o.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for {
		found, err := o.Deliveries(o.t.Context(), store.DeliveryQuery{})
		if err != nil {
			o.t.Fatal(err)
		}
		if len(found) == 1 && found[0].Attempts == attempts {
			return found[0]
		}
		select {
		case <-tick.C:
		case <-deadline:
			o.t.Fatalf("messages are %+v, want one after %d attempts", found, attempts)
		}
	}
}
