package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/urbangrid/urbangrid/ingest"
)

// connection is one place in the group: one client id, and one network
// connection after the other. Messages go through it in order: paho's goroutine
// → arrived → submitLoop → Intake → Committed → due → ackLoop.
type connection struct {
	s      *Source
	id     string
	reads  []string // filters to subscribe to, without $share
	leaves []string // filters of the Source that the session may have and should not
	window *window
	// arrived holds a full window and what the library has read beyond it.
	arrived chan paho.Message
	stop    chan struct{} // closed when nothing more is submitted or acknowledged

	mu      sync.Mutex // guards what follows
	up      paho.Client
	err     error                   // why it is not up
	pending map[uint64]paho.Message // by token, submitted and not committed
	token   uint64
	handed  handed
	due     []paho.Message // committed and not acknowledged
	wake    chan struct{}  // holds one token while due is not empty
}

// readAhead is more than the library holds between the socket and the handler.
const readAhead = 16

var _ ingest.Source = (*connection)(nil)

func newConnection(s *Source, id string) *connection {
	return &connection{
		s: s, id: id,
		window:  &window{max: s.opts.Window},
		arrived: make(chan paho.Message, s.opts.Window+readAhead),
		stop:    make(chan struct{}),
		pending: map[uint64]paho.Message{},
		handed:  handed{},
		wake:    make(chan struct{}, 1),
	}
}

// run connects again and again until ctx ends.
func (c *connection) run(ctx context.Context) {
	defer close(c.stop)
	wait := initialBackoff
	for {
		began := time.Now()
		err := c.session(ctx)
		c.set(nil, err)
		if ctx.Err() != nil {
			return
		}
		c.s.m.lost.Inc()
		c.s.log.Warn("broker connection lost, connecting again", "client", c.id, "error", err, "wait_seconds", wait.Seconds())
		if time.Since(began) > c.s.opts.MaxBackoff {
			wait = initialBackoff
		}
		// Connections that were lost together do not come back together.
		t := time.NewTimer(wait/2 + rand.N(wait/2)) //nolint:gosec // spread, not secrecy
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		wait = min(2*wait, c.s.opts.MaxBackoff)
	}
}

const initialBackoff = 100 * time.Millisecond

// session is the life of one network connection. It returns why it ended, which
// after the end of ctx is of no interest.
func (c *connection) session(ctx context.Context) error {
	lost := make(chan error, 1)
	opened := make(chan net.Conn, 1)
	opts, err := c.clientOptions(ctx, opened, lost)
	if err != nil {
		return err
	}
	client := paho.NewClient(opts)
	token := client.Connect()
	select {
	case <-token.Done():
	case <-ctx.Done():
		select { // a handshake under way does not know ctx
		case conn := <-opened:
			_ = conn.Close() // that is the purpose
		case <-token.Done():
		}
		<-token.Done()
	}
	if token.Error() != nil {
		return fmt.Errorf("connect to broker: %w", token.Error())
	}
	defer client.Disconnect(disconnectQuiesceMillis)
	kept := token.(*paho.ConnectToken).SessionPresent()
	if !kept {
		c.forget()
	}
	if err := c.subscribe(ctx, client, lost); err != nil {
		return err
	}
	c.set(client, nil)
	c.s.log.Info("broker connected", "client", c.id, "session_kept", kept)
	select {
	case err := <-lost:
		return err
	case <-ctx.Done():
		c.set(nil, nil)
		c.drain()
		return nil
	}
}

const disconnectQuiesceMillis = 250

func (c *connection) clientOptions(ctx context.Context, opened chan<- net.Conn, lost chan<- error) (*paho.ClientOptions, error) {
	password, err := c.s.password()
	if err != nil {
		return nil, err
	}
	t := c.s.target
	return paho.NewClientOptions().
		AddBroker(t.scheme + "://" + t.host + t.path).
		SetProtocolVersion(4).
		SetClientID(c.id).
		SetCleanSession(false).
		SetUsername(c.s.opts.Username).
		SetPassword(password).
		SetConnectTimeout(c.s.opts.ConnectTimeout).
		SetKeepAlive(c.s.opts.KeepAlive).
		SetPingTimeout(24 * time.Hour). // gated judges silence: it knows when it does not read
		SetAutoReconnect(false).        // run does it, and tells why
		SetConnectRetry(false).
		SetAutoAckDisabled(true).
		SetOrderMatters(true). // receive does not block, so order costs nothing
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { c.receive(ctx, m) }).
		SetConnectionLostHandler(func(_ paho.Client, err error) {
			select {
			case lost <- err:
			default: // the first reason is enough
			}
		}).
		SetCustomOpenConnectionFn(func(u *url.URL, _ paho.ClientOptions) (net.Conn, error) {
			conn, err := c.dial(ctx, u)
			if err == nil {
				opened <- conn
			}
			return conn, err
		}), nil
}

