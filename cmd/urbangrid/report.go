package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/export"
)

// reportOptions are those of every report.
type reportOptions struct {
	server     string
	data       string
	config     string
	evaluation string
	out        string
	lang       string
	job        bool
}

func newReportCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Trends, hot spots, stubborn problems, and the quality of detection",
		Long: `Asks a running server for a report, because it alone can read its database while
it runs; or with --data reads the folder itself while no server runs on it.

Without -o the report is a table on the terminal. With -o it is a file: .xlsx and
.csv for spreadsheets, .json for programs, .geojson for maps. Every one states its
method, parameters, period, definitions and version. Where there is not enough
data the report says so and gives no number.`,
		Example: "  urbangrid report trend --kind smoke --by area --every week\n" +
			"  urbangrid report trend --kind smoke,stall --area 310107005,310107014 --period 4w\n" +
			"  urbangrid report hotspots --kind illegal_parking --from 2026-10-01 -o hotspots.xlsx\n" +
			"  urbangrid report stubborn --data /var/lib/urbangrid -o 难点.xlsx",
	}
	for _, name := range report.Names {
		cmd.AddCommand(newOneReportCommand(name))
	}
	cmd.AddCommand(newSavedReportCommand(), newBookmarksCommand())
	return cmd
}

// newOneReportCommand makes a flag of every parameter of the report.
func newOneReportCommand(name report.Name) *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   string(name),
		Short: name.Title().EN + "（" + name.Title().ZH + "）",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return makeReport(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), name, given(cmd.Flags(), name), o)
		},
	}
	f := cmd.Flags()
	for _, p := range report.Params(name) {
		usage := p.Doc.EN + "（" + p.Doc.ZH + "）"
		if len(p.Enum) > 0 {
			usage += ": " + strings.Join(p.Enum, ", ")
		}
		if p.Type == report.YesNoParam {
			f.Bool(flagName(p.Key), false, usage)
			continue
		}
		if p.Many > 0 {
			f.StringArray(flagName(p.Key), nil, usage+": several times, or parted by commas")
			continue
		}
		f.String(flagName(p.Key), p.Default, usage)
	}
	f.StringVar(&o.server, "server", localHTTP, "server to ask")
	f.StringVar(&o.data, "data", "", "read this data folder instead of asking a server; none may run on it")
	f.StringVar(&o.config, "config", "", "configuration file of that folder's server (YAML)")
	f.StringVar(&o.evaluation, "evaluation", "", "with --data: JSON file of an evaluation, for the report of quality")
	f.StringVarP(&o.out, "output", "o", "", "file to write: .xlsx, .csv, .json, .geojson or .txt; left out: a table on the terminal")
	f.StringVar(&o.lang, "lang", "zh", "language: zh or en")
	f.BoolVar(&o.job, "job", false, "let the server make it as a job, with its progress shown here")
	return cmd
}

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// given are the parameters that were given as flags.
func given(f *pflag.FlagSet, name report.Name) url.Values {
	out := url.Values{}
	for _, p := range report.Params(name) {
		fl := f.Lookup(flagName(p.Key))
		if fl == nil || !fl.Changed {
			continue
		}
		if all, ok := fl.Value.(pflag.SliceValue); ok {
			out[p.Key] = all.GetSlice()
			continue
		}
		out.Set(p.Key, fl.Value.String())
	}
	return out
}

// form is how the report is to be written.
type form struct {
	format export.Format
	lang   report.Lang
}

func (o reportOptions) form() (form, error) {
	f := form{format: export.Text, lang: report.Lang(o.lang)}
	if f.lang != report.ZH && f.lang != report.EN {
		return f, fmt.Errorf("--lang is %q, want zh or en", o.lang)
	}
	var err error
	if o.out != "" {
		f.format, err = export.FormatOf(o.out)
	}
	return f, err
}

func makeReport(ctx context.Context, out, progress io.Writer, name report.Name, params url.Values, o reportOptions) error {
	f, err := o.form()
	if err != nil {
		return err
	}
	if o.data == "" && (o.config != "" || o.evaluation != "") {
		return errors.New("--config and --evaluation go with --data")
	}
	var body io.ReadCloser
	if o.data != "" {
		body, err = reportFromFolder(ctx, progress, name, params, f, o)
	} else {
		body, err = reportFromServer(ctx, progress, name, params, f, o)
	}
	if err != nil {
		return err
	}
	defer body.Close()
	return o.deliver(out, progress, body)
}

// deliver writes a report to the file that was asked for, else to the terminal.
func (o reportOptions) deliver(out, progress io.Writer, body io.Reader) error {
	if o.out == "" {
		_, err := io.Copy(out, body)
		return err
	}
	if err := writeWhole(o.out, body); err != nil {
		return err
	}
	_, err := fmt.Fprintf(progress, "%s\n", o.out)
	return err
}
