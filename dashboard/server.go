// Package dashboard is what people and other systems see of UrbanGrid: the HTTP
// API, the live WebSocket, the page, health and metrics.
package dashboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/report/desk"
	"github.com/urbangrid/urbangrid/dashboard/basemap"
	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/dashboard/web"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Series answers what was observed; store.Series says how.
type Series interface {
	Points(ctx context.Context, q store.Query) ([]store.Line, error)
	Observations(ctx context.Context, q store.ObservationQuery) (page []grid.Placed, next string, err error)
	Counts(ctx context.Context, from, to time.Time) (map[sensors.KindKey]int64, error)
}

// Quarantine answers what could not be read; store.Quarantine says how.
type Quarantine interface {
	Rejects(ctx context.Context, q store.RejectQuery, before int64, limit int) ([]store.QuarantinedReject, error)
	KeptRejects(ctx context.Context, q store.RejectQuery) (map[string]store.KeptCount, error)
	RejectCounts(ctx context.Context) (map[string]int64, error)
}

// Devices is the register; store.Devices says how.
type Devices interface {
	PutDevice(ctx context.Context, d sensors.Device) error
	PutDevices(ctx context.Context, by string, list []sensors.Device) error
	ChangeDevice(ctx context.Context, by string, d sensors.Device, known int64) (sensors.Device, error)
	DeviceChanges(ctx context.Context, id sensors.DeviceID, before int64, limit int) ([]store.DeviceChange, error)
	NoteDevice(ctx context.Context, id sensors.DeviceID, by string, action store.DeviceAction) error
	Device(ctx context.Context, id sensors.DeviceID) (sensors.Device, error)
	ListDevices(ctx context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error)
	DevicePlaces(ctx context.Context, id sensors.DeviceID) ([]sensors.Placement, error)
	UnknownDevices(ctx context.Context, limit int) ([]store.UnknownDevice, error)
}

// Credentials issues and keeps who may publish; store.Credentials says how.
type Credentials interface {
	// Issue enters a credential with a new password and returns that. Errors:
	// sensors.ErrInvalidCredential.
	Issue(ctx context.Context, c sensors.Credential) (password string, err error)
	Credential(ctx context.Context, user string) (sensors.Credential, bool, error)
	ListCredentials(ctx context.Context, after string, limit int) ([]sensors.Credential, error)
	RemoveCredential(ctx context.Context, user string) error
}

// Verdicts keeps what people say of alerts; store.Verdicts says how.
type Verdicts interface {
	SaveVerdict(ctx context.Context, v store.Verdict) (store.Verdict, error)
	VerdictsOn(ctx context.Context, alerts []string) (map[string]store.Verdict, error)
	VerdictsOf(ctx context.Context, q store.VerdictQuery, limit int) ([]store.Verdict, error)
	TallyVerdicts(ctx context.Context, q store.VerdictQuery) ([]store.Tally, error)
}

// Mutes keeps mutes and maintenance windows; store.Mutes says how.
type Mutes interface {
	AddMute(ctx context.Context, m store.Mute) (store.Mute, error)
	EndMute(ctx context.Context, id, by string, at time.Time) (store.Mute, error)
	ListMutes(ctx context.Context, q store.MuteQuery) ([]store.Mute, error)
}

// Areas are the responsibility areas of the district.
type Areas interface {
	All() []grid.Area
	Note() sensors.Names
	Cells(resolution int) ([]grid.Cell, error)
	At(p grid.Point) grid.AreaCode
}

var _ Areas = (*grid.Areas)(nil)

// Progress is how far each stage has come in the journal. A stage that lags
// behind JournalSeq still has work to do.
type Progress struct {
	Journal        string `json:"journal" doc:"Identity of the journal"`
	JournalSeq     uint64 `json:"journal_seq" doc:"Number of the newest committed entry"`
	RecordedSeq    uint64 `json:"recorded_seq" doc:"Entries up to this one are in the series store"`
	QuarantinedSeq uint64 `json:"quarantined_seq" doc:"Rejects of the entries up to this one are in the quarantine"`
	JudgedSeq      uint64 `json:"judged_seq" doc:"Entries up to this one have been judged, with their alerts saved"`
	AlertSeq       uint64 `json:"alert_seq" doc:"Number of the newest event in the alert log"`
}

