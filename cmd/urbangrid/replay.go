package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"text/tabwriter"
	"time"
	_ "time/tzdata" // mappings name zones, and not every machine has the zone files

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/simulator/replay"
)

// localHTTP is where a server on this machine answers by default.
const localHTTP = "http://127.0.0.1:8080"

type replayOptions struct {
	file    string
	mapping string
	broker  string
	speed   string
	http    string
	httpSet bool
	qos     int
	wait    time.Duration
}

func newReplayCommand() *cobra.Command {
	var o replayOptions
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Publish a CSV file as observations over MQTT",
		Long: `Publishes each row of a CSV file (also .csv.gz) as observations over MQTT. A
mapping file says which column means what; deploy/examples has two with comments.

Rows without a position are published too: the server keeps them in quarantine.
With --http the command then asks the server until it holds everything, and
shows what it has taken in.

User name and password for the broker come from URBANGRID_MQTT_USER and
URBANGRID_MQTT_PASSWORD.`,
		Example: "  urbangrid replay --file requests.csv --map deploy/examples/myla311.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			o.httpSet = cmd.Flags().Changed("http")
			if !o.httpSet && o.broker == localBroker {
				o.http = localHTTP
			}
			return replayFile(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "CSV file to publish, also compressed with gzip")
	f.StringVar(&o.mapping, "map", "", "mapping file (YAML)")
	f.StringVar(&o.broker, "broker", localBroker, "broker to publish to")
	f.StringVar(&o.speed, "speed", "max", "seconds of the file in one second, or max")
	f.StringVar(&o.http, "http", "", "server to ask what it has taken in, \"\" for none (default "+localHTTP+" with the default broker)")
	f.IntVar(&o.qos, "qos", 1, "MQTT quality of service: 0, 1 or 2")
	f.DurationVar(&o.wait, "wait", time.Minute, "how long to wait for the server to catch up")
	return cmd
}

// check returns every fault of the flags at once.
func (o replayOptions) check() error {
	var faults []error
	if o.file == "" {
		faults = append(faults, errors.New("--file is missing: which CSV file?"))
	}
	if o.mapping == "" {
		faults = append(faults, errors.New("--map is missing: which mapping file? deploy/examples has two"))
	}
	if o.qos < 0 || o.qos > 2 {
		faults = append(faults, fmt.Errorf("--qos is %d, want 0, 1 or 2", o.qos))
	}
	if _, err := o.speedFactor(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// speedFactor returns 0 for max.
func (o replayOptions) speedFactor() (float64, error) {
	if o.speed == "max" {
		return 0, nil
	}
	v, err := strconv.ParseFloat(o.speed, 64)
	if err != nil || !(v > 0) || v > 1e9 {
		return 0, fmt.Errorf("--speed is %q, want a number above 0, or max", o.speed)
	}
	return v, nil
}

func replayFile(ctx context.Context, out, errs io.Writer, o replayOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		return err
	}
	mapping, err := readMapping(o.mapping, catalog)
	if err != nil {
		return err
	}
	f, err := openCounted(o.file)
	if err != nil {
		return err
	}
	defer func() { _ = f.file.Close() }() // it was only read
	reader, err := replay.NewReader(f, mapping)
	if err != nil {
		return fmt.Errorf("%s does not fit %s:\n%w", o.file, o.mapping, err)
	}
	check, err := newServerCheck(ctx, out, o)
	if err != nil {
		return err
	}
	tally, err := publishRows(ctx, out, errs, o, f, reader, catalog)
	if err != nil {
		return err
	}
	return check.report(ctx, out, tally)
}

func readMapping(path string, catalog *sensors.Catalog) (*replay.Mapping, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read mapping: %w", err)
	}
	m, err := replay.Parse(data, catalog)
	if err != nil {
		return nil, fmt.Errorf("%s:\n%w", path, err)
	}
	return m, nil
}

// publishRows returns when everything is acknowledged.
func publishRows(ctx context.Context, out, errs io.Writer, o replayOptions, f *countedFile, reader *replay.Reader, catalog *sensors.Catalog) (replay.Tally, error) {
	pub, err := dialBroker(ctx, o.broker, errs)
	if err != nil {
		return replay.Tally{}, err
	}
	defer func() { _ = pub.Close() }() // flush tells what is missing
	speed, _ := o.speedFactor()        // checked before
	r := replay.New(reader, pub, replay.RunOptions{QoS: byte(o.qos), Speed: speed, Catalog: catalog})
	began := time.Now()
	stopProgress := watch(out, func() string { return progressLine(f, r.Tally(), time.Since(began)) })
	err = r.Run(ctx)
	flushErr := flush(ctx, pub)
	stopProgress()
	t := r.Tally()
	took := time.Since(began)
	fmt.Fprintf(out, "%s: %d rows, %d published, %d acknowledged in %s (%.0f msg/s)\n",
		o.file, t.Rows, t.Published, pub.Acked(), took.Round(time.Millisecond), float64(t.Published)/took.Seconds())
	printLosses(out, t, pub.Dropped())
	if errors.Is(err, context.Canceled) && flushErr == nil {
		return t, fmt.Errorf("interrupted after %d rows", t.Rows)
	}
	return t, errors.Join(err, flushErr)
}

