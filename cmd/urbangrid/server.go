package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/report/desk"
	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/ingest/auth"
	"github.com/urbangrid/urbangrid/ingest/broker"
	"github.com/urbangrid/urbangrid/ingest/mqtt"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
	"github.com/urbangrid/urbangrid/store/influx"
	"github.com/urbangrid/urbangrid/store/lastheard"
	"github.com/urbangrid/urbangrid/store/sealed"
	"github.com/urbangrid/urbangrid/store/sqlite"
	"github.com/urbangrid/urbangrid/stream"
)

// server is the stages of one process, in the order of the data.
type server struct {
	cfg config
	log *slog.Logger
	reg *prometheus.Registry

	catalog *sensors.Catalog
	areas   *grid.Areas
	rules   []analytics.Rule

	bus       *stream.Bus
	journal   *stream.Journal
	alertLog  *stream.Log
	records   *sqlite.Records
	secrets   *sealed.Secrets
	series    store.Series
	register  *register
	coverage  *coverage
	lastHeard *lastheard.Memory
	intake    *ingest.Intake
	broker    *broker.Broker // nil when another broker is read
	reader    *mqtt.Source   // of another broker, nil when the broker is ours
	recorder  *store.Recorder
	keeper    *store.Keeper
	publisher *analytics.Publisher
	reports   *desk.Desk
	dash      *dashboard.Server
	http      net.Listener

	formats formatSet
	kept    atomic.Uint64 // the keeper's saved position
	rereads sync.Mutex    // held while the quarantine is read again

	settings dashboard.Settings
	judging  *analytics.Judging
	warnings warnings
}

// openServer opens everything that cfg names, in order, and listens. After an
// error nothing stays open.
func openServer(ctx context.Context, cfg config, log *slog.Logger, out io.Writer) (_ *server, err error) {
	s := &server{cfg: cfg, reg: prometheus.NewRegistry()}
	s.log = slog.New(s.warnings.over(log.Handler()))
	s.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for _, step := range []struct {
		name string
		open func(context.Context) error
	}{
		{"configuration files", s.readFiles},
		{"journal", s.openJournal},
		{"records", s.openRecords},
		{"secrets", s.openSecrets},
		{"settings", s.openSettings},
		{"time series", s.openSeries},
		{"stages", s.openStages},
		{"duplicates of the last hours", s.remember},
		{"addresses", s.listen},
	} {
		began := time.Now()
		if err = step.open(ctx); err != nil {
			return nil, err
		}
		if took := time.Since(began); took > time.Second {
			_, _ = fmt.Fprintf(out, "opened %s in %s\n", step.name, took.Round(100*time.Millisecond)) // nobody to tell otherwise
		}
	}
	return s, nil
}

// readFiles reads catalogue, areas and rules; every file's faults come at once.
func (s *server) readFiles(context.Context) error {
	catalog, err := readCatalog(s.cfg.Kinds)
	areas, err2 := readAreas(s.cfg.Areas)
	rules, err3 := readRules(s.cfg.Rules)
	s.catalog, s.areas, s.rules = catalog, areas, rules
	return errors.Join(err, err2, err3)
}

func readCatalog(path string) (*sensors.Catalog, error) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil || path == "" {
		return catalog, err
	}
	more, err := readFile(path, sensors.ReadCatalog)
	if err != nil {
		return nil, err
	}
	if catalog, err = catalog.Extend(more); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return catalog, nil
}

func readAreas(path string) (*grid.Areas, error) {
	if path == "" {
		return grid.Putuo()
	}
	return readFile(path, grid.ReadAreas)
}

func readRules(path string) ([]analytics.Rule, error) {
	if path == "" {
		return analytics.DefaultRules()
	}
	return readFile(path, analytics.ReadRules)
}

