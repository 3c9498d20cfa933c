// Package mqtt reads observations from an MQTT broker that others run. A
// message is acknowledged after its commit; what is not acknowledged the broker
// keeps and sends again.
package mqtt

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/ingest"
)

// ErrNotConnected is returned by Publish and Ping while no connection to the
// broker is up. The Source goes on trying by itself.
var ErrNotConnected = errors.New("not connected to the broker")

// Intake is what messages are handed to; see ingest.Intake.
type Intake interface {
	Accepts(topic string) bool
	Submit(msg ingest.Message)
}

// Options tune a Source. The zero Options work for a broker without credentials
// whose URL names topics.
type Options struct {
	Filters []string // topic filters of the formats; those of the URL are added
	// Ordered are filters, beside Filters, of messages that must be handed to the
	// Intake in the order in which they were published: with a group, the first
	// connection of instance 0 reads them and no other does. See [sensors.Ordered].
	Ordered []string

	Username     string
	Password     string
	PasswordFile string // read at each connection; wins over Password

	CAFile     string // PEM; "" means the system's roots
	CertFile   string // PEM, presented to the broker; "" means none
	KeyFile    string
	ServerName string // that the broker's certificate must have; "" means the URL's host

	// Window is how many messages of one connection may wait for their commit; 0
	// means 1,024. Nothing more is read from a connection whose window is full.
	Window int

	KeepAlive      time.Duration // longest silence on a connection; 0 means 30 s
	ConnectTimeout time.Duration // of one attempt; 0 means 10 s
	MaxBackoff     time.Duration // longest wait between attempts; 0 means 15 s
	DrainTimeout   time.Duration // how long the end waits for commits under way; 0 means 5 s

	Logger     *slog.Logger // nil means slog.Default()
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	if o.Window == 0 {
		o.Window = 1024
	}
	o.KeepAlive = orDefault(o.KeepAlive, 30*time.Second)
	o.ConnectTimeout = orDefault(o.ConnectTimeout, 10*time.Second)
	o.MaxBackoff = orDefault(o.MaxBackoff, 15*time.Second)
	o.DrainTimeout = orDefault(o.DrainTimeout, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Registerer == nil {
		o.Registerer = prometheus.NewRegistry()
	}
	return o
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// Source reads from one broker over one or more connections. Its methods are
// safe for concurrent use.
type Source struct {
	target target
	plan   plan
	tls    *tls.Config // nil without TLS
	intake Intake
	opts   Options
	log    *slog.Logger
	m      *metrics
	clock  ingest.Clock // of receipt, of all connections
	conns  []*connection

	commands chan command
	workers  sync.WaitGroup // goroutines that may be inside of Submit
}

// Open reads the files that the options name and prepares a Source; it does not
// connect, so that a broker that is down delays nobody. The URL is
//
//	mqtt[s]://[user@]host[:port]?group=NAME&connections=N&instance=N&qos=1&topics=F,F
//	ws[s]://…/path
//
// With a group the connections share the subscription, but for Options.Ordered;
// without one there is only one connection. The error never contains credentials.
func Open(_ context.Context, url string, intake Intake, opts Options) (*Source, error) {
	opts = opts.withDefaults()
	t, err := parse(url)
	if err != nil {
		return nil, err
	}
	if opts.Username == "" {
		opts.Username = t.user
	}
	if opts.Window < 1 {
		return nil, fmt.Errorf("window of %d messages is not positive", opts.Window)
	}
	s := &Source{target: t, intake: intake, opts: opts,
		log:      opts.Logger.With("component", "mqtt", "broker", t.host),
		commands: make(chan command, maxCommands)}
	filters := slices.Concat(opts.Filters, t.topics)
	if slices.Contains(filters, "") || slices.Contains(opts.Ordered, "") {
		return nil, errors.New("a topic filter is empty")
	}
	s.plan = newPlan(filters, opts.Ordered)
	switch {
	case len(s.plan.shared)+len(s.plan.ordered) == 0:
		return nil, errors.New("no topics to read: neither the formats nor the broker URL name any")
	case t.instance > 0 && len(s.plan.shared) == 0:
		return nil, fmt.Errorf("no topics to read: all of them need their order kept and are read by instance 0 of group %q alone, this is instance %d", t.group, t.instance)
	}
	if t.instance > 0 && len(s.plan.ordered) > 0 {
		s.log.Info("topics that need their order kept are left to instance 0", "filters", s.plan.ordered)
	}
	if s.tls, err = tlsConfig(t, opts); err != nil {
		return nil, err
	}
	if _, err := s.password(); err != nil {
		return nil, err
	}
	s.m = newMetrics(opts.Registerer, s)
	for i := range t.connections {
		c := newConnection(s, t.clientID(i))
		c.reads, c.leaves = s.plan.shared, s.plan.ordered
		if i == 0 && t.instance == 0 {
			c.reads, c.leaves = slices.Concat(s.plan.shared, s.plan.ordered), nil
		}
		// What is covered by another filter may be in a session from before.
		for _, f := range slices.Concat(filters, opts.Ordered) {
			if !slices.Contains(c.reads, f) && !slices.Contains(c.leaves, f) {
				c.leaves = append(slices.Clip(c.leaves), f)
			}
		}
		s.conns = append(s.conns, c)
	}
	return s, nil
}

// Run reads until ctx ends. It then reads nothing new, waits up to DrainTimeout
// for the commits under way and their acknowledgements, and says goodbye to the
// broker, which keeps what comes later for the next start. It returns nil.
// The Intake should end after it.
func (s *Source) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { s.publishLoop(ctx) })
	for _, c := range s.conns {
		s.workers.Add(1)
		go func() {
			defer s.workers.Done()
			c.submitLoop()
		}()
		wg.Go(c.ackLoop)
		wg.Go(func() { c.run(ctx) })
	}
	wg.Wait()
	return nil
}