func (c *connection) dial(ctx context.Context, u *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.s.opts.ConnectTimeout)
	defer cancel()
	var conn net.Conn
	var err error
	switch c.s.target.scheme {
	case "ws", "wss":
		conn, err = paho.NewWebsocket(u.String(), c.s.tls, c.s.opts.ConnectTimeout, nil, nil)
	case "mqtts":
		conn, err = (&tls.Dialer{Config: c.s.tls}).DialContext(ctx, "tcp", u.Host)
	default:
		conn, err = new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	}
	if err != nil {
		return nil, err
	}
	return newGated(conn, c.window, c.s.opts.KeepAlive), nil
}

// subscribe asks at every connection, also when the broker has kept the session:
// one that was restored from an old copy may lack the subscription, and one of an
// earlier configuration may have subscriptions that are left to another connection.
func (c *connection) subscribe(ctx context.Context, client paho.Client, lost <-chan error) error {
	if len(c.leaves) > 0 {
		var leaves []string
		for _, f := range c.leaves {
			leaves = append(leaves, c.s.target.shared(f))
		}
		if err := await(ctx, client.Unsubscribe(leaves...), lost); err != nil {
			return fmt.Errorf("unsubscribe: %w", err)
		}
	}
	if len(c.reads) == 0 {
		return nil
	}
	reads := map[string]byte{}
	for _, f := range c.reads {
		reads[c.s.target.shared(f)] = c.s.target.qos
	}
	token := client.SubscribeMultiple(reads, nil)
	if err := await(ctx, token, lost); err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for filter, granted := range token.(*paho.SubscribeToken).Result() {
		if granted > 2 {
			return fmt.Errorf("broker refuses the subscription of %s", filter)
		}
	}
	return nil
}

// await returns how the request went, or why there will be no answer.
func await(ctx context.Context, token paho.Token, lost <-chan error) error {
	select {
	case <-token.Done():
		return token.Error()
	case err := <-lost:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// drain waits for the commits under way.
func (c *connection) drain() {
	t := time.NewTimer(c.s.opts.DrainTimeout)
	defer t.Stop()
	drained := c.window.drained()
	if drained == nil {
		return
	}
	select {
	case <-drained:
	case <-t.C:
		c.s.log.Warn("stopping before everything was committed; the broker will send it again", "client", c.id, "messages", c.window.count())
	}
}

// receive is called by the library for each message, in order. It does not
// block: the window is never fuller than arrived can hold.
func (c *connection) receive(ctx context.Context, m paho.Message) {
	c.s.m.received.Inc()
	if m.Duplicate() {
		c.s.m.redelivered.Inc()
	}
	if ctx.Err() != nil {
		return // not acknowledged: the broker keeps it for the next start
	}
	c.window.take()
	select {
	case c.arrived <- m:
	case <-c.stop:
		c.window.release()
	}
}

// submitLoop hands messages to the Intake, which blocks while it is full.
func (c *connection) submitLoop() {
	for {
		var m paho.Message
		select {
		case m = <-c.arrived:
		case <-c.stop:
			return
		}
		if !c.s.intake.Accepts(m.Topic()) {
			c.s.m.ignored.Inc()
			c.acknowledge(m)
			continue
		}
		msg := ingest.Message{Topic: m.Topic(), Payload: m.Payload(),
			Received: c.s.clock.Now(), Lossy: m.Qos() == 0, QoS: int8(m.Qos())}
		if msg.Lossy {
			c.s.intake.Submit(msg)
			c.window.release()
			continue
		}
		if c.repeats(m) {
			continue
		}
		msg.Source, msg.Token = c, c.hold(m)
		c.s.intake.Submit(msg)
	}
}

// Committed puts the acknowledgement of a message on its way; see ingest.Source.
func (c *connection) Committed(token uint64) {
	c.mu.Lock()
	m, ok := c.pending[token]
	delete(c.pending, token)
	if ok && !c.s.plan.isOrdered(m.Topic()) {
		c.handed.release(m.MessageID(), token)
	}
	c.mu.Unlock()
	if ok {
		c.acknowledge(m)
	}
}

func (c *connection) acknowledge(m paho.Message) {
	c.mu.Lock()
	c.due = append(c.due, m)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default: // ackLoop has been told
	}
}

// ackLoop writes acknowledgements. One for a network connection that has ended
// goes nowhere: the broker sends the message again, ingest knows it, and the
// repetition is acknowledged.
func (c *connection) ackLoop() {
	var batch []paho.Message
	for {
		select {
		case <-c.wake:
		case <-c.stop:
			return
		}
		c.mu.Lock()
		batch, c.due = c.due, batch[:0]
		c.mu.Unlock()
		for _, m := range batch {
			m.Ack()
			c.s.m.acknowledged.Inc()
			c.window.release()
		}
		clear(batch)
	}
}

func (c *connection) set(up paho.Client, err error) {
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	c.mu.Lock()
	c.up, c.err = up, err
	c.mu.Unlock()
}

func (c *connection) state() (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up != nil, c.err
}

func (c *connection) client() paho.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.up
}
