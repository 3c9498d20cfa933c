package report

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Series is what was observed; store.Series says how.
type Series interface {
	Cube(ctx context.Context, q store.CubeQuery) (store.Cube, error)
	CubeState(ctx context.Context, q store.CubeQuery) (string, error)
	Observations(ctx context.Context, q store.ObservationQuery) (page []grid.Placed, next string, err error)
}

// Alerts are the alerts that were raised; store.Alerts says how.
type Alerts interface {
	FindAlerts(ctx context.Context, q store.AlertQuery) ([]store.Alert, error)
}

// Devices is the register; store.Devices says how.
type Devices interface {
	ListDevices(ctx context.Context, after sensors.DeviceID, limit int) ([]sensors.Device, error)
}

// Areas are the responsibility areas of the district.
type Areas interface {
	All() []grid.Area
	Cells(resolution int) ([]grid.Cell, error)
	At(p grid.Point) grid.AreaCode
}

var _ Areas = (*grid.Areas)(nil)

// Sources are what reports are made from. All are required but those that say so.
type Sources struct {
	Kinds    *sensors.Catalog
	Areas    Areas
	Series   Series
	Alerts   Alerts
	Verdicts Verdicts // nil means that nobody answers alerts
	Devices  Devices
	Handling Handling // nil means that there are no cases
	// Calendar knows holidays; nil means that there are only weekdays and weekends.
	Calendar *calendar.Calendar
	// Budgets are how many false episodes a week the rules accept, by kind. A kind
	// that is not there has no such rule.
	Budgets map[sensors.KindKey]float64
	// Thresholds are the levels from which a measure is too bad, by the alert
	// rules. A kind that is not there has none.
	Thresholds map[sensors.KindKey]float64
}

// Options tune a Reporter.
type Options struct {
	Version string           // of the program; "" means "dev"
	Zone    *time.Location   // of the district; nil means UTC
	Now     func() time.Time // nil means time.Now
	// RegisterFor is how long the register of devices is remembered: reports may be
	// so much behind it. 0 means 1 minute.
	RegisterFor time.Duration
	// Evaluation is the JSON of an evaluation of the detectors, whose tables the
	// report of quality shows; nil when there is none.
	Evaluation []byte
}

// Tell takes how far an answer has come. It may be nil.
type Tell func(jobs.Progress)

// Reporter answers Requests from Sources. It is safe for concurrent use.
type Reporter struct {
	src      Sources
	opts     Options
	register register
}

