package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"
)

type exportOptions struct {
	file   string
	format string
	lang   string
	http   string
}

func newDeviceExportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write the register as CSV or GeoJSON",
		Long:    "Writes every device as import reads it.",
		Example: "  urbangrid device export --file devices.csv --lang zh\n  urbangrid device export --format geojson > devices.geojson",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return exportDevices(cmd.Context(), cmd.OutOrStdout(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.file, "file", "", "file to write, \"\" for the standard output")
	f.StringVar(&o.format, "format", "", "csv or geojson; left out: by the name of the file, else csv")
	f.StringVar(&o.lang, "lang", "en", "language of the header of CSV: en or zh")
	f.StringVar(&o.http, "http", localHTTP, "server whose register it is")
	return cmd
}

func exportDevices(ctx context.Context, out io.Writer, o exportOptions) error {
	if o.format == "" && o.file == "" {
		o.format = "csv"
	}
	kind, err := contentType(o.format, o.file)
	if err != nil {
		return err
	}
	path, query := "devices.csv", url.Values{"lang": {o.lang}}
	if kind != "text/csv" {
		path, query = "devices.geojson", nil
	}
	address, err := apiURL(o.http, path, query)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	answer, err := askAPI(req)
	if err != nil {
		return err
	}
	defer answer.Close()
	if o.file == "" {
		_, err = io.Copy(out, answer)
		return err
	}
	return writeWhole(o.file, answer)
}

// writeWhole writes a file that takes its name only when it is whole.
func writeWhole(name string, from io.Reader) (err error) {
	part := name + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(part))
	}
	return os.Rename(part, name)
}
