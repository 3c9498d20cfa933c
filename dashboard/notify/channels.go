package notify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/urbangrid/urbangrid/store"
)

// Section is where channels are among the settings.
const Section = "channel"

// MaxChannels bounds how many channels there are.
const MaxChannels = 50

// Kept is a channel as it is kept.
type Kept struct {
	ID string
	Channel
	Setting   store.Setting // its newest change
	HasURL    bool
	HasSecret bool
	Lost      bool // what is kept of these cannot be read and must be given again
	Counts    map[store.DeliveryState]int
}

// ErrTooMany says that there are MaxChannels already.
var ErrTooMany = errors.New("there are as many channels as there may be")

// Channels returns all channels by ID.
func (n *Notifier) Channels(ctx context.Context) (map[string]Kept, error) {
	settings, err := n.records.ListSettings(ctx, Section)
	if err != nil {
		return nil, err
	}
	counts, err := n.records.CountDeliveries(ctx)
	if err != nil {
		return nil, err
	}
	all := make(map[string]Kept, len(settings))
	for id, s := range settings {
		c, err := decodeChannel(s.Value)
		if err != nil {
			return nil, fmt.Errorf("channel %s: %w", id, err)
		}
		k := Kept{ID: id, Channel: c, Setting: s, Counts: counts[id]}
		if err := n.look(ctx, &k); err != nil {
			return nil, err
		}
		all[id] = k
	}
	return all, nil
}

// look fills in which secrets of a channel are kept. One that cannot be read counts.
func (n *Notifier) look(ctx context.Context, k *Kept) error {
	for name, has := range map[string]*bool{urlName(k.ID): &k.HasURL, secretName(k.ID): &k.HasSecret} {
		secret, err := n.secrets.Secret(ctx, name)
		lost := errors.Is(err, store.ErrSealed)
		if err != nil && !lost {
			return err
		}
		*has, k.Lost = secret != "" || lost, k.Lost || lost
	}
	return nil
}

func decodeChannel(text []byte) (c Channel, err error) {
	err = json.Unmarshal(text, &c)
	return c, err
}

// Channel returns one channel. Errors: store.ErrNotFound.
func (n *Notifier) Channel(ctx context.Context, id string) (Kept, error) {
	all, err := n.Channels(ctx)
	if err != nil {
		return Kept{}, err
	}
	k, there := all[id]
	if !there {
		return Kept{}, fmt.Errorf("channel %q: %w", id, store.ErrNotFound)
	}
	return k, nil
}

// By says who changes a channel and which version they saw, 0 for a new one.
type By struct {
	Who     string
	Version int64
}

// Save enters a channel, with id "" a new one, or replaces it, with its secrets in one
// transaction. Secrets that are empty stay as they were, but none follows a channel to
// another server: the key or password must be given again then. Errors: ErrInvalid,
// ErrTooMany, store.ErrNotFound, store.ErrSealed, and store.ErrConflict together with
// the channel as it is.
func (n *Notifier) Save(ctx context.Context, id string, c Channel, s Secrets, by By) (Kept, error) {
	all, err := n.Channels(ctx)
	if err != nil {
		return Kept{}, err
	}
	old, there := all[id]
	switch {
	case id != "" && !there:
		return Kept{}, fmt.Errorf("channel %q: %w", id, store.ErrNotFound)
	case id == "" && len(all) >= MaxChannels:
		return Kept{}, ErrTooMany
	case id == "":
		id = uuid.Must(uuid.NewV7()).String()
	}
	c.Host = old.Host
	if s.URL != "" {
		if c.Host, err = checkURL(s.URL); err != nil {
			return Kept{}, err
		}
	}
	if c.Type == Email {
		c.Host = ""
	} else if s.URL == "" && !old.HasURL {
		return Kept{}, fmt.Errorf("%w: the address is missing", ErrInvalid)
	}
	if err := c.check(); err != nil {
		return Kept{}, err
	}
	if there && old.Type != c.Type {
		return Kept{}, fmt.Errorf("%w: a channel of type %s cannot become one of type %s", ErrInvalid, old.Type, c.Type)
	}
	nobody := c.Type == Email && c.Mail.User == "" // who logs in as nobody has no password
	if there && old.HasSecret && s.Secret == "" && !nobody && moved(&old.Channel, &c) {
		return Kept{}, fmt.Errorf("%w: the key or password must be given again when the server, the user or the security changes", ErrInvalid)
	}
	value, err := json.Marshal(c)
	if err != nil {
		return Kept{}, fmt.Errorf("write channel: %w", err)
	}
	if err := n.put(ctx, id, value, newSecrets(id, s, nobody), by); err != nil {
		return n.conflict(ctx, id, err)
	}
	if err := n.reload(ctx); err != nil {
		return Kept{}, err
	}
	return n.Channel(ctx, id)
}

