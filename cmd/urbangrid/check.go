package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/sealed"
)

// checkTimeout bounds each look at something outside this process.
const checkTimeout = 30 * time.Second

func newCheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say what every setting comes to, and every fault at once",
		Long: `Reads the settings as serve does and prints what each part comes to: files,
addresses, journal, time series and records; what the time series take, by
observation, and for how many days the disk lasts at the rate of the last day.
Then it prints every fault that it has found, and fails when there is one.

Nothing is created but buckets that are missing in InfluxDB, as at a start. While
a server runs on the folder, its files are measured from outside alone.`,
		Example: "  urbangrid check --config /etc/urbangrid.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := readConfig(cmd.Flags(), os.Environ())
			c := &checker{cfg: cfg, out: tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)}
			c.fault("", err)
			return c.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

// checker looks at everything that a server would open, and goes on after a
// fault.
type checker struct {
	cfg     config
	out     *tabwriter.Writer
	faults  []string
	running bool // a server has the folder
}

func (c *checker) run(ctx context.Context, out io.Writer) error {
	for _, part := range []func(context.Context){c.files, c.folder, c.addresses, c.journal, c.series, c.records, c.secrets} {
		part(ctx)
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	if len(c.faults) == 0 {
		_, err := fmt.Fprintln(out, "\nNo faults.")
		return err
	}
	if _, err := fmt.Fprintf(out, "\nFaults:\n  %s\n", strings.Join(c.faults, "\n  ")); err != nil {
		return err
	}
	return fmt.Errorf("check: %d faults", len(c.faults))
}

// fault notes err, each part of a joined one by itself, under the name of a
// setting.
func (c *checker) fault(setting string, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		for _, e := range joined.Unwrap() {
			c.fault(setting, e)
		}
		return
	}
	text := err.Error()
	if setting != "" && !strings.HasPrefix(text, setting+":") {
		text = setting + ": " + text
	}
	c.faults = append(c.faults, text)
}

func (c *checker) say(part, format string, args ...any) {
	fmt.Fprintf(c.out, "%s\t%s\n", part, fmt.Sprintf(format, args...))
}

func (c *checker) files(context.Context) {
	if catalog, err := readCatalog(c.cfg.Kinds); err != nil {
		c.fault("kinds", err)
	} else {
		c.say("kinds", "%d%s", len(catalog.All()), from(c.cfg.Kinds))
	}
	if areas, err := readAreas(c.cfg.Areas); err != nil {
		c.fault("areas", err)
	} else {
		c.say("areas", "%d%s", len(areas.All()), from(c.cfg.Areas))
	}
	if rules, err := readRules(c.cfg.Rules); err != nil {
		c.fault("rules", err)
	} else {
		c.say("rules", "%d%s", len(rules), from(c.cfg.Rules))
	}
	zone, err := time.LoadLocation(c.cfg.Zone)
	if err != nil {
		c.fault("zone", err)
		return
	}
	c.say("zone", "%s", c.cfg.Zone)
	days, err := readHolidays(c.cfg.Holidays, zone)
	if err != nil {
		c.fault("holidays", err)
		return
	}
	year := time.Now().In(zone).Year()
	if days.Known(year) {
		c.say("holidays", "%d is known%s", year, from(c.cfg.Holidays))
	} else {
		c.say("holidays", "%d is not known%s: every day counts as a weekday or a weekend; add it with --holidays", year, from(c.cfg.Holidays))
	}
}

func from(path string) string {
	if path == "" {
		return " of those that come with UrbanGrid"
	}
	return ", with " + path
}

func (c *checker) folder(context.Context) {
	info, err := os.Stat(c.cfg.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.say("data", "%s, made at the first start", c.cfg.Data)
		return
	case err != nil:
		c.fault("data", err)
		return
	case !info.IsDir():
		c.fault("data", fmt.Errorf("%s is no folder", c.cfg.Data))
		return
	}
	if _, err := os.Stat(filepath.Join(c.cfg.Data, "lock")); err == nil {
		unlock, err := lockData(c.cfg.Data)
		if c.running = err != nil; !c.running {
			unlock()
		}
	}
	state := "no server runs on it"
	if c.running {
		state = "a server runs on it"
	}
	free, err := freeBytes(c.cfg.Data)
	c.fault("data", err)
	c.say("data", "%s, %s, %s free", c.cfg.Data, state, bytesText(free))
	for _, o := range opened(c.cfg) {
		c.say("", "%s", o)
	}
}

// secrets says where the key is that seals secrets.
func (c *checker) secrets(context.Context) {
	path := c.cfg.secretKey()
	switch _, err := sealed.ReadKey(path); {
	case errors.Is(err, fs.ErrNotExist):
		c.say("secrets", "sealed with %s, made at the first start", path)
	case err != nil:
		c.fault("secret_key_file", err)
	default:
		c.say("secrets", "sealed with %s: keep a copy of it, apart from those of the data", path)
	}
}

// freeBytes returns what this program may still write to the disk of path.
func freeBytes(path string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", path, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:unconvert // the types differ between systems
}

