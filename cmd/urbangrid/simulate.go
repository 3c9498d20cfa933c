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
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/internal/mqttpub"
	"github.com/urbangrid/urbangrid/simulator"
)

// localBroker is where a server on this machine listens by default.
const localBroker = "mqtt://127.0.0.1:1883"

// flushPatience bounds how long a finished command waits for acknowledgements.
const flushPatience = 15 * time.Second

type simulateOptions struct {
	seed      uint64
	devices   int
	rate      float64
	duration  time.Duration
	broker    string
	truth     string
	qos       int
	batch     int
	incidents float64
	start     string
}

func newSimulateCommand() *cobra.Command {
	var o simulateOptions
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Publish a simulated city over MQTT",
		Long: `Publishes a simulated district over MQTT: fixed devices of ten kinds with a daily
rhythm, and incidents whose truth can be written to a file. The same seed tells
the same story.

User name and password for the broker come from URBANGRID_MQTT_USER and
URBANGRID_MQTT_PASSWORD.`,
		Example: "  urbangrid simulate --seed 7 --devices 400 --rate 50 --duration 10m --truth truth.jsonl",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return simulate(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&o.seed, "seed", 1, "number that the story follows from")
	f.IntVar(&o.devices, "devices", 400, fmt.Sprintf("how many devices, at least %d", simulator.MinDevices))
	f.Float64Var(&o.rate, "rate", 50, "observations per second, all devices together")
	f.DurationVar(&o.duration, "duration", 0, "how long to publish; 0 means until interrupted")
	f.StringVar(&o.broker, "broker", localBroker, "broker to publish to")
	f.StringVar(&o.truth, "truth", "", "write each incident to this file, one JSON object a line")
	f.IntVar(&o.qos, "qos", 1, "MQTT quality of service: 0, 1 or 2")
	f.IntVar(&o.batch, "batch", 1, "let gateways publish arrays of up to this many observations")
	f.Float64Var(&o.incidents, "incidents", 60, "incidents per hour; negative means none")
	f.StringVar(&o.start, "start", "", "when the story begins, RFC 3339; empty means now")
	return cmd
}

// check returns every fault of the flags at once.
func (o simulateOptions) check() error {
	var faults []error
	if o.devices < simulator.MinDevices {
		faults = append(faults, fmt.Errorf("--devices is %d, at least %d are needed", o.devices, simulator.MinDevices))
	}
	if o.rate <= 0 {
		faults = append(faults, fmt.Errorf("--rate is %g, it must be above 0", o.rate))
	}
	if o.duration < 0 {
		faults = append(faults, fmt.Errorf("--duration is %s, it cannot be negative", o.duration))
	}
	if o.qos < 0 || o.qos > 2 {
		faults = append(faults, fmt.Errorf("--qos is %d, want 0, 1 or 2", o.qos))
	}
	if o.batch < 1 || o.batch > 1000 {
		faults = append(faults, fmt.Errorf("--batch is %d, want 1 to 1000", o.batch))
	}
	if _, err := o.startTime(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

func (o simulateOptions) startTime() (time.Time, error) {
	if o.start == "" {
		return time.Now(), nil
	}
	t, err := time.Parse(time.RFC3339, o.start)
	if err != nil {
		return time.Time{}, fmt.Errorf("--start is %q, want a time such as 2026-01-05T08:00:00+08:00", o.start)
	}
	return t, nil
}

func simulate(ctx context.Context, out, errs io.Writer, o simulateOptions) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	inside, err := insidePutuo()
	if err != nil {
		return err
	}
	truth, err := openTruth(o.truth)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, truth.close()) }()

	pub, err := dialBroker(ctx, o.broker, errs)
	if err != nil {
		return err
	}
	defer func() { _ = pub.Close() }() // flush tells what is missing
	start, _ := o.startTime()          // checked above; taken after the connection, so that nothing is late
	city := simulator.New(o.seed, simulator.Options{
		Devices: o.devices, Rate: o.rate, Start: start, Length: o.duration,
		IncidentsPerHour: o.incidents, Batch: o.batch,
		Inside: inside, CellOf: cellName, OnIncident: truth.write,
	})
	fmt.Fprintf(out, "simulating %d devices at %g observations/s, seed %d, to %s\n", o.devices, o.rate, o.seed, pub.Broker())

	began := time.Now()
	var stats simulator.Stats
	stopProgress := watch(out, func() string {
		return fmt.Sprintf("%s  published %d  acknowledged %d  waiting %d  skipped %d  incidents %d",
			time.Since(began).Round(time.Second), stats.Observations.Load(), pub.Acked(), pub.Unacked(),
			stats.Skipped.Load(), truth.count())
	})
	err = simulator.Run(ctx, city, pub, simulator.RunOptions{QoS: byte(o.qos), Stats: &stats})
	took := time.Since(began)
	flushErr := flush(ctx, pub)
	stopProgress()
	fmt.Fprintf(out, "published %d observations in %d messages over %s (%.1f/s); acknowledged %d, not acknowledged %d, skipped %d, dropped %d; incidents %d\n",
		stats.Observations.Load(), stats.Messages.Load(), took.Round(time.Millisecond),
		float64(stats.Observations.Load())/took.Seconds(), pub.Acked(), pub.Unacked(),
		stats.Skipped.Load(), pub.Dropped(), truth.count())
	return errors.Join(err, flushErr)
}

