// Package mqttpub publishes to an MQTT 3.1.1 broker with a bounded number of
// messages in flight and an exact count of what the broker has acknowledged.
package mqttpub

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

// ErrClosed is returned by Publish and Flush after Close. The message was not taken.
var ErrClosed = errors.New("publisher is closed")

// MaxWindow bounds Options.Window: packet identifiers have 16 bits.
const MaxWindow = 32_768

// Options tune a Publisher. The zero value works.
type Options struct {
	// Window is how many QoS 1 and 2 messages may wait for their
	// acknowledgement at once; 0 means 256.
	Window int
	// ClientID names the client, and asks the broker to keep its session over a
	// broken connection, so that QoS 2 stays exactly once. A session left by an
	// earlier process is discarded by Dial. "" means a random name without a
	// kept session; unacknowledged messages are then sent again as new ones.
	ClientID string
	// Username and Password are presented to the broker; "" means none. A user
	// name in the URL is used when Username is "".
	Username string
	Password string
	// TLS is used for mqtts:// URLs; nil means the system's roots.
	TLS *tls.Config
	// KeepAlive is the longest silence on the connection; 0 means 30s.
	KeepAlive time.Duration
	// ConnectTimeout bounds one attempt to connect; 0 means 10s.
	ConnectTimeout time.Duration
	// Log hears of lost and restored connections; nil means silence.
	Log *slog.Logger
}

// Publisher publishes over one connection, which it restores by itself.
// It is safe for concurrent use.
type Publisher struct {
	client  mqtt.Client
	ledger  *ledger
	slots   chan struct{} // one token for each message in flight
	closed  chan struct{}
	closing atomic.Bool
	broker  string // host and port, without credentials

	ackedQoS0  atomic.Int64
	dropped    atomic.Int64
	reconnects atomic.Int64
}