// Remove takes a channel away, with its secrets and its messages. Errors:
// store.ErrNotFound, and store.ErrConflict together with the channel as it is.
func (n *Notifier) Remove(ctx context.Context, id string, by By) (Kept, error) {
	k, err := n.Channel(ctx, id)
	if err != nil {
		return Kept{}, err
	}
	if err := n.put(ctx, id, nil, map[string]string{urlName(id): "", secretName(id): ""}, by); err != nil {
		return n.conflict(ctx, id, err)
	}
	return k, errors.Join(n.reload(ctx), n.records.DropDeliveries(ctx, id))
}

func (n *Notifier) put(ctx context.Context, id string, value []byte, secrets map[string]string, by By) error {
	_, err := n.secrets.SaveSettingAndSecrets(ctx,
		store.Setting{Section: Section, Key: id, Version: by.Version, Value: value, By: by.Who, At: n.opts.Now()}, secrets)
	return err
}

func (n *Notifier) conflict(ctx context.Context, id string, err error) (Kept, error) {
	if !errors.Is(err, store.ErrConflict) {
		return Kept{}, err
	}
	k, there := n.Channel(ctx, id)
	return k, errors.Join(err, there)
}

func urlName(id string) string    { return "channel/" + id + "/url" }
func secretName(id string) string { return "channel/" + id + "/secret" }

// newSecrets returns by name what changes of the secrets of a channel.
func newSecrets(id string, s Secrets, nobody bool) map[string]string {
	secrets := make(map[string]string)
	if s.URL != "" {
		secrets[urlName(id)] = s.URL
	}
	switch {
	case nobody:
		secrets[secretName(id)] = ""
	case s.Secret != "":
		secrets[secretName(id)] = s.Secret
	}
	return secrets
}

// moved reports whether a changed channel would show its secret to somebody else, or
// less guarded.
func moved(old, c *Channel) bool {
	if old.Mail != nil && c.Mail != nil {
		return old.Mail.Server != c.Mail.Server || old.Mail.User != c.Mail.User || old.Mail.Security != c.Mail.Security
	}
	return old.Host != c.Host
}

// errLost is told of a message whose channel has a secret that cannot be read. The
// message is tried again: the secret may be given, or its key put back, in time.
var errLost = errors.New("the address, key or password of the channel must be given again: the key file that it was sealed with is gone")

// secretsOf returns what a message is sent with. Errors: errLost.
func (n *Notifier) secretsOf(ctx context.Context, id string) (s Secrets, err error) {
	if s.URL, err = n.secrets.Secret(ctx, urlName(id)); err == nil {
		s.Secret, err = n.secrets.Secret(ctx, secretName(id))
	}
	if errors.Is(err, store.ErrSealed) {
		return Secrets{}, errLost
	}
	return s, err
}

// reload reads the channels that messages go to.
func (n *Notifier) reload(ctx context.Context) error {
	settings, err := n.records.ListSettings(ctx, Section)
	if err != nil {
		return err
	}
	channels := make(map[string]Channel, len(settings))
	for id, s := range settings {
		c, err := decodeChannel(s.Value)
		if err != nil {
			n.opts.Log.Error("channel cannot be read and is left out", "channel", id, "error", err)
			continue
		}
		channels[id] = c
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.channels = channels
	return nil
}

// Try sends a test at once. Its error is why it did not arrive, in words that are fit
// for the person who asked, or store.ErrNotFound.
func (n *Notifier) Try(ctx context.Context, id string) error {
	k, err := n.Channel(ctx, id)
	if err != nil {
		return err
	}
	m := compose(&k.Channel, Tried, store.Alert{}, n.opts.Zone)
	m.id, m.payload = "test-"+uuid.NewString(), []byte("null")
	err = n.deliver(ctx, id, &k.Channel, &m)
	outcome := outcomeTested
	if err != nil {
		outcome = outcomeTestFailed
	}
	n.metrics.outcomes.WithLabelValues(outcome).Inc()
	return err
}

// SendAgain gives a dead message all its attempts again. Errors: store.ErrNotFound,
// also for one that is not dead.
func (n *Notifier) SendAgain(ctx context.Context, id int64) (store.Delivery, error) {
	found, err := n.records.FindDeliveries(ctx, store.DeliveryQuery{State: store.DeliveryDead, Before: id + 1, Limit: 1})
	if err != nil {
		return store.Delivery{}, err
	}
	if len(found) == 0 || found[0].ID != id {
		return store.Delivery{}, fmt.Errorf("dead message %d: %w", id, store.ErrNotFound)
	}
	d := found[0]
	d.State, d.Attempts, d.Next, d.EndedAt = store.DeliveryWaiting, 0, n.opts.Now(), time.Time{}
	if err := n.records.SaveAttempt(ctx, d); err != nil {
		return store.Delivery{}, err
	}
	n.call()
	return d, nil
}

// Deliveries returns messages; see [store.Deliveries].
func (n *Notifier) Deliveries(ctx context.Context, q store.DeliveryQuery) ([]store.Delivery, error) {
	return n.records.FindDeliveries(ctx, q)
}