// Deps are what a Server stands on. All are required but those that say so.
type Deps struct {
	Kinds   *sensors.Catalog
	Areas   Areas // nil means that there are none
	Series  Series
	Basemap *basemap.Basemap // nil means none
	// Cubes may be nil: then cells cannot be played back.
	Cubes Cubes
	// Baselines may be nil: then what is learned cannot be told.
	Baselines  Baselines
	Alerts     live.AlertFinder
	Quarantine Quarantine
	Devices    Devices
	// Credentials may be nil: then none are issued here.
	Credentials Credentials
	// Verdicts may be nil: then alerts cannot be answered here.
	Verdicts Verdicts
	// Handlings may be nil: then people can do nothing about alerts here.
	Handlings Handlings
	// AlertsChanged is told that a change of an alert waits on the outbox; nil means
	// that whoever empties it looks by himself.
	AlertsChanged func()
	// Mutes may be nil: then nothing can be muted here.
	Mutes Mutes
	// Reread may be nil: then this server does not take observations in.
	Reread Rereader
	// LastMessages may be nil: then nobody is told what devices said last.
	LastMessages LastMessages
	// Settings are what people change here.
	Settings Settings
	// Reports may be nil: then none are made here.
	Reports  *desk.Desk
	AlertLog live.AlertLog // of events that analytics.EncodeAlert wrote
	// Checks are asked by /readyz. They must be safe for concurrent use.
	Checks     map[string]func(context.Context) error
	Progress   func(context.Context) (Progress, error) // nil means that none is told
	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	Now        func() time.Time // nil means time.Now
}

// Options tune a Server.
type Options struct {
	Version  string         // of the program; "" means "dev"
	District sensors.Names  // what the district is called; empty when nobody has said it
	Zone     *time.Location // of the district; nil means UTC
	Demo     bool           // open to everyone on this machine
	// Hosts are the names under which browsers may reach the server besides IP
	// addresses and localhost; "*" allows any. Others are refused, because a
	// foreign page can point a name of its own at this machine.
	Hosts []string
	Live  live.Options
	// CheckWait is how long /readyz waits for its checks; 0 means 2s.
	CheckWait time.Duration
	// MaxConnections bounds the HTTP connections of WebServer besides live ones; 0
	// means 4,096.
	MaxConnections int
	// WriteWait is how long a client may take for 32 KB of an answer; 0 means 30s.
	WriteWait time.Duration
	Assets    fs.FS // the client; nil means the one in the binary
}

// Server serves the HTTP API, the live view and the page. It is safe for
// concurrent use.
type Server struct {
	deps      Deps
	opts      Options
	log       *slog.Logger
	started   time.Time
	hub       *live.Hub
	areas     areaViews
	near      nearDevices
	histories chan struct{}            // one for each answer of cells as they were that is being made
	requests  *prometheus.HistogramVec // by class of status
	verdicts  *prometheus.CounterVec   // saved, by answer
	rereads   *rereadJobs
	directory *directory
	actions   *prometheus.CounterVec // on alerts, by action and outcome
	patience  *patience
	handler   http.Handler

	connections *connections
}

var _ analytics.Watcher = (*Server)(nil)

