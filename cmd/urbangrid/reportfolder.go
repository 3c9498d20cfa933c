package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/desk"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/analytics/report/jobs"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/analytics/report/schedule"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// evaluationFile is the evaluation in the data folder that the report of quality
// shows, where there is one.
const evaluationFile = "evaluation.json"

// reportsFolder is where reports that were made by the clock are kept, in the data
// folder.
const reportsFolder = "reports"

// newReports is where people ask this server for reports.
func (s *server) newReports(zone *time.Location) (*desk.Desk, error) {
	r, err := s.newReporter(zone, "")
	if err != nil {
		return nil, err
	}
	library, err := openLibrary(s.cfg, s.areas)
	if err != nil {
		return nil, err
	}
	opts := desk.Options{Log: s.log, Saved: library, Bookmarks: s.records}
	nightly, on, err := s.cfg.nightly()
	if err != nil {
		return nil, err
	}
	if on {
		if opts.Schedule, err = schedule.New(r, library, schedule.Options{Zone: zone, Nightly: nightly, Log: s.log, Registerer: s.reg}); err != nil {
			return nil, err
		}
	}
	return desk.New(r, opts), nil
}

func openLibrary(cfg config, areas *grid.Areas) (*saved.Library, error) {
	return saved.Open(cfg.path(reportsFolder), areas.All(), saved.Options{Runs: schedule.Runs()})
}

// nightly is how long after midnight the reports of the night are made, and whether
// any are made by the clock.
func (c config) nightly() (after time.Duration, on bool, err error) {
	if c.Nightly == "off" {
		return 0, false, nil
	}
	t, err := time.Parse("15:04", c.Nightly)
	if err != nil {
		return 0, false, fmt.Errorf("%q is neither a time of day like 02:30 nor off", c.Nightly)
	}
	after = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	return max(after, time.Second), true, nil // 0 would mean the default
}

// newReporter makes reports from what the server has open. evaluation names a
// file, "" for that of the data folder.
func (s *server) newReporter(zone *time.Location, evaluation string) (*report.Reporter, error) {
	optional := evaluation == ""
	if optional {
		evaluation = s.cfg.path(evaluationFile)
	}
	text, err := os.ReadFile(evaluation)
	if optional && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("evaluation: %w", err)
	}
	days, err := readHolidays(s.cfg.Holidays, zone)
	if err != nil {
		return nil, err
	}
	return report.New(report.Sources{
		Kinds: s.catalog, Areas: s.areas, Series: s.series, Alerts: s.records, Verdicts: s.records, Devices: s.register,
		Thresholds: thresholds(s.rules, s.catalog), Budgets: budgets(s.rules), Calendar: days,
		Handling: report.AlertHandling{TakeUps: s.records, Now: time.Now},
	}, report.Options{Version: version, Zone: zone, Evaluation: text}), nil
}

// thresholds are the mildest levels from which rules raise an alert.
func thresholds(rules []analytics.Rule, catalog *sensors.Catalog) map[sensors.KindKey]float64 {
	out := map[sensors.KindKey]float64{}
	for _, r := range rules {
		if r.Threshold == nil {
			continue
		}
		k, _ := catalog.Kind(r.Kind)
		old, known := out[r.Kind]
		milder := r.Threshold.Raise < old
		if k.Bad == sensors.LowIsBad {
			milder = r.Threshold.Raise > old
		}
		if !known || milder {
			out[r.Kind] = r.Threshold.Raise
		}
	}
	return out
}

// budgets are the false episodes a week that hotspot rules accept, by kind.
func budgets(rules []analytics.Rule) map[sensors.KindKey]float64 {
	out := map[sensors.KindKey]float64{}
	for _, r := range rules {
		if r.Hotspot == nil {
			continue
		}
		b := r.Hotspot.Budget
		if b == 0 {
			b = 1
		}
		out[r.Kind] += b
	}
	return out
}

// reportFromFolder makes a report from a data folder that no server runs on.
func reportFromFolder(ctx context.Context, progress io.Writer, name report.Name, params url.Values, f form, o reportOptions) (_ io.ReadCloser, err error) {
	cfg, err := folderConfig(o)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(cfg.Data); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	zone, err := time.LoadLocation(cfg.Zone)
	if err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return nil, fmt.Errorf("%w; or ask that server with --server", err)
	}
	defer unlock()
	s := &server{cfg: cfg, log: newLogger(cfg, progress), reg: prometheus.NewRegistry()}
	defer func() { err = errors.Join(err, s.close()) }()
	for _, open := range []func(context.Context) error{s.readFiles, s.openRecords, s.openSeries} {
		if err := open(ctx); err != nil {
			return nil, err
		}
	}
	r, err := s.newReporter(zone, o.evaluation)
	if err != nil {
		return nil, err
	}
	req, err := report.Parse(name, params, r.District())
	if err != nil {
		return nil, flagFaults(err)
	}
	state, err := r.State(ctx, req)
	if err != nil {
		return nil, err
	}
	last := jobs.Progress{}
	result, err := r.Answer(ctx, req, state, func(p jobs.Progress) {
		if req.Long() && (p.Step != last.Step || p.Done >= last.Done+max(1, p.Total/20)) {
			showProgress(progress, f.lang, p.Step, p.Done, p.Total)
			last = p
		}
	})
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := export.Write(&b, f.format, result, f.lang); err != nil {
		return nil, err
	}
	return io.NopCloser(&b), nil
}

// folderConfig is the configuration of the server of a folder: file, environment,
// and the folder itself.
func folderConfig(o reportOptions) (config, error) {
	f := pflag.NewFlagSet("report", pflag.ContinueOnError)
	addFlags(f)
	if err := f.Set("data", o.data); err != nil {
		return config{}, err
	}
	if err := f.Set("log-level", "error"); err != nil {
		return config{}, err
	}
	if o.config != "" {
		if err := f.Set("config", o.config); err != nil {
			return config{}, err
		}
	}
	return readConfig(f, os.Environ())
}

// flagFaults names flags where the API names parameters.
func flagFaults(err error) error {
	var faults report.Faults
	if !errors.As(err, &faults) {
		return err
	}
	list := make([]error, len(faults))
	for i, f := range faults {
		list[i] = fmt.Errorf("--%s %s", flagName(f.Param), f.Detail)
	}
	return errors.Join(list...)
}

var (
	_ report.Alerts   = (store.Alerts)(nil)
	_ report.Verdicts = (store.Verdicts)(nil)
	_ report.Series   = (store.Series)(nil)
)
