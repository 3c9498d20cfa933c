package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/dashboard/web"
)

func newServeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs everything in one process on one folder: MQTT broker, journal, time series,
records, detectors, HTTP API and page. Each setting works as a flag, from the
environment (URBANGRID_HTTP, URBANGRID_LOG_LEVEL, ...) and from the file given
with --config; flags win over the environment, the environment over the file.
Port 0 takes any free port; the chosen addresses are printed.

There are no user accounts yet: whoever reaches the addresses may publish and
look. By default they are those of this machine alone.`,
		Example: "  urbangrid serve --demo\n  urbangrid serve --data /var/lib/urbangrid --series 'influx+http://influx:8086?org=putuo&bucket=urbangrid'",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := readConfig(cmd.Flags(), os.Environ())
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return serve(ctx, cfg, cmd.OutOrStdout(), newLogger(cfg, cmd.ErrOrStderr()))
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

func newLogger(cfg config, w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.LogLevel)); err != nil {
		level = slog.LevelInfo // check has refused anything else
	}
	opts := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// serve runs a server until ctx ends or a stage of it fails.
func serve(ctx context.Context, cfg config, out io.Writer, log *slog.Logger) (err error) {
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return err
	}
	defer unlock()
	s, err := openServer(ctx, cfg, log, out)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w (is another server running? choose other addresses with --http and --mqtt)", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return s.run(ctx, func() { announce(out, cfg, s) })
}

// lockData makes the folder, for its owner alone, and keeps a second server out of it.
func lockData(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	name := dir + "/lock"
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s is in use by another server: stop it, or choose another folder with --data", dir), f.Close())
	}
	return func() { _ = f.Close() }, nil // the lock goes with the file
}

// announce prints where to look. Programs read these lines too: a name, blanks,
// an address.
func announce(out io.Writer, cfg config, s *server) {
	var b strings.Builder
	if s.broker != nil {
		fmt.Fprintf(&b, "mqtt    mqtt://%s\n", s.broker.Addr())
		for _, more := range []struct{ scheme, addr string }{
			{"mqtts", s.broker.TLSAddr()}, {"ws", s.broker.WebSocketAddr()}, {"wss", s.broker.WebSocketTLSAddr()},
		} {
			if more.addr != "" {
				fmt.Fprintf(&b, "%-7s %s://%s\n", more.scheme, more.scheme, more.addr)
			}
		}
	} else {
		fmt.Fprintf(&b, "reads   %s\n", s.cfg.Broker)
	}
	fmt.Fprintf(&b, "http    http://%s\n", s.http.Addr())
	fmt.Fprintf(&b, "data    %s\n", cfg.Data)
	if _, built := web.Assets(); !built {
		fmt.Fprintf(&b, "page    not in this binary: build it with make build\n")
	}
	if cfg.Demo {
		fmt.Fprintf(&b, "\nDemo: a simulated district, without any password: open to everyone on this machine.\n")
	}
	open := []string{s.http.Addr().String()}
	if s.broker != nil && cfg.MQTTAuth == "anonymous" {
		open = append(open, s.broker.Addr(), s.broker.TLSAddr(), s.broker.WebSocketAddr(), s.broker.WebSocketTLSAddr())
	}
	for _, a := range open {
		if a != "" && !local(a) {
			fmt.Fprintf(&b, "\nWarning: %s can be reached from other machines, and nobody is asked who they are.\n", a)
		}
	}
	fmt.Fprintf(&b, "\nReady: open http://%s in a browser. Ctrl-C stops.\n", s.http.Addr())
	_, _ = io.WriteString(out, b.String()) // nobody to tell when the terminal is gone
}

// local reports whether addr is reached from this machine alone.
func local(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