// New returns a Reporter that has not asked its sources for anything yet.
func New(src Sources, opts Options) *Reporter {
	if opts.Version == "" {
		opts.Version = "dev"
	}
	if opts.Zone == nil {
		opts.Zone = time.UTC
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.RegisterFor == 0 {
		opts.RegisterFor = time.Minute
	}
	return &Reporter{src: src, opts: opts}
}

// days is the calendar in the district's zone.
func (r *Reporter) days() *calendar.Calendar {
	if r.src.Calendar == nil {
		return new(calendar.Calendar).In(r.opts.Zone)
	}
	return r.src.Calendar.In(r.opts.Zone)
}

// District returns what a question for r is held against at this moment.
func (r *Reporter) District() District {
	return District{Kinds: r.src.Kinds, Areas: r.src.Areas.All(), Zone: r.opts.Zone, Now: r.opts.Now()}
}

// State names the state of all data behind the answer to a request: while it is
// the same, so is the answer. It costs much less than the answer. Errors: those
// of the stores.
func (r *Reporter) State(ctx context.Context, req Request) (string, error) {
	h := xxhash.New()
	add := func(s string) { _, _ = h.WriteString(s + "\n") } // a hash takes everything
	add(r.opts.Version + FormatVersion)
	reg, err := r.devices(ctx)
	if err != nil {
		return "", err
	}
	add(reg.state)
	for _, q := range r.cubesOf(req) {
		s, err := r.src.Series.CubeState(ctx, q)
		if err != nil {
			return "", fmt.Errorf("state of %s: %w", q.Kind, err)
		}
		add(s)
	}
	if req.Report == Stubborn || req.Report == Quality {
		s, err := r.alertState(ctx, req)
		if err != nil {
			return "", err
		}
		add(s)
	}
	if req.To.After(r.opts.Now()) || req.Report == Quality {
		// What is open, and the states of devices, go on by themselves; a minute is
		// near enough.
		add(r.opts.Now().UTC().Truncate(time.Minute).String())
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ErrTooMuch says that a question has a longer answer than is given. Its text says
// what to ask instead.
var ErrTooMuch = errors.New("the answer would be too long")

// Answer answers a request that Parse made, from data whose State was asked
// before. Errors: those of the stores, ErrTooMuch, and that of ctx.
func (r *Reporter) Answer(ctx context.Context, req Request, state string, tell Tell) (*Result, error) {
	if tell == nil {
		tell = func(jobs.Progress) {}
	}
	answers := map[Name]answerer{
		Trend: r.trend, Hotspots: r.byKind(r.hotspots), Emerging: r.byKind(r.emerging), Stubborn: r.stubborn, Quality: r.quality,
	}
	answer := answers[req.Report]
	if answer == nil {
		return nil, fmt.Errorf("no report is called %q", req.Report)
	}
	out, err := r.frame(req, state)
	if err != nil {
		return nil, err
	}
	if err := answer(ctx, req, tell, out); err != nil {
		return nil, fmt.Errorf("report %s: %w", req.Report, err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err // what was left out because of it must not look whole
	}
	if req.Areas.Len() > 1 {
		out.define("areas")
	}
	if req.Kinds.Len() > 1 {
		out.define("kinds")
	}
	if req.To.After(out.GeneratedAt) {
		out.note(NoteRunning)
	}
	for i := range out.Tables {
		if out.Tables[i].Rows == nil {
			out.Tables[i].Rows = [][]Value{}
		}
	}
	out.Notes = notesOf(out.Tables, out.Notes)
	return out, nil
}

// frame is a result with everything that is known before it is answered.
func (r *Reporter) frame(req Request, state string) (*Result, error) {
	d := r.District()
	bounds, err := r.bounds(req)
	if err != nil {
		return nil, err
	}
	title := titles[req.Report]
	if req.Kinds.Len() > 0 {
		of := kindsName(req.Kinds, d.Kinds)
		title = sensors.Names{ZH: title.ZH + "：" + of.ZH, EN: title.EN + ": " + of.EN}
	}
	return &Result{
		Report: req.Report, Title: title, Version: Version{Program: r.opts.Version, Format: FormatVersion},
		GeneratedAt: d.Now.UTC(),
		Period:      NewPeriod(req.From, req.To, d.Zone, req.Every, len(bounds)-1),
		Data:        Data{Fingerprint: state}, Parameters: req.parameters(d),
		Methods: []Method{}, Definitions: []Definition{}, Tables: []Table{}, Features: []Feature{},
	}, nil
}

var titles = map[Name]sensors.Names{
	Trend:    {ZH: "趋势分析", EN: "Trends"},
	Hotspots: {ZH: "热点分析", EN: "Hot spots"},
	Emerging: {ZH: "新兴热点分析", EN: "Emerging hot spots"},
	Stubborn: {ZH: "难点问题", EN: "Stubborn problems"},
	Quality:  {ZH: "检测质量", EN: "Detection quality"},
}

// Title returns what people call a report.
func (n Name) Title() sensors.Names { return titles[n] }

// bounds are the windows of a request.
func (r *Reporter) bounds(req Request) ([]time.Time, error) {
	return req.Every.Bounds(req.From, req.To, r.opts.Zone, limits[req.Every])
}

// note adds a general note once.
func (res *Result) note(code NoteCode) {
	for _, n := range res.Notes {
		if n.Code == code {
			return
		}
	}
	res.Notes = append(res.Notes, Note{Code: code, Text: code.Text()})
}

// define adds definitions by their keys.
func (res *Result) define(keys ...string) {
	for _, key := range keys {
		res.Definitions = append(res.Definitions, definitionOf(key))
	}
}

// use adds methods by their keys.
func (res *Result) use(keys ...string) {
	for _, key := range keys {
		res.Methods = append(res.Methods, methodOf(key))
	}
}
