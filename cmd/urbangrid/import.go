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
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
)

type importOptions struct {
	file    string
	format  string
	datum   string
	http    string
	dryRun  bool
	partial bool
}

func newDeviceImportCommand() *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Enter the devices of a CSV or GeoJSON file",
		Long: `Enters or replaces the devices of a file: all of them or, when a row is bad, none,
with everything that is wrong said at once. docs/DEVICES.md has the columns.`,
		Example: "  urbangrid device import --file devices.csv --dry-run\n  urbangrid device import --file devices.geojson",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return importDevices(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "file to read, - for the standard input")
	f.StringVar(&o.format, "format", "", "csv or geojson; left out: by the name of the file")
	f.StringVar(&o.datum, "datum", "wgs84", "datum of places that name none: wgs84, gcj02 or bd09")
	f.StringVar(&o.http, "http", localHTTP, "server whose register it is")
	f.BoolVar(&o.dryRun, "dry-run", false, "read and check, but enter nothing")
	f.BoolVar(&o.partial, "partial", false, "enter the good rows although others are bad")
	return cmd
}

// contentType is the media type of a format, or of the file's name when the
// format is "".
func contentType(format, file string) (string, error) {
	if format == "" {
		format = strings.TrimPrefix(strings.ToLower(filepath.Ext(file)), ".")
	}
	switch format {
	case "csv", "tsv", "txt":
		return "text/csv", nil
	case "geojson", "json":
		return "application/geo+json", nil
	}
	return "", fmt.Errorf("is %s CSV or GeoJSON? Say --format csv or --format geojson", file)
}

// importResult is the server's answer.
type importResult struct {
	Rows       int `json:"rows"`
	Imported   int `json:"imported"`
	FaultCount int `json:"fault_count"`
	Faults     []struct {
		Row            int
		Column, Detail string
	} `json:"faults"`
	Ignored     []string `json:"ignored"`
	TookSeconds float64  `json:"took_seconds"`
}

func importDevices(ctx context.Context, out, errs io.Writer, o importOptions) error {
	if o.file == "" {
		return errors.New("--file is missing: which file?")
	}
	kind, err := contentType(o.format, o.file)
	if err != nil {
		return err
	}
	data, err := readInput(o.file)
	if err != nil {
		return err
	}
	query := url.Values{"datum": {o.datum}}
	if o.dryRun {
		query.Set("dry_run", "true")
	}
	if o.partial {
		query.Set("partial", "true")
	}
	address, err := apiURL(o.http, "devices/import", query)
	if err != nil {
		return err
	}
	body := &counted{Reader: bytes.NewReader(data)}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return err
	}
	req.ContentLength = int64(len(data))
	req.Header.Set("Content-Type", kind)
	stop := showSending(errs, &body.n, int64(len(data)))
	answer, err := askAPI(req)
	stop()
	var refused *problem
	if errors.As(err, &refused) {
		for _, e := range refused.Errors {
			fmt.Fprintf(errs, "%s: %s\n", e.Location, e.Message)
		}
	}
	if err != nil {
		return err
	}
	defer answer.Close()
	var result importResult
	if err := json.NewDecoder(answer).Decode(&result); err != nil {
		return fmt.Errorf("answer of the server: %w", err)
	}
	return tellImport(out, errs, o, result)
}

func tellImport(out, errs io.Writer, o importOptions, r importResult) error {
	for _, f := range r.Faults {
		fmt.Fprintf(errs, "row %d, column %s: %s\n", f.Row, f.Column, f.Detail)
	}
	if len(r.Ignored) > 0 {
		fmt.Fprintf(errs, "columns that mean nothing here: %s\n", strings.Join(r.Ignored, ", "))
	}
	if o.dryRun {
		_, err := fmt.Fprintf(out, "%d devices could be entered, %d faults; nothing was changed.\n", r.Rows, r.FaultCount)
		return err
	}
	_, err := fmt.Fprintf(out, "%d devices entered in %.1f s, %d faults.\n", r.Imported, r.TookSeconds, r.FaultCount)
	return err
}

func readInput(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(name)
}

// counted counts what was read of it.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// showSending says every second how far an upload has come, until the function
// that it returns is called.
func showSending(errs io.Writer, sent *atomic.Int64, size int64) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			seconds := int(time.Since(began).Seconds())
			if n := sent.Load(); n < size {
				fmt.Fprintf(errs, "%d s: %d %% of %d MB sent\n", seconds, 100*n/size, size>>20)
			} else {
				fmt.Fprintf(errs, "%d s: the server checks and enters\n", seconds)
			}
		}
	}()
	return func() { close(done); <-ended }
}