func printLosses(out io.Writer, t replay.Tally, dropped int64) {
	for _, reason := range replay.Reasons() {
		if n := t.Unreadable[reason]; n > 0 {
			fmt.Fprintf(out, "  %d rows could not be read: %s\n", n, reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(t.Refused)) {
		fmt.Fprintf(out, "  %d observations are against the catalogue: %s\n", t.Refused[reason], reason)
	}
	if t.MissingValues > 0 {
		fmt.Fprintf(out, "  %d values are missing in the file\n", t.MissingValues)
	}
	if t.BadValues > 0 {
		fmt.Fprintf(out, "  %d values are not numbers\n", t.BadValues)
	}
	if dropped > 0 {
		fmt.Fprintf(out, "  %d messages fell to a broken connection\n", dropped)
	}
}

// serverCheck compares what was published with what a server has taken in.
type serverCheck struct {
	server *replay.Server // nil when nobody is asked
	before int64          // quarantined without a position
	wait   time.Duration
}

// newServerCheck asks for the numbers from before. A server that was only
// guessed may be missing.
func newServerCheck(ctx context.Context, out io.Writer, o replayOptions) (*serverCheck, error) {
	c := &serverCheck{wait: o.wait}
	if o.http == "" {
		return c, nil
	}
	server := replay.NewServer(o.http, http.DefaultClient)
	before, err := server.NoPosition(ctx)
	if err != nil && !o.httpSet {
		fmt.Fprintf(out, "no server is asked afterwards: %v\n", err)
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	c.server, c.before = server, before
	return c, nil
}

// report waits for the server and prints the table.
func (c *serverCheck) report(ctx context.Context, out io.Writer, t replay.Tally) error {
	if c.server == nil {
		return printTable(out, t, nil, 0)
	}
	waiting, cancel := context.WithTimeout(ctx, c.wait)
	defer cancel()
	seen, err := c.server.Await(waiting, t, c.before)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if tableErr := printTable(out, t, &seen, seen.NoPosition-c.before); tableErr != nil {
		return tableErr
	}
	if err != nil {
		return fmt.Errorf("the server has not taken in everything within %s: compare the columns", c.wait)
	}
	return nil
}

// printTable shows each kind; seen is nil when no server was asked.
func printTable(out io.Writer, t replay.Tally, seen *replay.Seen, quarantined int64) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, sent, stored int64) {
		if seen == nil {
			fmt.Fprintf(w, "%s\t%d\t\n", name, sent)
			return
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t\n", name, sent, stored)
	}
	if seen == nil {
		fmt.Fprint(w, "\tpublished\t\n")
	} else {
		fmt.Fprint(w, "\tpublished\ton the server\t\n")
	}
	var stored replay.Seen
	if seen != nil {
		stored = *seen
	}
	kinds := slices.SortedFunc(maps.Keys(t.Placed), func(a, b sensors.KindKey) int {
		return cmp.Or(cmp.Compare(t.Placed[b], t.Placed[a]), cmp.Compare(a, b))
	})
	var onServer int64
	for _, kind := range kinds {
		row(string(kind), t.Placed[kind], stored.Kinds[kind])
		onServer += stored.Kinds[kind]
	}
	row("placed in cells", t.PlacedTotal(), onServer)
	row("no position", t.NoPosition, quarantined)
	return w.Flush()
}

// countedFile knows how much of it has been read.
type countedFile struct {
	file *os.File
	size int64
	read atomic.Int64
}

func openCounted(path string) (*countedFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open file to replay: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open file to replay: %w", err), f.Close())
	}
	return &countedFile{file: f, size: info.Size()}, nil
}

func (f *countedFile) Read(b []byte) (int, error) {
	n, err := f.file.Read(b)
	f.read.Add(int64(n))
	return n, err
}

// progressLine draws a bar of bytes read, with rows, rate and what is left.
func progressLine(f *countedFile, t replay.Tally, took time.Duration) string {
	const width = 24
	share := 1.0
	if f.size > 0 {
		share = min(1, float64(f.read.Load())/float64(f.size))
	}
	var bar [width]byte
	for i := range bar {
		bar[i] = '.'
		if float64(i) < share*width {
			bar[i] = '#'
		}
	}
	left := "?"
	if share > 0 {
		left = time.Duration(float64(took) * (1 - share) / share).Round(time.Second).String()
	}
	return fmt.Sprintf("[%s] %3.0f%%  %.1f of %.1f MB  %d rows  %.0f msg/s  %s left",
		bar[:], share*100, float64(f.read.Load())/1e6, float64(f.size)/1e6,
		t.Rows, float64(t.Published)/took.Seconds(), left)
}