// dialBroker connects with the credentials of the environment.
func dialBroker(ctx context.Context, url string, errs io.Writer) (*mqttpub.Publisher, error) {
	pub, err := mqttpub.Dial(ctx, url, mqttpub.Options{
		Username: os.Getenv("URBANGRID_MQTT_USER"),
		Password: os.Getenv("URBANGRID_MQTT_PASSWORD"),
		Log:      slog.New(slog.NewTextHandler(errs, nil)),
	})
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, fmt.Errorf("%w (is a server running? `urbangrid serve --demo` starts one, --broker names another)", err)
	}
	return pub, err
}

// flush waits for what is still to be acknowledged, also after an interrupt.
func flush(ctx context.Context, pub *mqttpub.Publisher) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushPatience)
	defer cancel()
	return pub.Flush(ctx)
}

// insidePutuo tells the demo district from its surroundings.
func insidePutuo() (func(lat, lon float64) bool, error) {
	areas, err := grid.Putuo()
	if err != nil {
		return nil, err
	}
	return func(lat, lon float64) bool {
		return areas.At(grid.Point{LatDegrees: lat, LonDegrees: lon}) != ""
	}, nil
}

// cellName is "" for a place that is not on Earth.
func cellName(lat, lon float64) string {
	cell, err := grid.CellAt(grid.Point{LatDegrees: lat, LonDegrees: lon}, grid.Resolution)
	if err != nil {
		return ""
	}
	return cell.String()
}

// truthFile writes incidents as they begin. Without a file it only counts.
type truthFile struct {
	file  *os.File
	begun atomic.Int64
	err   error
}

func openTruth(path string) (*truthFile, error) {
	t := &truthFile{}
	if path == "" {
		return t, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("open truth file: %w", err)
	}
	t.file = f
	return t, nil
}

// write keeps the first error for close: a story is not stopped by its notes.
func (t *truthFile) write(i simulator.Incident) {
	t.begun.Add(1)
	if t.file == nil || t.err != nil {
		return
	}
	t.err = json.NewEncoder(t.file).Encode(i)
}

func (t *truthFile) count() int64 { return t.begun.Load() }

func (t *truthFile) close() error {
	if t.file == nil {
		return nil
	}
	if err := errors.Join(t.err, t.file.Close()); err != nil {
		return fmt.Errorf("write truth file: %w", err)
	}
	return nil
}

// watch shows what line returns until the returned function is called: on a
// terminal as one line that changes, elsewhere as a new line every 10 s.
func watch(out io.Writer, line func() string) (stop func()) {
	f, isFile := out.(*os.File)
	live := isFile && term.IsTerminal(int(f.Fd()))
	every := 10 * time.Second
	if live {
		every = 200 * time.Millisecond
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				if live {
					fmt.Fprintf(out, "\r\033[K%s", line())
				} else {
					fmt.Fprintln(out, line())
				}
			case <-done:
				if live {
					fmt.Fprintf(out, "\r\033[K%s\n", line())
				}
				return
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}