func readFile[T any](path string, read func(io.Reader) (T, error)) (T, error) {
	var none T
	f, err := os.Open(path)
	if err != nil {
		return none, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	v, err := read(f)
	if err != nil {
		return none, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

func (s *server) openJournal(ctx context.Context) (err error) {
	s.bus, err = stream.Open(ctx, s.cfg.Journal, stream.Options{
		Dir: s.cfg.path("journal"), JournalMaxBytes: s.cfg.JournalMaxBytes, Logger: s.log,
	})
	if err != nil {
		return err
	}
	if s.journal, err = s.bus.Journal(ctx); err != nil {
		return err
	}
	s.alertLog, err = s.bus.Log(ctx, "alerts")
	return err
}

func (s *server) openRecords(ctx context.Context) (err error) {
	name, ok := strings.CutPrefix(s.cfg.Records, "sqlite:")
	if !ok {
		return fmt.Errorf("records: %q is not of the form sqlite:FILE", s.cfg.Records)
	}
	if s.records, err = sqlite.Open(ctx, s.cfg.path(name), sqlite.Options{}); err != nil {
		return err
	}
	s.register, err = newRegister(ctx, s.records)
	return err
}

func (s *server) openSeries(ctx context.Context) error {
	url := s.cfg.Series
	zone, err := time.LoadLocation(s.cfg.Zone)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	days := grid.NewCalendar(zone)
	rejected, err := store.CountRejected(s.reg, store.QuarantineRejected(s.records, s.log))
	if err != nil {
		return err
	}
	if name, ok := strings.CutPrefix(url, "duckdb:"); ok {
		series, err := duckdb.Open(ctx, s.cfg.path(name), duckdb.Options{Retention: s.retention(), Calendar: days, OnRejected: rejected, Logger: s.log})
		if err != nil {
			return err
		}
		s.series = series
		return nil
	}
	if strings.HasPrefix(url, "influx+http://") || strings.HasPrefix(url, "influx+https://") {
		token, err := s.influxToken()
		if err != nil {
			return err
		}
		series, err := influx.Open(ctx, url, influx.Options{Token: token, Retention: s.retention(), Calendar: days, OnRejected: rejected, Logger: s.log})
		if err != nil {
			return err
		}
		s.series = series
		return nil
	}
	return fmt.Errorf("series: %q is neither duckdb:FILE nor influx+http(s)://HOST:PORT?org=O&bucket=B", url)
}

func (s *server) retention() store.Retention {
	forever := func(d time.Duration) time.Duration {
		if d == 0 {
			return store.Forever
		}
		return d
	}
	return store.Retention{Raw: forever(s.cfg.KeepRaw), Minutes: forever(s.cfg.KeepMinutes), Hours: forever(s.cfg.KeepHours), Days: forever(s.cfg.KeepDays)}
}

func (s *server) influxToken() (string, error) {
	if s.cfg.InfluxAuth == "" {
		return os.Getenv("URBANGRID_INFLUX_TOKEN"), nil
	}
	b, err := os.ReadFile(s.cfg.InfluxAuth)
	if err != nil {
		return "", fmt.Errorf("token for InfluxDB: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

func (s *server) openStages(context.Context) (err error) {
	zone, err := time.LoadLocation(s.cfg.Zone)
	if err != nil {
		return fmt.Errorf("zone: %w", err)
	}
	placer := grid.NewPlacer(s.areas, s.register.placeAt, grid.PlacerOptions{})
	if s.formats, err = readFormats(s.cfg.Formats, s.catalog, s.profileOf, s.reg); err != nil {
		return fmt.Errorf("formats: %w", err)
	}
	s.lastHeard = lastheard.New(s.records, lastheard.Options{Logger: s.log, Registerer: s.reg})
	opts := ingest.Options{Horizon: s.cfg.JournalKeep, Publish: s.publish, Sends: s.register.sends, Heard: s.heard, Logger: s.log, Registerer: s.reg}
	if s.cfg.DevicePolicy == string(policyClosed) {
		opts.Known = s.register.known
	}
	s.intake = ingest.New(s.journal, s.formats.formats, s.catalog, placer, opts)
	if s.recorder, err = store.NewRecorder(s.series, s.journal, store.RecorderOptions{Logger: s.log, Registerer: s.reg}); err != nil {
		return err
	}
	s.keeper = store.NewKeeper(s.journal, s.records, s.register, store.KeeperOptions{
		Logger: s.log, Registerer: s.reg, Saved: s.kept.Store,
	})
	if s.reports, err = s.newReports(zone); err != nil {
		return err
	}
	below, err := s.newBasemap()
	if err != nil {
		return err
	}
	if err = s.openOffice(zone); err != nil {
		return err
	}
	s.dash, err = dashboard.New(dashboard.Deps{
		Basemap: below,
		Kinds:   s.catalog, Areas: s.areas, Series: s.series, Cubes: s.series, Baselines: learned{s}, Alerts: s.records, Quarantine: s.records,
		Devices: s.register, Credentials: credentials{auth.NewIssuer(s.records), s.records, s.disconnect}, AlertLog: s.alertLog,
		Verdicts: s.records, Mutes: s.records,
		Handlings: s.records, AlertsChanged: func() { s.publisher.Wake() },
		Checks: map[string]func(context.Context) error{
			"journal": s.bus.Ping,
			"series":  s.series.Ping,
			"records": s.records.Ping,
			"ingest":  s.sourceReady,
		},
		Reread: s.reread, LastMessages: s.lastHeard, Reports: s.reports,
		Settings: s.settings, Progress: s.progress, Gatherer: s.reg, Registerer: s.reg, Logger: s.log,
	}, dashboard.Options{Version: version, District: s.district(), Zone: zone, Demo: s.cfg.Demo, Hosts: s.cfg.Hosts})
	if err != nil {
		return err
	}
	s.publisher, err = analytics.NewPublisher(s.records, s.alertLog, analytics.PublisherOptions{Log: s.log, Registerer: s.reg})
	if err != nil {
		return err
	}
	study, err := s.study(zone)
	if err != nil {
		return err
	}
	s.coverage = newCoverage(s.register, s.catalog, s.log)
	engine, err := analytics.NewEngine(s.journal, s.records, s.catalog, s.rules, s.dash, analytics.Options{
		Lateness: s.cfg.Lateness, Log: s.log, Registerer: s.reg, Saved: s.publisher.Wake, Memory: s.records,
		AreaNames: areaNames(s.areas), Study: study, Mutes: s.mutes, Verdicts: s.records, Coverage: s.coverage.shares, Interval: s.coverage.interval,
	})
	if err != nil {
		return err
	}
	s.judge(engine)
	return nil
}

// district is what the district is called: as configured, else as its areas say,
// those in force before those of the file.
func (s *server) district() sensors.Names {
	if s.cfg.District != "" {
		return sensors.Names{ZH: s.cfg.District, EN: cmp.Or(s.cfg.DistrictEN, s.cfg.District)}
	}
	return cmp.Or(s.areas.District(), s.settings.Areas.File.District())
}

// study is the district with its areas and its calendar.
func (s *server) study(zone *time.Location) (analytics.Study, error) {
	cells, err := s.areas.Cells(grid.Resolution)
	if err != nil {
		return analytics.Study{}, fmt.Errorf("cells of the district: %w", err)
	}
	days, err := readHolidays(s.cfg.Holidays, zone)
	if err != nil {
		return analytics.Study{}, err
	}
	areaOf := func(c grid.Cell) grid.AreaCode {
		center, err := c.Center()
		if err != nil {
			return ""
		}
		return s.areas.At(center)
	}
	return analytics.Study{Cells: cells, AreaOf: areaOf, Slot: days.Slot}, nil
}

// readHolidays returns the calendar that comes with UrbanGrid, with what the file
// adds to it.
func readHolidays(path string, zone *time.Location) (*calendar.Calendar, error) {
	days, err := calendar.China(zone)
	if err != nil || path == "" {
		return days, err
	}
	return readFile(path, days.With)
}

// profileOf is the device profile that the register names.
func (s *server) profileOf(id sensors.DeviceID) (string, bool) {
	key := s.register.profile(id)
	return key, key != ""
}

// areaNames looks up what an area is called.
func areaNames(areas *grid.Areas) func(grid.AreaCode) sensors.Names {
	names := map[grid.AreaCode]sensors.Names{}
	for _, a := range areas.All() {
		names[a.Code] = a.Names
	}
	return func(code grid.AreaCode) sensors.Names { return names[code] }
}

// remember makes ingest know what the journal holds of the last while.
func (s *server) remember(ctx context.Context) error {
	from, err := s.journal.SeqAt(ctx, time.Now().Add(-s.cfg.JournalKeep))
	if err != nil {
		return err
	}
	last, err := s.journal.Last(ctx)
	if err != nil || last <= from {
		return err
	}
	first, err := s.journal.First(ctx)
	if err != nil || last < first {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	entries := make(chan stream.Entry, 16)
	ended := make(chan error, 1)
	go func() { ended <- s.journal.Follow(ctx, from, entries) }()
	for {
		select {
		case e := <-entries:
			s.intake.Remember(e)
			if e.Seq >= last {
				cancel()
				<-ended //nolint:errcheck // it was told to end
				return nil
			}
		case err := <-ended:
			return fmt.Errorf("recall recent observations: %w", err)
		}
	}
}

func (s *server) listen(ctx context.Context) (err error) {
	if s.http, err = new(net.ListenConfig).Listen(ctx, "tcp", s.cfg.HTTP); err != nil {
		return fmt.Errorf("http address: %w", err)
	}
	return s.listenMQTT(ctx)
}

// progress is how far each stage has come.
func (s *server) progress(ctx context.Context) (dashboard.Progress, error) {
	last, err := s.journal.Last(ctx)
	if err != nil {
		return dashboard.Progress{}, err
	}
	judged, err := s.records.JudgedPosition(ctx, s.journal.Identity())
	if err != nil {
		return dashboard.Progress{}, err
	}
	alerts, err := s.alertLog.Last(ctx)
	if err != nil {
		return dashboard.Progress{}, err
	}
	return dashboard.Progress{
		Journal: s.journal.Identity(), JournalSeq: last, RecordedSeq: s.recorder.Progress().Seq,
		QuarantinedSeq: s.kept.Load(), JudgedSeq: judged.Seq, AlertSeq: alerts,
	}, nil
}

const httpShutdown = 5 * time.Second

// run runs the stages until ctx ends or one of them fails, then stops them from
// the source on: what was acknowledged is journalled, what is journalled and
// not yet in its result is read again at the next start.
func (s *server) run(ctx context.Context, ready func()) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	failed := func(err error) { fail(err) }
	people, readers, intake, source, demo := newGroup(failed), newGroup(failed), newGroup(failed), newGroup(failed), newGroup(failed)

	web := s.dash.WebServer()
	people.start("reports", s.reports.Run)
	people.start("live view", s.dash.Run)
	people.start("rules", s.settings.Rules.Run)
	people.start("rule previews", s.settings.Previews.Run)
	people.start("notifications", s.settings.Channels.Run)
	people.start("metrics sampler", s.settings.System.Sampler.Run)
	people.start("http", func(ctx context.Context) error { return serveHTTP(ctx, web, s.http) })
	readers.start("recorder", s.recorder.Run)
	readers.start("keeper", s.keeper.Run)
	readers.start("publisher", s.publisher.Run)
	readers.start("engine", s.judging.Run)
	readers.start("coverage", s.coverage.Run)
	readers.start("last messages", s.lastHeard.Run)
	readers.start("janitor", s.trim)
	intake.start("ingest", s.intake.Run)
	if s.reader != nil {
		source.start("broker reader", s.reader.Run)
	}
	if s.cfg.Demo {
		demo.start("simulation", s.simulate)
	}
	ready()
	<-ctx.Done()
	s.log.Info("stopping")
	err := errors.Join(demo.stop(), source.stop(), intake.stop(), s.closeSource(), readers.stop(), people.stop())
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(cause, err)
	}
	return err
}

func serveHTTP(ctx context.Context, web *http.Server, ln net.Listener) error {
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(ln) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpShutdown)
	defer cancel()
	err := web.Shutdown(last)
	<-ended //nolint:errcheck // it was told to end
	return err
}

// close closes what is open, the last first.
func (s *server) close() error {
	var errs []error
	if s.http != nil {
		if err := s.http.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	errs = append(errs, s.closeSource())
	if s.series != nil {
		errs = append(errs, s.series.Close())
	}
	if s.records != nil {
		errs = append(errs, s.records.Close())
	}
	if s.bus != nil {
		s.bus.Close()
	}
	return errors.Join(errs...)
}