// Close returns when nothing of the Source is inside of the Intake any more. It
// is called after Run has returned and the Intake has ended: a submission that
// waits for room ends with the Intake only.
func (s *Source) Close() error {
	s.workers.Wait()
	return nil
}

// Health is the state of a Source's connections.
type Health struct {
	Connections int   // that there should be
	Connected   int   // that are up and subscribed
	LastError   error // why one of the others is not, nil when all are up
}

// Health tells how the connections are.
func (s *Source) Health() Health {
	h := Health{Connections: len(s.conns)}
	for _, c := range s.conns {
		up, err := c.state()
		if up {
			h.Connected++
		} else if err != nil {
			h.LastError = err
		}
	}
	return h
}

// Ping returns nil when every connection is up, for readiness; otherwise an
// error that wraps ErrNotConnected and says how many are not and why.
func (s *Source) Ping(context.Context) error {
	h := s.Health()
	if h.Connected == h.Connections {
		return nil
	}
	err := fmt.Errorf("%w %s: %d of %d connections are up", ErrNotConnected, s.target.host, h.Connected, h.Connections)
	if h.LastError != nil {
		err = fmt.Errorf("%w: %w", err, h.LastError)
	}
	return err
}

// command is a message to be published.
type command struct {
	topic   string
	payload []byte
}

const (
	maxCommands    = 1024
	publishTimeout = 5 * time.Second
)

// ErrBusy is returned by Publish when too many commands wait to be sent.
var ErrBusy = errors.New("too many commands wait to be sent")

// Publish queues a message, to be sent at QoS 1 while Run runs. It does not
// block. A nil error is no promise that it arrives: commands to devices are
// asked for again when they get lost, and nothing is kept for a later
// connection. payload must not be changed afterwards.
func (s *Source) Publish(topic string, payload []byte) error {
	if s.client() == nil {
		return fmt.Errorf("publish to %s: %w", topic, ErrNotConnected)
	}
	select {
	case s.commands <- command{topic, payload}:
		return nil
	default:
		return fmt.Errorf("publish to %s: %w", topic, ErrBusy)
	}
}

func (s *Source) client() paho.Client {
	for _, c := range s.conns {
		if client := c.client(); client != nil {
			return client
		}
	}
	return nil
}

// publishLoop sends commands one by one until ctx ends.
func (s *Source) publishLoop(ctx context.Context) {
	for {
		var cmd command
		select {
		case cmd = <-s.commands:
		case <-ctx.Done():
			return
		}
		client := s.client()
		if client == nil {
			s.m.commandsLost.Inc()
			continue
		}
		token := client.Publish(cmd.topic, 1, false, cmd.payload)
		t := time.NewTimer(publishTimeout)
		select {
		case <-token.Done():
			if token.Error() != nil {
				s.m.commandsLost.Inc()
			} else {
				s.m.published.Inc()
			}
		case <-t.C:
			s.m.commandsLost.Inc()
		case <-ctx.Done():
		}
		t.Stop()
	}
}
