package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/sensors"
)

// Credentials finds the credential of a user, false when there is none.
// Implementations are safe for concurrent use and quick: they are asked at
// every connection.
type Credentials interface {
	Credential(ctx context.Context, user string) (sensors.Credential, bool, error)
}

// Options tune an Authenticator. The zero Options work.
type Options struct {
	MaxCached  int           // users whose last password is remembered; 0 means 65,536
	MaxHashes  int           // passwords hashed at once, 8 MiB each; 0 means one a CPU
	Timeout    time.Duration // longest wait for the credentials and for a turn to hash; 0 means 10 s
	Logger     *slog.Logger  // nil means slog.Default()
	Registerer prometheus.Registerer
}

// MaxPasswordBytes bounds a password: a longer one is wrong.
const MaxPasswordBytes = 256

// Authenticator tells who connects. It is safe for concurrent use.
//
// Hashing is dear on purpose, so the last password of a user and whether it was
// right are remembered as a keyed digest, together with the hash it was held
// against: a device that comes back costs no hash, with the right password or
// with the wrong one, and a changed credential is never answered from memory.
type Authenticator struct {
	credentials Credentials
	opts        Options
	log         *slog.Logger
	turns       chan struct{}
	key         [32]byte // of the digests, new at every start
	results     *prometheus.CounterVec

	mu    sync.Mutex // guards known
	known map[string]verdict
}

// verdict is what came out for the last password of a user.
type verdict struct {
	hash   string // that it was held against
	digest [sha256.Size]byte
	right  bool
}

// New returns an Authenticator that remembers nothing yet.
func New(credentials Credentials, opts Options) *Authenticator {
	if opts.MaxCached == 0 {
		opts.MaxCached = 65_536
	}
	if opts.MaxHashes == 0 {
		opts.MaxHashes = runtime.GOMAXPROCS(0)
	}
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Registerer == nil {
		opts.Registerer = prometheus.NewRegistry()
	}
	a := &Authenticator{
		credentials: credentials, opts: opts, log: opts.Logger.With("component", "auth"),
		turns: make(chan struct{}, opts.MaxHashes), known: map[string]verdict{},
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "urbangrid_ingest_authentications_total",
			Help: "Passwords of devices, gateways and network servers that were checked, by result.",
		}, []string{"result"}),
	}
	rand.Read(a.key[:])
	for _, result := range []string{accepted, wrongPassword, unknownUser, unavailable} {
		a.results.WithLabelValues(result)
	}
	opts.Registerer.MustRegister(a.results)
	return a
}

// The results of an authentication.
const (
	accepted      = "accepted"
	wrongPassword = "wrong_password"
	unknownUser   = "unknown_user"
	unavailable   = "unavailable" // the credentials could not be read, or too many wait to be checked
)

// Authenticate returns who user is when password is theirs. It blocks for a few
// milliseconds when the password is not the one remembered, longer while many
// wait.
func (a *Authenticator) Authenticate(user string, password []byte) (Principal, bool) {
	p, result, err := a.check(user, password)
	a.results.WithLabelValues(result).Inc()
	if err != nil {
		a.log.Warn("credentials not checked", "user", user, "error", err)
	}
	return p, result == accepted
}

func (a *Authenticator) check(user string, password []byte) (Principal, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), a.opts.Timeout)
	defer cancel()
	c, ok, err := a.credentials.Credential(ctx, user)
	if err != nil {
		return Principal{}, unavailable, err
	}
	if !ok {
		return Principal{}, unknownUser, nil
	}
	if len(password) > MaxPasswordBytes {
		return Principal{}, wrongPassword, nil
	}
	right, err := a.right(ctx, c, password)
	switch {
	case err != nil:
		return Principal{}, unavailable, err
	case !right:
		return Principal{}, wrongPassword, nil
	}
	return Principal{User: c.User, Device: c.Device, Prefixes: c.Prefixes}, accepted, nil
}

// right reports whether password is that of c.
func (a *Authenticator) right(ctx context.Context, c sensors.Credential, password []byte) (bool, error) {
	digest := a.digest(c.User, password)
	if v, ok := a.recall(c.User); ok && v.hash == c.Hash && hmac.Equal(v.digest[:], digest[:]) {
		return v.right, nil
	}
	select {
	case a.turns <- struct{}{}:
	case <-ctx.Done():
		return false, errors.New("too many passwords wait to be checked")
	}
	right := verify(c.Hash, password)
	<-a.turns
	a.remember(c.User, verdict{hash: c.Hash, digest: digest, right: right})
	return right, nil
}

func (a *Authenticator) digest(user string, password []byte) (d [sha256.Size]byte) {
	h := hmac.New(sha256.New, a.key[:])
	_, _ = h.Write([]byte(strconv.Itoa(len(user)) + ":" + user)) // it never returns an error
	_, _ = h.Write(password)
	h.Sum(d[:0])
	return d
}

func (a *Authenticator) recall(user string) (verdict, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	v, ok := a.known[user]
	return v, ok
}

// remember makes room by forgetting any other user, who then costs one hash
// more. A wrong password does not take the place of the right one: a stranger
// who tries cannot make its owner dear.
func (a *Authenticator) remember(user string, v verdict) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old, ok := a.known[user]
	if ok && old.right && old.hash == v.hash && !v.right {
		return
	}
	if !ok && len(a.known) >= a.opts.MaxCached {
		for other := range a.known {
			delete(a.known, other)
			break
		}
	}
	a.known[user] = v
}

// Keeper keeps credentials.
type Keeper interface {
	SaveCredential(ctx context.Context, c sensors.Credential) error
}

// MaxUserBytes bounds the name of a user.
const MaxUserBytes = 128

// Issuer makes credentials.
type Issuer struct{ keeper Keeper }

// NewIssuer returns an Issuer that keeps what it issues in keeper.
func NewIssuer(keeper Keeper) *Issuer { return &Issuer{keeper: keeper} }

// Issue enters a credential with a new password, which is returned this once and
// kept as a hash alone; the password before stops working. c.Hash is ignored.
// Errors: sensors.ErrInvalidCredential with everything that is wrong.
func (i *Issuer) Issue(ctx context.Context, c sensors.Credential) (password string, err error) {
	var faults []error
	if len(c.User) == 0 || len(c.User) > MaxUserBytes || strings.ContainsFunc(c.User, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		faults = append(faults, fmt.Errorf("user %.40q: a name has 1 to %d bytes without control characters", c.User, MaxUserBytes))
	}
	if c.Device != "" && !sensors.ValidDeviceID(string(c.Device)) {
		faults = append(faults, fmt.Errorf("%.40q is not the id of a device", c.Device))
	}
	if c.Device == "" && len(c.Prefixes) == 0 {
		faults = append(faults, errors.New("neither a device nor a prefix: it could not publish anything"))
	}
	for _, p := range c.Prefixes {
		if !ValidPrefix(p) {
			faults = append(faults, fmt.Errorf("prefix %.80q: levels with '/' between them, none empty, without '+', '#' and '$' in front", p))
		}
	}
	if len(faults) > 0 {
		return "", fmt.Errorf("%w: %w", sensors.ErrInvalidCredential, errors.Join(faults...))
	}
	password = NewPassword()
	c.Hash = Hash([]byte(password))
	if err := i.keeper.SaveCredential(ctx, c); err != nil {
		return "", err
	}
	return password, nil
}
