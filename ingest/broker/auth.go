package broker

import (
	"net"
	"strings"
	"sync"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// Authenticator tells who connects. Implementations are safe for concurrent use
// and may take their time: only the client that asks waits.
type Authenticator interface {
	// Authenticate returns who user is and true when password is theirs. Both are
	// empty for a client that gives none.
	Authenticate(user string, password []byte) (Principal, bool)
}

// AuthFunc is an Authenticator made of a function.
type AuthFunc func(user string, password []byte) (Principal, bool)

// Authenticate calls f.
func (f AuthFunc) Authenticate(user string, password []byte) (Principal, bool) {
	return f(user, password)
}

// Principal is a client that has said who it is. Its methods are called for
// every message and are quick; implementations are safe for concurrent use.
type Principal interface {
	// MayPublish reports whether the client may publish on topic, or leave a will
	// there.
	MayPublish(topic string) bool
	// MaySubscribe reports whether the client may read what filter matches. It is
	// asked with filters, without $share, and again with the topic of each
	// message before that is given to the client.
	MaySubscribe(filter string) bool
}

// identity is who a session belongs to.
type identity struct {
	cl   *mqtt.Client
	user string
	Principal
}

// The reasons of refused logins.
const (
	refusedPassword  = "credentials" // unknown user or wrong password
	refusedThrottled = "throttled"   // too many failures before
	refusedTakeover  = "client_id"   // the client id belongs to another user's session
)

// The reasons of denied actions.
const (
	deniedPublish   = "publish"
	deniedSubscribe = "subscribe"
	deniedWill      = "will"
)

// OnConnectAuthenticate refuses who cannot say who they are.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	if h.opts.Auth == nil {
		return true
	}
	who, reason := h.identify(cl, pk)
	if reason != "" {
		h.m.refused.WithLabelValues(reason).Inc()
		h.log.Debug("client refused", "client", cl.ID, "remote", cl.Net.Remote, "reason", reason)
		return false
	}
	h.identities.Store(cl.ID, who)
	return true
}

func (h *hook) identify(cl *mqtt.Client, pk packets.Packet) (*identity, string) {
	who := &identity{cl: cl, user: string(pk.Connect.Username)}
	if name := verifiedName(cl.Net.Conn); name != "" && h.opts.Certificate != nil {
		p, ok := h.opts.Certificate(name)
		if !ok {
			return nil, refusedPassword
		}
		who.user, who.Principal = name, p
	} else {
		if !h.throttle.allows(cl.Net.Remote, who.user) {
			return nil, refusedThrottled
		}
		p, ok := h.opts.Auth.Authenticate(who.user, pk.Connect.Password)
		if !ok {
			h.throttle.failed(cl.Net.Remote, who.user)
			return nil, refusedPassword
		}
		who.Principal = p
	}
	// A session holds messages and subscriptions: it is not for others to take.
	if v, ok := h.identities.Load(cl.ID); ok && v.(*identity).user != who.user {
		return nil, refusedTakeover
	}
	return who, ""
}

// identity returns whose cl is, nil when nobody is asked who they are.
func (h *hook) identity(cl *mqtt.Client) *identity {
	v, ok := h.identities.Load(cl.ID)
	if !ok {
		return nil
	}
	return v.(*identity)
}

// OnACLCheck answers for subscriptions, for messages about to be given to a
// client, and for publications. An empty topic is a topic alias: OnPublish asks
// again when it is known.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if h.opts.Auth == nil || cl.Net.Inline {
		return true
	}
	who := h.identity(cl)
	if who == nil {
		return false
	}
	if !write {
		return who.MaySubscribe(withoutShare(topic))
	}
	if topic == "" || who.MayPublish(topic) {
		return true
	}
	h.m.denied.WithLabelValues(deniedPublish).Inc()
	return false
}

// mayPublish is OnACLCheck for the topic behind an alias, which is empty when
// the publication that was to make the alias was denied.
func (h *hook) mayPublish(cl *mqtt.Client, topic string) bool {
	if topic == "" {
		h.m.denied.WithLabelValues(deniedPublish).Inc()
		return false
	}
	return h.OnACLCheck(cl, topic, true)
}

// withoutShare takes $share and the group off a filter.
func withoutShare(filter string) string {
	head, rest, _ := strings.Cut(filter, "/")
	if strings.EqualFold(head, mqtt.SharePrefix) {
		_, rest, _ = strings.Cut(rest, "/")
		return rest
	}
	return filter
}

// OnSubscribed counts denied subscriptions.
func (h *hook) OnSubscribed(_ *mqtt.Client, _ packets.Packet, codes []byte) {
	if h.opts.Auth == nil {
		return
	}
	for _, c := range codes {
		if c >= packets.ErrUnspecifiedError.Code {
			h.m.denied.WithLabelValues(deniedSubscribe).Inc()
		}
	}
}

// forgetIdentity is called when cl's session is over.
func (h *hook) forgetIdentity(cl *mqtt.Client) {
	if v, ok := h.identities.Load(cl.ID); ok && v.(*identity).cl == cl {
		h.identities.CompareAndDelete(cl.ID, v)
	}
}

// throttle slows the guessing of passwords: a user of one address may fail five
// times and then once in ten seconds; all users of one address together fifty
// times and then once a second, so that one broken device hardly hinders others
// behind the same address. Its size is bounded. It is safe for concurrent use.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex // guards buckets
	buckets map[attempts]bucket
}

type attempts struct{ address, user string }

// bucket holds failures that are still free, as of a time.
type bucket struct {
	left float64
	at   time.Time
}

const (
	maxBuckets      = 8192
	userFailures    = 5
	userPerSecond   = 0.1
	sourceFailures  = 50
	sourcePerSecond = 1.0
)

func newThrottle() *throttle { return &throttle{now: time.Now, buckets: map[attempts]bucket{}} }

func (t *throttle) allows(remote, user string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := source(remote)
	return t.bucket(attempts{a, user}).left >= 1 && t.bucket(attempts{address: a}).left >= 1
}

func (t *throttle) failed(remote, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := source(remote)
	for _, key := range []attempts{{a, user}, {address: a}} {
		b := t.bucket(key)
		b.left--
		if _, known := t.buckets[key]; !known && len(t.buckets) >= maxBuckets {
			t.evict()
		}
		t.buckets[key] = b
	}
}

func (t *throttle) bucket(key attempts) bucket {
	full, rate := float64(userFailures), userPerSecond
	if key.user == "" {
		full, rate = sourceFailures, sourcePerSecond
	}
	b, ok := t.buckets[key]
	now := t.now()
	if !ok {
		return bucket{left: full, at: now}
	}
	return bucket{left: min(full, b.left+now.Sub(b.at).Seconds()*rate), at: now}
}

// evict makes room: those that are full say nothing, and if none is, any goes.
func (t *throttle) evict() {
	for key := range t.buckets {
		b := t.bucket(key)
		if (key.user == "" && b.left >= sourceFailures) || (key.user != "" && b.left >= userFailures) {
			delete(t.buckets, key)
		}
	}
	for key := range t.buckets {
		if len(t.buckets) < maxBuckets {
			return
		}
		delete(t.buckets, key)
	}
}

// source is the address that failures are counted by: of IPv6 the network of
// one subscriber.
func source(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	ip := net.ParseIP(host)
	if ip == nil || ip.To4() != nil {
		return host
	}
	return ip.Mask(net.CIDRMask(64, 128)).String()
}