func (c *checker) addresses(ctx context.Context) {
	c.say("http", "%s", c.cfg.HTTP)
	c.say("broker", "%s", c.cfg.Broker)
	if c.running {
		return
	}
	addresses := map[string]string{"http": c.cfg.HTTP}
	if addr, ok := strings.CutPrefix(c.cfg.Broker, "embedded://"); ok {
		addresses["broker"] = addr
	}
	for setting, addr := range addresses {
		ln, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
		if err != nil {
			c.fault(setting, err)
			continue
		}
		c.fault(setting, ln.Close())
	}
}

func (c *checker) journal(ctx context.Context) {
	servers, cluster := strings.CutPrefix(c.cfg.Journal, "nats://")
	if !cluster {
		dir := c.cfg.path("journal")
		size, err := sizeOf(dir)
		c.fault("journal", err)
		c.say("journal", "%s in %s, %s of at most %s", c.cfg.Journal, dir, bytesText(size), bytesText(c.cfg.JournalMaxBytes))
		return
	}
	c.say("journal", "%s", c.cfg.Journal)
	for _, addr := range strings.Split(servers, ",") {
		if _, after, ok := strings.Cut(addr, "@"); ok {
			addr = after
		}
		conn, err := (&net.Dialer{Timeout: checkTimeout / 3}).DialContext(ctx, "tcp", addr)
		if err != nil {
			c.fault("journal", err)
			continue
		}
		c.fault("journal", conn.Close())
	}
}

// sizeOf returns what the files of path take, 0 when there is none.
func sizeOf(path string) (total int64, err error) {
	err = filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // there is none, or it has just been removed
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			total += info.Size()
		}
		return err
	})
	return total, err
}

func (c *checker) series(ctx context.Context) {
	name, local := strings.CutPrefix(c.cfg.Series, "duckdb:")
	if local {
		path := c.cfg.path(name)
		size, err := sizeOf(path)
		c.fault("series", err)
		c.say("series", "%s in %s, %s", c.cfg.Series, path, bytesText(size))
		switch {
		case c.running:
			c.say("", "not opened: the server that runs has it; stop the server to have it measured")
			return
		case size == 0:
			c.say("", "made at the first start")
			return
		}
	} else {
		c.say("series", "%s", c.cfg.Series)
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	s := &server{cfg: c.cfg, log: slog.New(slog.DiscardHandler), reg: prometheus.NewRegistry()}
	if err := s.openSeries(ctx); err != nil {
		c.fault("series", err)
		return
	}
	defer func() { c.fault("series", s.series.Close()) }()
	if err := s.series.Ping(ctx); err != nil {
		c.fault("series", err)
		return
	}
	usage, perDay, err := measure(ctx, s.series)
	if err != nil {
		c.fault("series", err)
		return
	}
	c.tell(usage, perDay, local)
}

// measure returns what the series take and how many observations a day brings,
// by the last day of them.
func measure(ctx context.Context, s store.Series) (u store.Usage, perDay float64, err error) {
	if u, err = s.Usage(ctx); err != nil || u.Observations == 0 {
		return u, 0, err
	}
	from := u.Newest.Add(-24 * time.Hour)
	if from.Before(u.Oldest) {
		from = u.Oldest
	}
	counts, err := s.Counts(ctx, from, u.Newest)
	if err != nil {
		return u, 0, err
	}
	for _, n := range counts {
		perDay += float64(n)
	}
	if span := u.Newest.Sub(from); span >= time.Minute {
		return u, perDay / span.Hours() * 24, nil
	}
	return u, 0, nil // too short a time to say
}

// tell prints what was measured.
func (c *checker) tell(u store.Usage, perDay float64, local bool) {
	c.say("", "keeps observations %s, minutes %s, hours %s", days(u.Retention.Raw), days(u.Retention.Minutes), days(u.Retention.Hours))
	if u.Observations == 0 {
		c.say("", "no observations yet")
		return
	}
	c.say("", "%d observations from %s to %s, %.0f a day", u.Observations, u.Oldest.Format(time.DateTime), u.Newest.Format(time.DateTime), perDay)
	if each, ok := u.BytesPerObservation(); ok {
		c.say("", "%s, of which %s can be used again: %.1f bytes an observation with its roll-ups", bytesText(u.Bytes), bytesText(u.Reusable), each)
	}
	if u.Note != "" {
		c.say("", "%s", u.Note)
	}
	if !local {
		c.say("", "days left: not known, the server does not tell how much of its disk is free")
		return
	}
	free, err := freeBytes(c.cfg.Data)
	if err != nil {
		return // folder has said so
	}
	if left, ok := u.DaysLeft(free, perDay); ok {
		c.say("", "%.0f days until the disk is full, at that rate", left)
	} else if perDay > 0 {
		c.say("", "the disk lasts: by the time it would be full, as much is deleted as comes")
	}
}

func (c *checker) records(context.Context) {
	name, ok := strings.CutPrefix(c.cfg.Records, "sqlite:")
	if !ok {
		c.fault("records", fmt.Errorf("%q is not of the form sqlite:FILE", c.cfg.Records))
		return
	}
	path := c.cfg.path(name)
	size, err := sizeOf(path)
	c.fault("records", err)
	c.say("records", "%s in %s, %s", c.cfg.Records, path, bytesText(size))
}

func days(d time.Duration) string {
	if d < 0 {
		return "for ever"
	}
	return fmt.Sprintf("%.4g days", d.Hours()/24)
}

func bytesText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}
