package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/sensors"
)

// savedOptions say which saved reports are asked for.
type savedOptions struct {
	reportOptions
	schedule string
	report   string
	kind     string
}

func newSavedReportCommand() *cobra.Command {
	var o savedOptions
	cmd := &cobra.Command{
		Use:   "saved [ID]",
		Short: "Reports that the server made by the clock（定时报告）",
		Long: `Without an ID lists what is kept, the newest first: emerging hot spots by the
hour, the reports of the night, and the book of the week. With an ID writes it: as a
table on the terminal, or with -o as a file. A book of several reports is .xlsx or
.json.`,
		Example: "  urbangrid report saved --schedule weekly\n  urbangrid report saved weekly-20261122T2200Z-book -o 周报.xlsx",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if len(args) == 0 {
				return listSavedReports(ctx, cmd.OutOrStdout(), o)
			}
			return writeSavedReport(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.schedule, "schedule", "", "list what this schedule made: hourly, nightly or weekly")
	f.StringVar(&o.report, "report", "", "list this report alone")
	f.StringVar(&o.kind, "kind", "", "list reports of this kind alone")
	f.StringVar(&o.server, "server", localHTTP, "server to ask")
	f.StringVar(&o.data, "data", "", "read this data folder instead of asking a server")
	f.StringVar(&o.config, "config", "", "configuration file of that folder's server (YAML)")
	f.StringVarP(&o.out, "output", "o", "", "file to write: .xlsx, .csv, .json, .geojson or .txt; left out: a table on the terminal")
	f.StringVar(&o.lang, "lang", "zh", "language: zh or en")
	return cmd
}

// query is what narrows the list.
func (o savedOptions) query() saved.Query {
	return saved.Query{Schedule: o.schedule, Report: report.Name(o.report), Kind: sensors.KindKey(o.kind)}
}

func listSavedReports(ctx context.Context, out io.Writer, o savedOptions) error {
	f, err := o.form()
	if err != nil {
		return err
	}
	items, zone, err := findSavedReports(ctx, o)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, i := range items {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d KiB\n", i.ID, f.lang.Of(i.Title), i.GeneratedAt.In(zone).Format("2006-01-02 15:04"), (i.Bytes+1023)/1024)
	}
	return w.Flush()
}

// findSavedReports lists what a server or a folder keeps, with the zone that people
// read its times in.
func findSavedReports(ctx context.Context, o savedOptions) ([]saved.Item, *time.Location, error) {
	if o.data != "" {
		library, cfg, err := savedFolder(o)
		if err != nil {
			return nil, nil, err
		}
		zone, err := time.LoadLocation(cfg.Zone)
		return library.List(o.query()), zone, err
	}
	query := url.Values{"limit": {"2000"}}
	for key, value := range map[string]string{"schedule": o.schedule, "report": o.report, "kind": o.kind} {
		if value != "" {
			query.Set(key, value)
		}
	}
	body, err := askSaved(ctx, o, "reports/saved", query)
	if err != nil {
		return nil, nil, err
	}
	defer body.Close()
	var list struct{ Saved []saved.Item }
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, nil, fmt.Errorf("answer of the server: %w", err)
	}
	return list.Saved, time.Local, nil
}

func askSaved(ctx context.Context, o savedOptions, path string, query url.Values) (io.ReadCloser, error) {
	address, err := apiURL(o.server, path, query)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return askAPI(req)
}

// savedFolder opens what a data folder keeps.
func savedFolder(o savedOptions) (*saved.Library, config, error) {
	cfg, err := folderConfig(o.reportOptions)
	if err != nil {
		return nil, cfg, err
	}
	if _, err := os.Stat(cfg.path(reportsFolder)); err != nil {
		return nil, cfg, fmt.Errorf("saved reports: %w", err)
	}
	areas, err := readAreas(cfg.Areas)
	if err != nil {
		return nil, cfg, err
	}
	unlock, err := lockData(cfg.Data)
	if err != nil {
		return nil, cfg, fmt.Errorf("%w; or ask that server with --server", err)
	}
	defer unlock()
	library, err := openLibrary(cfg, areas)
	return library, cfg, err
}

func writeSavedReport(ctx context.Context, out, progress io.Writer, id string, o savedOptions) error {
	f, err := o.form()
	if err != nil {
		return err
	}
	var body io.ReadCloser
	if o.data != "" {
		body, err = savedFromFolder(id, f, o)
	} else {
		body, err = askSaved(ctx, o, "reports/saved/"+url.PathEscape(id), url.Values{"format": {string(f.format)}, "lang": {string(f.lang)}})
	}
	if err != nil {
		return err
	}
	defer body.Close()
	return o.deliver(out, progress, body)
}

func savedFromFolder(id string, f form, o savedOptions) (io.ReadCloser, error) {
	library, _, err := savedFolder(o)
	if err != nil {
		return nil, err
	}
	item, results, err := library.Load(id)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = export.WriteBook(&b, f.format, item.Title, results, f.lang)
	if errors.Is(err, export.ErrOneReport) {
		return nil, fmt.Errorf("%w: give -o FILE.xlsx", err)
	}
	return io.NopCloser(&b), err
}
