package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/dashboard/live/liveclient"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/internal/mqttraw"
)

// measurement is one line of the output. Names are stable: others compare them
// from run to run.
type measurement struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	Note  string  `json:"note,omitempty"`
}

type benchOptions struct {
	seconds     time.Duration
	connections int
	window      int
	devices     int
	alerts      int
	profile     string
}

func newBenchCommand() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure what this machine carries",
		Long: `Measures on this machine, in temporary folders and on loopback alone: how many
QoS 1 messages a second the broker acknowledges when they are thrown away, how
many when everything runs, and how long it takes from PUBLISH to the alert in a
browser. Prints one JSON object a line, and a table after it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return bench(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.seconds, "for", 15*time.Second, "how long each load lasts")
	f.IntVar(&o.connections, "connections", 8, "connections of the load")
	f.IntVar(&o.window, "window", 1000, "messages in flight on each connection")
	f.IntVar(&o.devices, "devices", 4000, "devices that the messages come from")
	f.IntVar(&o.alerts, "alerts", 200, "alerts whose way is timed")
	f.StringVar(&o.profile, "cpu-profile", "", "write a CPU profile of the load with everything running to this file")
	return cmd
}

func bench(ctx context.Context, out, progress io.Writer, o benchOptions) error {
	var all []measurement
	report := func(m measurement) {
		all = append(all, m)
		b, _ := json.Marshal(m) // a flat struct of strings and a finite number
		fmt.Fprintf(out, "%s\n", b)
	}
	for _, b := range []func(context.Context, io.Writer, benchOptions, func(measurement)) error{benchIngest, benchAlerts} {
		if err := b(ctx, progress, o, report); err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\nname\tvalue\tunit\tnote\n")
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.Name, strconv.FormatFloat(m.Value, 'f', -1, 64), m.Unit, m.Note)
	}
	return w.Flush()
}

// discard is an intake that throws everything away, at once.
type discard struct{}

func (discard) Accepts(topic string) bool { return strings.HasSuffix(topic, "/obs") }

func (discard) Submit(msg ingest.Message) {
	if msg.Source != nil {
		msg.Source.Committed(msg.Token)
	}
}

// refuse is an intake that wants nothing, so that the broker acknowledges by
// itself and finds no subscriber.
type refuse struct{}

func (refuse) Accepts(string) bool   { return false }
func (refuse) Submit(ingest.Message) {}

// benchIngest measures the acknowledged rate of a broker that discards, before
// and after that of a server that does everything.
func benchIngest(ctx context.Context, progress io.Writer, o benchOptions, report func(measurement)) error {
	var discarded []float64
	measureDiscard := func(in broker.Intake) error {
		b, err := broker.Listen(ctx, "127.0.0.1:0", in, broker.Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		defer b.Close() //nolint:errcheck // nothing is lost with it
		res, err := o.load(b.Addr(), o.seconds/3).Run(ctx)
		discarded = append(discarded, res.PerSecond())
		return err
	}
	fmt.Fprintln(progress, "measuring the broker alone")
	for _, in := range []broker.Intake{refuse{}, discard{}} {
		if err := measureDiscard(in); err != nil {
			return fmt.Errorf("discard: %w", err)
		}
	}
	full, stored, err := benchFull(ctx, progress, o)
	if err != nil {
		return fmt.Errorf("full: %w", err)
	}
	for _, in := range []broker.Intake{refuse{}, discard{}} {
		if err := measureDiscard(in); err != nil {
			return fmt.Errorf("discard: %w", err)
		}
	}
	own, hook := (discarded[0]+discarded[2])/2, (discarded[1]+discarded[3])/2
	report(measurement{"ingest.qos1.discard", round(own, 0), "msg/s", fmt.Sprintf("the broker throws away and acknowledges by itself; %d connections, %d in flight each", o.connections, o.window)})
	report(measurement{"ingest.qos1.hook", round(hook, 0), "msg/s", "thrown away behind the hook, acknowledged by it, many at once"})
	report(measurement{"ingest.qos1.full", round(full, 0), "msg/s", "acknowledged while everything runs"})
	report(measurement{"ingest.qos1.ratio", round(full/own, 3), "1", "full over discard"})
	report(measurement{"ingest.qos1.stored", round(stored, 0), "obs/s", "until the last observation is in the series store and judged"})
	return nil
}

func round(v float64, digits int) float64 {
	s, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', digits, 64), 64) // what was formatted parses
	return s
}

// load is o.connections connections that publish as fast as acknowledged.
func (o benchOptions) load(addr string, d time.Duration) mqttraw.Load {
	return mqttraw.Load{Addr: addr, Connections: o.connections, Window: o.window, Duration: d, Message: o.message()}
}

// message gives the messages of a load: each connection speaks for its share of
// the devices, which stand still in the demo district.
func (o benchOptions) message() func(conn, n int, buf []byte) (string, []byte) {
	share := max(o.devices/o.connections, 1)
	topics := make([]string, share*o.connections)
	heads := make([][]byte, len(topics))
	for i := range topics {
		topics[i] = fmt.Sprintf("urbangrid/v1/bench-%05d/obs", i)
		lat, lon := 31.235+float64(i%71)*0.0006, 121.375+float64(i/71%71)*0.0006
		heads[i] = fmt.Appendf(nil, `{"kind":"noise","value":%.1f,"lat":%.4f,"lon":%.4f,"time":`, 50+float64(i%100)/10, lat, lon)
	}
	last := make([]int64, len(topics)) // each connection has its own devices
	return func(conn, n int, buf []byte) (string, []byte) {
		i := conn*share + n%share
		last[i] = max(time.Now().UnixMilli(), last[i]+1) // the same millisecond again would be a duplicate
		buf = append(buf[:0], heads[i]...)
		buf = strconv.AppendInt(buf, last[i], 10)
		return topics[i], append(buf, '}')
	}
}

// benchServer is a whole server in a temporary folder.
type benchServer struct {
	*server
	stop func() error
}

func startBenchServer(ctx context.Context) (*benchServer, error) {
	dir, err := os.MkdirTemp("", "urbangrid-bench-")
	if err != nil {
		return nil, err
	}
	cfg, err := defaultConfig()
	if err != nil {
		return nil, err
	}
	cfg.Data, cfg.HTTP, cfg.Broker = dir, "127.0.0.1:0", "embedded://127.0.0.1:0"
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := openServer(ctx, cfg, log, io.Discard)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	ready := make(chan struct{})
	go func() { ended <- s.run(ctx, func() { close(ready) }) }()
	<-ready
	return &benchServer{s, func() error {
		cancel()
		return errors.Join(<-ended, s.close(), os.RemoveAll(dir))
	}}, nil
}

func benchFull(ctx context.Context, progress io.Writer, o benchOptions) (acked, stored float64, err error) {
	fmt.Fprintln(progress, "measuring with everything running")
	s, err := startBenchServer(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	stopProfile, err := profileCPU(o.profile)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	res, err := o.load(s.broker.Addr(), o.seconds).Run(ctx)
	if err := errors.Join(err, stopProfile()); err != nil {
		return 0, 0, err
	}
	if err := s.drained(ctx); err != nil {
		return 0, 0, err
	}
	total := time.Since(began)
	counts, err := s.series.Counts(ctx, began.Add(-time.Minute), time.Now().Add(time.Minute))
	if err != nil {
		return 0, 0, err
	}
	if got := counts["noise"]; got != res.Acked {
		return 0, 0, fmt.Errorf("%d messages were acknowledged, %d are in the store", res.Acked, got)
	}
	commits, err := s.commits()
	if err != nil {
		return 0, 0, err
	}
	fmt.Fprintln(progress, commits)
	return res.PerSecond(), float64(res.Acked) / total.Seconds(), nil
}

// commits says how large the journal's commits were and how long they took.
func (s *server) commits() (string, error) {
	families, err := s.reg.Gather()
	if err != nil {
		return "", err
	}
	mean := map[string]float64{}
	var n uint64
	for _, f := range families {
		if h := f.GetMetric()[0].GetHistogram(); h != nil && h.GetSampleCount() > 0 {
			mean[f.GetName()] = h.GetSampleSum() / float64(h.GetSampleCount())
			if f.GetName() == "urbangrid_ingest_commit_seconds" {
				n = h.GetSampleCount()
			}
		}
	}
	return fmt.Sprintf("%d commits of %.0f observations, %.1f ms each", n,
		mean["urbangrid_ingest_commit_observations"], 1000*mean["urbangrid_ingest_commit_seconds"]), nil
}

// profileCPU writes a CPU profile to path until stop is called; "" is none.
func profileCPU(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error { pprof.StopCPUProfile(); return f.Close() }, nil
}

// drained waits until every stage has come to the end of the journal.
func (s *server) drained(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		p, err := s.progress(ctx)
		if err != nil {
			return err
		}
		if min(p.RecordedSeq, p.QuarantinedSeq, p.JudgedSeq) >= p.JournalSeq {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const latencyRate = 5000 // observations a second beside the timed alerts

// benchAlerts measures from PUBLISH to the alert's frame in a WebSocket client
// while latencyRate observations a second go through everything.
func benchAlerts(ctx context.Context, progress io.Writer, o benchOptions, report func(measurement)) (err error) {
	fmt.Fprintf(progress, "measuring alerts at %d observations/s\n", latencyRate)
	s, err := startBenchServer(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	browser, err := liveclient.Dial(ctx, "http://"+s.http.Addr().String())
	if err != nil {
		return err
	}
	defer browser.Close() //nolint:errcheck // it was only read
	if err := browser.Subscribe(1, "alerts"); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	defer background.Wait()
	defer cancel()
	load := o.load(s.broker.Addr(), 10*time.Minute)
	load.Rate = latencyRate
	background.Go(func() { _, _ = load.Run(ctx) }) // it ends by cancel, with an error

	took, err := timeAlerts(ctx, s, browser, o.alerts)
	if err != nil {
		return err
	}
	slices.Sort(took)
	ms := func(q float64) float64 {
		return round(float64(took[min(int(q*float64(len(took))), len(took)-1)].Microseconds())/1000, 1)
	}
	note := fmt.Sprintf("PUBLISH to WebSocket frame, %d alerts at %d obs/s", len(took), latencyRate)
	report(measurement{"alert.latency.p50", ms(0.50), "ms", note})
	report(measurement{"alert.latency.p99", ms(0.99), "ms", note})
	report(measurement{"alert.latency.max", round(float64(took[len(took)-1].Microseconds())/1000, 1), "ms", note})
	return nil
}

// timeAlerts lets n manhole covers tilt, one after the other at uneven times,
// and returns how long each alert took.
func timeAlerts(ctx context.Context, s *benchServer, browser *liveclient.Client, n int) ([]time.Duration, error) {
	device, _, err := mqttraw.Dial(ctx, s.broker.Addr(), mqttraw.Options{ClientID: "tilt"})
	if err != nil {
		return nil, err
	}
	defer device.Close() //nolint:errcheck // nothing is left to lose
	arrived := make(chan error, 1)
	seen := map[string]time.Time{}
	go func() {
		for len(seen) < n {
			f, err := browser.Read()
			if err != nil {
				arrived <- err
				return
			}
			var a struct{ Device string }
			if f.T != "ev" || json.Unmarshal(f.Alert, &a) != nil || !strings.HasPrefix(a.Device, "tilt-") {
				continue
			}
			if _, known := seen[a.Device]; !known {
				seen[a.Device] = time.Now()
			}
		}
		arrived <- nil
	}()
	sent := make([]time.Time, n)
	warmUp := time.After(3 * time.Second)
	for i := range sent {
		select {
		case <-warmUp:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		warmUp = time.After(time.Duration(20+i*7%53) * time.Millisecond)
		sent[i] = time.Now()
		device.Publish(fmt.Sprintf("urbangrid/v1/tilt-%04d/obs", i),
			fmt.Appendf(nil, `{"kind":"manhole_tilt","value":%d,"lat":31.2498,"lon":121.3955}`, 20+i%20), 1, uint16(i+1), false)
		if err := device.Flush(); err != nil {
			return nil, err
		}
	}
	select {
	case err := <-arrived:
		if err != nil {
			return nil, err
		}
	case <-time.After(30 * time.Second):
		return nil, fmt.Errorf("not every one of %d alerts arrived within 30 s", n)
	}
	took := make([]time.Duration, n)
	for i := range sent {
		took[i] = seen[fmt.Sprintf("tilt-%04d", i)].Sub(sent[i])
	}
	return took, nil
}