// New returns a Server that does nothing until its handler is asked and Run is
// called.
func New(deps Deps, opts Options) (*Server, error) {
	if err := deps.complete(); err != nil {
		return nil, err
	}
	if opts.Version == "" {
		opts.Version = "dev"
	}
	if opts.CheckWait == 0 {
		opts.CheckWait = 2 * time.Second
	}
	opts.MaxConnections, opts.WriteWait = cmp.Or(opts.MaxConnections, 4096), cmp.Or(opts.WriteWait, 30*time.Second)
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	if opts.Assets == nil {
		opts.Assets, _ = web.Assets()
	}
	if opts.Live.Server == "" {
		opts.Live.Server = "urbangrid " + opts.Version
	}
	s := &Server{deps: deps, opts: opts, log: deps.Logger.With("component", "dashboard"), started: deps.Now(), histories: make(chan struct{}, historiesAtOnce)}
	var err error
	var district []grid.Cell
	if deps.Areas != nil {
		if district, err = deps.Areas.Cells(grid.Resolution); err != nil {
			return nil, fmt.Errorf("cells of the district: %w", err)
		}
		if s.areas, err = newAreaViews(deps.Areas); err != nil {
			return nil, err
		}
	} else {
		s.areas = noAreaViews
	}
	s.hub, err = live.New(live.Deps{
		Kinds: deps.Kinds.All(), District: district, Alerts: deps.Alerts, Log: deps.AlertLog,
		Registerer: deps.Registerer, Logger: deps.Logger, Now: deps.Now,
	}, opts.Live)
	if err != nil {
		return nil, err
	}
	if s.requests, err = newRequestMetric(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register request metrics: %w", err)
	}
	if s.verdicts, err = newVerdictMetric(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register verdict metrics: %w", err)
	}
	if s.actions, err = newActionMetric(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register action metrics: %w", err)
	}
	if s.rereads, err = newRereadJobs(&deps, s.log); err != nil {
		return nil, fmt.Errorf("register reread metrics: %w", err)
	}
	if s.patience, err = newPatience(opts.WriteWait, deps.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of slow readers: %w", err)
	}
	if s.connections, err = newConnections(opts.MaxConnections, deps.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of connections: %w", err)
	}
	s.directory = newDirectory(s)
	if s.handler, err = s.routes(); err != nil {
		return nil, err
	}
	return s, nil
}

// complete fills in what may be left out and says what is missing.
func (d *Deps) complete() error {
	if d.Now == nil {
		d.Now = time.Now
	}
	if d.Progress == nil {
		d.Progress = func(context.Context) (Progress, error) { return Progress{}, nil }
	}
	var missing []error
	for name, absent := range map[string]bool{
		"Kinds": d.Kinds == nil, "Series": d.Series == nil, "Alerts": d.Alerts == nil,
		"Quarantine": d.Quarantine == nil, "Devices": d.Devices == nil, "AlertLog": d.AlertLog == nil,
		"Gatherer": d.Gatherer == nil, "Registerer": d.Registerer == nil, "Logger": d.Logger == nil,
	} {
		if absent {
			missing = append(missing, fmt.Errorf("dashboard needs Deps.%s", name))
		}
	}
	return errors.Join(missing...)
}

// Handler returns everything the server serves.
func (s *Server) Handler() http.Handler { return s.handler }

// Run owns the live view, and the jobs that people start, until ctx ends. Then it
// says goodbye to the browsers and returns when their connections and the jobs
// have ended. Call it before the listener that serves Handler is shut down.
func (s *Server) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	jobs.Go(func() { s.rereads.run(ctx) })
	err := s.hub.Run(ctx)
	stop()
	jobs.Wait()
	return err
}

// HeatChanged shows the browsers where cells stand out.
func (s *Server) HeatChanged(now time.Time, changed []analytics.HeatState) {
	s.hub.HeatChanged(now, changed)
}

// ExcessChanged shows the browsers by how much cells exceed what is usual.
func (s *Server) ExcessChanged(now time.Time, changed []analytics.ExcessState) {
	s.hub.ExcessChanged(now, changed)
}

// CellsChanged shows one second of changes to the browsers.
func (s *Server) CellsChanged(now, newest time.Time, changed []analytics.CellState) {
	s.hub.CellsChanged(now, newest, changed)
}