// Dial connects to the broker and returns when it has accepted the connection.
// brokerURL is mqtt://host[:1883], tcp://host[:1883] or mqtts://host[:8883]; it
// may carry a user name but no password. The error says what to look at and
// never contains credentials.
func Dial(ctx context.Context, brokerURL string, opts Options) (*Publisher, error) {
	target, err := parseBroker(brokerURL)
	if err != nil {
		return nil, err
	}
	if opts.Window == 0 {
		opts.Window = 256
	}
	if opts.Window < 1 || opts.Window > MaxWindow {
		return nil, fmt.Errorf("window of %d messages is not between 1 and %d", opts.Window, MaxWindow)
	}
	if opts.Username == "" {
		opts.Username = target.user
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	p := &Publisher{
		slots:  make(chan struct{}, opts.Window),
		closed: make(chan struct{}),
		broker: target.host,
	}
	p.ledger = newLedger(func() { <-p.slots })
	if opts.ClientID != "" {
		if err := discardSession(ctx, target, opts); err != nil {
			return nil, err
		}
	}
	p.client = mqtt.NewClient(p.clientOptions(target, opts))
	if err := connect(ctx, p.client, target.host); err != nil {
		return nil, err
	}
	return p, nil
}

func baseOptions(target broker, opts Options) *mqtt.ClientOptions {
	co := mqtt.NewClientOptions().
		AddBroker(target.url).
		SetProtocolVersion(4).
		SetClientID(opts.ClientID).
		SetUsername(opts.Username).
		SetPassword(opts.Password).
		SetOrderMatters(false).
		SetConnectTimeout(orDefault(opts.ConnectTimeout, 10*time.Second)).
		SetKeepAlive(orDefault(opts.KeepAlive, 30*time.Second))
	if opts.TLS != nil {
		co.SetTLSConfig(opts.TLS.Clone())
	}
	return co
}

func (p *Publisher) clientOptions(target broker, opts Options) *mqtt.ClientOptions {
	co := baseOptions(target, opts).
		SetCleanSession(opts.ClientID == "").
		SetStore(p.ledger).
		SetAutoReconnect(true).
		SetMaxReconnectInterval(5 * time.Second).
		// A message that paho gives up handing to a stalled connection stays in
		// the store and goes out with the next connection. The same timeout on
		// the socket makes sure that there is one.
		SetWriteTimeout(30 * time.Second)
	if opts.ClientID == "" {
		co.SetClientID(randomClientID())
	}
	log := opts.Log.With("component", "mqttpub", "broker", target.host)
	co.SetConnectionLostHandler(func(_ mqtt.Client, err error) {
		log.Warn("broker connection lost", "error", err, "unacknowledged", p.ledger.unacked())
	})
	var first atomic.Bool
	first.Store(true)
	co.SetOnConnectHandler(func(mqtt.Client) {
		if first.Swap(false) {
			return
		}
		p.reconnects.Add(1)
		log.Info("broker connection restored")
	})
	return co
}

// discardSession makes the broker forget what it knows under opts.ClientID.
// Packet identifiers start anew with this process, and one that the broker
// still holds from another would swallow a QoS 2 message.
func discardSession(ctx context.Context, target broker, opts Options) error {
	client := mqtt.NewClient(baseOptions(target, opts).SetCleanSession(true).SetAutoReconnect(false))
	if err := connect(ctx, client, target.host); err != nil {
		return err
	}
	client.Disconnect(250)
	return nil
}

func connect(ctx context.Context, client mqtt.Client, host string) error {
	token := client.Connect()
	select {
	case <-token.Done():
		if err := token.Error(); err != nil {
			return fmt.Errorf("connect to MQTT broker %s: %w", host, err)
		}
		return nil
	case <-ctx.Done():
		client.Disconnect(0)
		return fmt.Errorf("connect to MQTT broker %s: %w", host, ctx.Err())
	}
}

// Publish hands one message to the connection and returns without waiting for
// its acknowledgement. It blocks while the window is full, and while the
// connection does not take in what is written to it: that is how the broker's
// backpressure arrives. While the connection is down, messages of QoS 1 and 2
// fill the window and are sent after it is back; those of QoS 0 are dropped and
// counted. A nil error for QoS 1 or 2 means that the message is sent until the
// broker has acknowledged it or the Publisher is closed. payload must not be
// changed afterwards.
func (p *Publisher) Publish(ctx context.Context, topic string, qos byte, payload []byte) error {
	if qos > 2 {
		return fmt.Errorf("publish to %s: QoS %d does not exist", topic, qos)
	}
	if p.closing.Load() {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if qos == 0 {
		return p.publishUnacknowledged(ctx, topic, payload)
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closed:
		return ErrClosed
	}
	token, ok := p.client.Publish(topic, qos, false, payload).(*mqtt.PublishToken)
	if !ok || token.MessageID() == 0 { // without an identifier it never reached the ledger
		<-p.slots
		if ok && token.Error() != nil {
			return fmt.Errorf("publish to %s: %w", topic, token.Error())
		}
		return fmt.Errorf("publish to %s: the client did not take the message", topic)
	}
	return nil
}

func (p *Publisher) publishUnacknowledged(ctx context.Context, topic string, payload []byte) error {
	if !p.client.IsConnectionOpen() {
		p.dropped.Add(1)
		return nil
	}
	token := p.client.Publish(topic, 0, false, payload)
	select {
	case <-token.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	if token.Error() != nil {
		p.dropped.Add(1) // the connection broke: QoS 0 promises nothing more
		return nil
	}
	p.ackedQoS0.Add(1)
	return nil
}

// Acked returns how many messages are done: acknowledged by the broker, or
// written to the connection when they were of QoS 0.
func (p *Publisher) Acked() int64 { return p.ledger.ackedCount() + p.ackedQoS0.Load() }

// Unacked returns how many messages wait for their acknowledgement now.
func (p *Publisher) Unacked() int { return p.ledger.unacked() }

// Dropped returns how many QoS 0 messages fell to a broken connection.
func (p *Publisher) Dropped() int64 { return p.dropped.Load() }

// Reconnects returns how often the connection was restored.
func (p *Publisher) Reconnects() int64 { return p.reconnects.Load() }

// Broker returns the broker's host and port.
func (p *Publisher) Broker() string { return p.broker }

// Flush returns when everything published before the call has been
// acknowledged, or with the context's error and how much is still missing.
// While others go on publishing it may wait for their messages too.
func (p *Publisher) Flush(ctx context.Context) error {
	if p.closing.Load() {
		return ErrClosed
	}
	if err := p.ledger.waitEmpty(ctx); err != nil {
		return fmt.Errorf("wait for %d acknowledgements from %s: %w", p.ledger.unacked(), p.broker, err)
	}
	return nil
}

// Close says goodbye to the broker and gives up what is not acknowledged; call
// Flush first. It may be called more than once.
func (p *Publisher) Close() error {
	if p.closing.Swap(true) {
		return nil
	}
	close(p.closed)
	p.client.Disconnect(250)
	if n := p.ledger.unacked(); n > 0 {
		return fmt.Errorf("close connection to %s: %d messages were not acknowledged", p.broker, n)
	}
	return nil
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// randomClientID has 23 bytes, which every broker must accept.
func randomClientID() string {
	var b [7]byte
	rand.Read(b[:]) // never fails
	return "urbangrid" + hex.EncodeToString(b[:])
}
