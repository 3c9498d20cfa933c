package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/ingest/auth"
	"github.com/urbangrid/urbangrid/sensors"
)

// memory keeps credentials.
type memory struct {
	mu   sync.Mutex
	byID map[string]sensors.Credential
	err  error
}

func (m *memory) SaveCredential(_ context.Context, c sensors.Credential) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.byID[c.User] = c
	return m.err
}

func (m *memory) Credential(_ context.Context, user string) (sensors.Credential, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.byID[user]
	return c, ok, m.err
}

func newMemory() *memory { return &memory{byID: map[string]sensors.Credential{}} }

func issue(t testing.TB, m *memory, c sensors.Credential) []byte {
	t.Helper()
	password, err := auth.NewIssuer(m).Issue(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return []byte(password)
}

func TestIssuer_KeepsAHashAndNeverThePassword(t *testing.T) {
	m := newMemory()
	first := issue(t, m, sensors.Credential{User: "noise-1", Device: "noise-1"})
	kept := m.byID["noise-1"].Hash
	if !strings.HasPrefix(kept, "$argon2id$v=19$m=8192,t=1,p=1$") || strings.Contains(kept, string(first)) {
		t.Errorf("kept %q", kept)
	}
	second := issue(t, m, sensors.Credential{User: "noise-1", Device: "noise-1"})
	if len(first) < 32 || string(first) == string(second) || kept == m.byID["noise-1"].Hash {
		t.Errorf("issued %q, then %q", first, second)
	}
}

func TestIssuer_NamesEveryFault(t *testing.T) {
	_, err := auth.NewIssuer(newMemory()).Issue(t.Context(), sensors.Credential{
		User: "", Prefixes: []string{"a//b", "a/#", "+/a", "$SYS", "/a", "a/", "", "good/one"}})
	if !errors.Is(err, sensors.ErrInvalidCredential) || strings.Count(err.Error(), "prefix ") != 7 || !strings.Contains(err.Error(), "user ") || strings.Contains(err.Error(), "good") {
		t.Errorf("got %v, want the user and seven prefixes", err)
	}
	if _, err := auth.NewIssuer(newMemory()).Issue(t.Context(), sensors.Credential{User: "x"}); !errors.Is(err, sensors.ErrInvalidCredential) {
		t.Errorf("got %v, want that it could not publish anything", err)
	}
}

func TestAuthenticator_LetsInWhoHasThePassword(t *testing.T) {
	m := newMemory()
	password := issue(t, m, sensors.Credential{User: "gw", Prefixes: []string{"application/7"}})
	reg := prometheus.NewRegistry()
	a := auth.New(m, auth.Options{Registerer: reg})
	for range 2 { // the second time from memory
		if p, ok := a.Authenticate("gw", password); !ok || p.User != "gw" || !p.MayPublish("application/7/x") {
			t.Errorf("got %+v, %v, want the gateway", p, ok)
		}
		for user, word := range map[string]string{"gw": "wrong", "ghost": string(password), "": "", "gw ": string(password)} {
			if p, ok := a.Authenticate(user, []byte(word)); ok {
				t.Errorf("%q with %q was let in as %+v", user, word, p)
			}
		}
	}
	if _, ok := a.Authenticate("gw", []byte(strings.Repeat("x", 1<<20))); ok {
		t.Error("a password of a megabyte was let in")
	}
	m.err = errors.New("records are away")
	if _, ok := a.Authenticate("gw", password); ok {
		t.Error("let in without looking")
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}

func TestAuthenticator_AChangedCredentialIsNotAnsweredFromMemory(t *testing.T) {
	m := newMemory()
	old := issue(t, m, sensors.Credential{User: "d", Device: "d"})
	a := auth.New(m, auth.Options{})
	if _, ok := a.Authenticate("d", old); !ok {
		t.Fatal("not let in")
	}
	rotated := issue(t, m, sensors.Credential{User: "d", Device: "d"})
	if _, ok := a.Authenticate("d", old); ok {
		t.Error("the password before was let in")
	}
	if _, ok := a.Authenticate("d", rotated); !ok {
		t.Error("the new password was not let in")
	}
	delete(m.byID, "d")
	if _, ok := a.Authenticate("d", rotated); ok {
		t.Error("a revoked one was let in")
	}
}

func TestAuthenticator_AHashThatCannotBeReadLetsNobodyIn(t *testing.T) {
	m := newMemory()
	a := auth.New(m, auth.Options{})
	for _, hash := range []string{"", "$", "plain", "$argon2id$v=19$m=8192,t=1,p=1$c2FsdA$", "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8192,t=0,p=0$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2i$v=19$m=8192,t=1,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA"} {
		m.byID["d"] = sensors.Credential{User: "d", Hash: hash, Device: "d"}
		if _, ok := a.Authenticate("d", nil); ok {
			t.Errorf("hash %q let somebody in", hash)
		}
	}
}

func TestAuthenticator_ManyMayComeAtOnceAndMemoryStaysBounded(t *testing.T) {
	m := newMemory()
	a := auth.New(m, auth.Options{MaxCached: 3})
	passwords := map[string][]byte{}
	for i := range 8 {
		user := fmt.Sprintf("d-%d", i)
		passwords[user] = issue(t, m, sensors.Credential{User: user, Device: sensors.DeviceID(user)})
	}
	var wg sync.WaitGroup
	for user, password := range passwords {
		wg.Go(func() {
			for range 3 {
				if p, ok := a.Authenticate(user, password); !ok || p.User != user {
					t.Errorf("%s: %+v, %v", user, p, ok)
				}
			}
		})
	}
	wg.Wait()
	if n := auth.Cached(a); n > 3 {
		t.Errorf("%d users are remembered, want at most 3", n)
	}
}

func TestPrincipal_TopicsAreItsOwn(t *testing.T) {
	device := auth.Principal{User: "noise-1", Device: "noise-1"}
	server := auth.Principal{User: "cs", Prefixes: []string{"application/7", "gw"}}
	for _, c := range []struct {
		who                auth.Principal
		topic              string
		publish, subscribe bool
	}{
		{device, "urbangrid/v1/noise-1/obs", true, true},
		{device, "urbangrid/v1/noise-1/obs/pb", true, true},
		{device, "urbangrid/v1/noise-1/#", false, true},
		{device, "urbangrid/v1/noise-1/+", false, true},
		{device, "urbangrid/v1/noise-1", false, false},
		{device, "urbangrid/v1/noise-12/obs", false, false},
		{device, "urbangrid/v1/noise-2/obs", false, false},
		{device, "urbangrid/v1/+/obs", false, false},
		{device, "urbangrid/v1/#", false, false},
		{device, "#", false, false},
		{device, "+/v1/noise-1/obs", false, false},
		{device, "$SYS/broker/clients", false, false},
		{device, "application/7/device/a/event/up", false, false},
		{device, "", false, false},
		{device, "$share/g/urbangrid/v1/noise-1/#", false, true},
		{device, "$share/g/#", false, false},
		{device, "$share/urbangrid/v1/noise-1/x", false, false},
		{device, "urbangrid/v1/noise-1/\x00", false, false},
		{server, "application/7/device/a/event/up", true, true},
		{server, "application/7/#", false, true},
		{server, "application/77/device/a/event/up", false, false},
		{server, "application/+/device", false, false},
		{server, "gw/x", true, true},
		{server, "urbangrid/v1/noise-1/obs", false, false},
		{auth.Principal{}, "urbangrid/v1//obs", false, false},
		{auth.Principal{Prefixes: []string{""}}, "/x", false, false},
	} {
		if got := c.who.MayPublish(c.topic); got != c.publish {
			t.Errorf("%s publishes on %q: %v, want %v", c.who.User, c.topic, got, c.publish)
		}
		if got := c.who.MaySubscribe(c.topic); got != c.subscribe {
			t.Errorf("%s subscribes to %q: %v, want %v", c.who.User, c.topic, got, c.subscribe)
		}
	}
}

// FuzzPrincipal holds that nobody reads by a filter what they may not publish
// on: whatever a filter within the rights matches begins with a prefix.
func FuzzPrincipal(f *testing.F) {
	f.Add("noise-1", "urbangrid/v1/noise-1/#")
	f.Add("a", "urbangrid/v1/+/obs")
	f.Fuzz(func(t *testing.T, device, name string) {
		if !sensors.ValidDeviceID(device) {
			return
		}
		p := auth.Principal{Device: sensors.DeviceID(device)}
		own := "urbangrid/v1/" + device + "/"
		if p.MayPublish(name) && (!strings.HasPrefix(name, own) || strings.ContainsAny(name, "+#")) {
			t.Errorf("%q may publish on %q", device, name)
		}
		if p.MaySubscribe(name) && !strings.Contains("/"+name, "/"+own) {
			t.Errorf("%q may subscribe to %q", device, name)
		}
	})
}

// A device that comes back must cost no hash: 20,000 of them within a second.
func BenchmarkAuthenticator_Reconnect(b *testing.B) {
	m := newMemory()
	password := issue(b, m, sensors.Credential{User: "d", Device: "d"})
	a := auth.New(m, auth.Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := a.Authenticate("d", password); !ok {
			b.Fatal("not let in")
		}
	}
}

func BenchmarkHash(b *testing.B) {
	for b.Loop() {
		auth.Hash([]byte("password"))
	}
}
