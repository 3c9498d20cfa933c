package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/store"
)

// serverBookmark is a question that somebody saved, as a server tells of it.
type serverBookmark struct {
	ID, Name, Report, Query, Note, By string
	At                                time.Time
}

func newBookmarksCommand() *cobra.Command {
	var o savedOptions
	cmd := &cobra.Command{
		Use:   "bookmarks [NAME]",
		Short: "Questions that people saved under a name（已存报告）",
		Long: `Without a name lists the questions that people saved on the page of reports, with
what each asks. With a name, or an ID, makes the report of one as of now: as a table
on the terminal, or with -o as a file.`,
		Example: "  urbangrid report bookmarks\n  urbangrid report bookmarks 烟雾周报 -o 烟雾周报.xlsx",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			if len(args) == 0 {
				return listBookmarks(ctx, cmd.OutOrStdout(), o)
			}
			return writeBookmark(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), args[0], o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.server, "server", localHTTP, "server to ask")
	f.StringVarP(&o.out, "output", "o", "", "file to write: .xlsx, .csv, .json, .geojson or .txt; left out: a table on the terminal")
	f.StringVar(&o.lang, "lang", "zh", "language: zh or en")
	return cmd
}

func findBookmarks(ctx context.Context, o savedOptions) ([]serverBookmark, error) {
	body, err := askSaved(ctx, o, "reports/bookmarks", nil)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var list struct{ Bookmarks []serverBookmark }
	if err := json.NewDecoder(body).Decode(&list); err != nil {
		return nil, fmt.Errorf("answer of the server: %w", err)
	}
	return list.Bookmarks, nil
}

func listBookmarks(ctx context.Context, out io.Writer, o savedOptions) error {
	if _, err := o.form(); err != nil {
		return err
	}
	all, err := findBookmarks(ctx, o)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, b := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", b.Name, b.Report, readable(b.Query), b.By, b.At.Local().Format("2006-01-02 15:04"))
	}
	return w.Flush()
}

// readable is a query as people read it.
func readable(query string) string {
	text, err := url.QueryUnescape(strings.ReplaceAll(query, "&", " "))
	if err != nil {
		return query
	}
	return text
}

func writeBookmark(ctx context.Context, out, progress io.Writer, name string, o savedOptions) error {
	f, err := o.form()
	if err != nil {
		return err
	}
	b, err := bookmarkCalled(ctx, name, o)
	if err != nil {
		return err
	}
	params, err := url.ParseQuery(b.Query)
	if err != nil {
		return fmt.Errorf("question of %q: %w", b.Name, err)
	}
	// Asked as any other report, so that a long one is a job.
	body, err := reportFromServer(ctx, progress, report.Name(b.Report), params, f, o.reportOptions)
	if err != nil {
		return err
	}
	defer body.Close()
	return o.deliver(out, progress, body)
}

// bookmarkCalled is the saved question with a name, or an ID.
func bookmarkCalled(ctx context.Context, name string, o savedOptions) (serverBookmark, error) {
	all, err := findBookmarks(ctx, o)
	if err != nil {
		return serverBookmark{}, err
	}
	for _, b := range all {
		if b.ID == name || store.NameKey(b.Name) == store.NameKey(name) {
			return b, nil
		}
	}
	return serverBookmark{}, fmt.Errorf("no saved report is called %q: urbangrid report bookmarks lists them", name)
}
