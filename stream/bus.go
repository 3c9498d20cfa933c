package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options tune a Bus. The zero Options work for a nats: URL; an embedded bus
// needs Dir.
type Options struct {
	Dir             string        // folder of the embedded server's files
	JournalMaxBytes int64         // 0 means 32 GiB, on a smaller disk as much as it has; a full journal makes Append return ErrFull
	LogMaxAge       time.Duration // how long a Log keeps events; 0 means 90 days
	Replicas        int           // copies of each stream in a cluster; 0 means 1
	Logger          *slog.Logger  // nil means slog.Default()
}

// maxPayloadBytes bounds one journal entry on an embedded bus. On a cluster the
// servers' own max_payload counts.
const maxPayloadBytes = 8 << 20

// unlimitedStore is more than any disk has, and little enough for the server to add up.
const unlimitedStore = 1 << 60

// unusedMemory bounds streams in memory, of which there are none.
const unusedMemory = 1 << 30

// ErrFull says that the journal has no room. It is backpressure: nothing was
// written, and the same batch may be appended again when there is room.
var ErrFull = errors.New("journal is full")

// Bus is a connection to JetStream, together with the server when that runs
// inside the process. It is safe for concurrent use.
type Bus struct {
	srv  *server.Server // nil when external
	conn *nats.Conn
	js   jetstream.JetStream
	opts Options
	log  *slog.Logger
}

// Open starts or joins the bus that url names: "embedded:" runs a NATS server in
// this process that listens nowhere, keeps its streams under opts.Dir and syncs
// every write to disk; "nats://host:4222,host:4222" connects to a cluster. Close
// must be called.
func Open(ctx context.Context, url string, opts Options) (*Bus, error) {
	if opts.JournalMaxBytes == 0 {
		opts.JournalMaxBytes = 32 << 30
	}
	if opts.LogMaxAge == 0 {
		opts.LogMaxAge = 90 * 24 * time.Hour
	}
	if opts.Replicas == 0 {
		opts.Replicas = 1
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	b := &Bus{opts: opts, log: opts.Logger.With("component", "stream")}
	if err := b.connect(ctx, url); err != nil {
		b.Close()
		return nil, fmt.Errorf("open bus %s: %w", redact(url), err)
	}
	return b, nil
}

func (b *Bus) connect(ctx context.Context, url string) error {
	connOpts := []nats.Option{nats.Name("urbangrid"), nats.MaxReconnects(-1)}
	switch {
	case strings.HasPrefix(url, "embedded:"):
		srv, err := startServer(ctx, b.opts.Dir, b.log)
		if err != nil {
			return err
		}
		b.srv = srv
		connOpts = append(connOpts, nats.InProcessServer(srv))
		url = ""
	case strings.HasPrefix(url, "nats://"), strings.HasPrefix(url, "tls://"):
	default:
		return errors.New("journal must be embedded: or nats://host:port[,…]")
	}
	conn, err := nats.Connect(url, connOpts...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	b.conn = conn
	b.js, err = jetstream.New(conn)
	return err
}

func startServer(ctx context.Context, dir string, log *slog.Logger) (*server.Server, error) {
	if dir == "" {
		return nil, errors.New("an embedded journal needs a folder")
	}
	srv, err := server.NewServer(&server.Options{
		ServerName: "urbangrid",
		DontListen: true,
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: true,
		NoSigs:     true,
		MaxPayload: maxPayloadBytes,
		// The streams have their own limits, and a full disk is told when it is full. The
		// server's default, three quarters of what is free now, would keep a journal that
		// has grown, or one on a small disk, from being opened again.
		JetStreamMaxStore:  unlimitedStore,
		JetStreamMaxMemory: unusedMemory, // without it the server reckons both by itself
	})
	if err != nil {
		return nil, fmt.Errorf("configure embedded server: %w", err)
	}
	srv.SetLoggerV2(serverLog{log}, false, false, false)
	srv.Start()
	// Recovery reads the files, so a large journal takes its time.
	wait := 2 * time.Minute
	if deadline, ok := ctx.Deadline(); ok {
		wait = time.Until(deadline)
	}
	if !srv.ReadyForConnections(wait) {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("embedded server not ready after %s", wait)
	}
	if !srv.JetStreamEnabled() {
		srv.Shutdown()
		srv.WaitForShutdown()
		return nil, fmt.Errorf("embedded server could not open its streams under %s", dir)
	}
	return srv, nil
}

// Ping returns nil when the bus answers.
func (b *Bus) Ping(ctx context.Context) error {
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("ping bus: %w", err)
	}
	return nil
}

// Close ends the connection and, when it runs in this process, the server.
func (b *Bus) Close() {
	if b.conn != nil {
		b.conn.Close()
	}
	if b.srv != nil {
		b.srv.Shutdown()
		b.srv.WaitForShutdown()
	}
}

// epochKey is the stream metadata that tells a stream from another one of the
// same name made later.
const epochKey = "urbangrid.epoch"

// open finds or makes the stream, and returns it with its epoch.
func (b *Bus) open(ctx context.Context, cfg jetstream.StreamConfig) (jetstream.Stream, string, error) {
	s, err := b.js.Stream(ctx, cfg.Name)
	switch {
	case err == nil:
		epoch := s.CachedInfo().Config.Metadata[epochKey]
		cfg.Metadata = map[string]string{epochKey: epoch}
		if s, err = b.js.UpdateStream(ctx, cfg); err != nil {
			return nil, "", fmt.Errorf("update stream %s: %w", cfg.Name, err)
		}
		return s, epoch, nil
	case !errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, "", fmt.Errorf("look up stream %s: %w", cfg.Name, err)
	}
	epoch := nats.NewInbox()[len(nats.InboxPrefix):]
	cfg.Metadata = map[string]string{epochKey: epoch}
	if s, err = b.js.CreateStream(ctx, cfg); err != nil {
		return nil, "", fmt.Errorf("create stream %s: %w", cfg.Name, err)
	}
	return s, epoch, nil
}

// redact takes user information out of a list of URLs.
func redact(urls string) string {
	parts := strings.Split(urls, ",")
	for i, u := range parts {
		if scheme, rest, ok := strings.Cut(u, "://"); ok {
			if _, host, ok := strings.Cut(rest, "@"); ok {
				parts[i] = scheme + "://" + host
			}
		}
	}
	return strings.Join(parts, ",")
}

// serverLog gives the embedded server's log lines to slog, two levels quieter:
// its notices are of no interest to an operator.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(format string, v ...any) {
	l.log.Debug("nats", "text", fmt.Sprintf(format, v...))
}
func (l serverLog) Warnf(format string, v ...any) {
	l.log.Warn("nats", "text", fmt.Sprintf(format, v...))
}
func (l serverLog) Errorf(format string, v ...any) {
	l.log.Error("nats", "text", fmt.Sprintf(format, v...))
}
func (l serverLog) Fatalf(format string, v ...any) {
	l.log.Error("nats", "text", fmt.Sprintf(format, v...))
}
func (l serverLog) Debugf(string, ...any) {}
func (l serverLog) Tracef(string, ...any) {}
