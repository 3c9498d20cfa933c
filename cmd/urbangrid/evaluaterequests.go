package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/analytics/evaluate"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/simulator/replay"
)

// requestsOptions say what real requests are evaluated.
type requestsOptions struct {
	files      []string
	mapping    string
	holidays   string
	without    []string
	resolution int
	learnDays  int
	repeat     time.Duration
}

// Of cells, and of requests of one kind at one point.
const (
	defaultResolution = 8
	defaultRepeat     = time.Hour
)

func (o *requestsOptions) flags(f *pflag.FlagSet) {
	f.StringSliceVar(&o.files, "requests", nil, "CSV files of real requests, also compressed with gzip")
	f.StringVar(&o.mapping, "mapping", "deploy/examples/myla311.yaml", "mapping file of the requests (YAML); days are those of its zone")
	f.StringVar(&o.holidays, "holidays", "", "public holidays there, in the form of the server's holidays file")
	f.StringArrayVar(&o.without, "without", nil, "leave out requests with this attribute=value, as the mapping names attributes; may be given again")
	f.IntVar(&o.resolution, "resolution", defaultResolution, "H3 resolution of the cells")
	f.IntVar(&o.learnDays, "learn-days", 0, "days with requests that are learned before any is judged; 0 means half of them")
	f.DurationVar(&o.repeat, "repeat", defaultRepeat, "in what time a request of the same kind at the same point repeats the one before; 0 means that all count")
}

// evaluateRequests measures the detection on real requests, writes the result and
// prints the hot spots.
func evaluateRequests(ctx context.Context, out, errs io.Writer, o evaluateOptions) error {
	r := o.requests
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		return err
	}
	mapping, err := readMapping(r.mapping, catalog)
	if err != nil {
		return err
	}
	days := new(calendar.Calendar)
	if r.holidays != "" {
		if days, err = readFile(r.holidays, calendar.Read); err != nil {
			return err
		}
	}
	read, err := newRequestReading(catalog, mapping, r.without)
	if err != nil {
		return err
	}
	for _, file := range r.files {
		if err := read.file(file); err != nil {
			return err
		}
	}
	fmt.Fprintln(errs, read.tally)
	opts := evaluate.RealOptions{Seed: o.seed, Zone: mapping.Zone(), Slot: days.In(mapping.Zone()).Slot,
		Resolution: r.resolution, LearnDays: r.learnDays, Repeat: cmp.Or(r.repeat, -1), Progress: errs}
	if o.quick {
		opts.Replicates, opts.Curve, opts.Shuffles = 8, -1, 4
	}
	result, err := evaluate.Real(ctx, read.requests, opts)
	if err != nil {
		return err
	}
	result.Settings = append(result.Settings, read.tally.settings()...)
	files := map[string]func(io.Writer) error{
		"result.json": result.WriteJSON, "hotspots.md": result.WriteHotspots,
		"report.md": func(w io.Writer) error { return result.WriteMarkdown(w, o.requestsCommand()) },
	}
	if len(result.Curve) > 0 {
		files["amoc.csv"], files["amoc.svg"] = result.WriteCurve, result.WritePlot
	}
	if err := writeFiles(o.out, files); err != nil {
		return err
	}
	if err := result.WriteHotspots(out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "written to %s\n", o.out)
	return err
}

// requestsCommand is what makes the result again, files aside.
func (o evaluateOptions) requestsCommand() string {
	command := "urbangrid evaluate --requests …"
	for _, w := range o.requests.without {
		command += fmt.Sprintf(" --without %q", w)
	}
	if o.requests.holidays != "" {
		command += " --holidays …"
	}
	if o.requests.resolution != defaultResolution {
		command += fmt.Sprintf(" --resolution %d", o.requests.resolution)
	}
	if o.requests.learnDays != 0 {
		command += fmt.Sprintf(" --learn-days %d", o.requests.learnDays)
	}
	if o.requests.repeat != defaultRepeat {
		command += fmt.Sprintf(" --repeat %s", o.requests.repeat)
	}
	if o.quick {
		command += " --quick"
	}
	return command
}

// requestTally says what has become of the rows of request files.
type requestTally struct {
	rows, unreadable, noPosition, refused, noEvents, again, without int
	used                                                            int
}

// String writes it in one line.
func (t requestTally) String() string {
	return fmt.Sprintf("%d rows: %d requests; left out: %d unreadable, %d without a position, %d refused by the catalogue, %d that are no events, %d told twice, %d by --without",
		t.rows, t.used, t.unreadable, t.noPosition, t.refused, t.noEvents, t.again, t.without)
}

func (t requestTally) settings() []evaluate.Setting {
	return []evaluate.Setting{
		{Name: "rows", Value: float64(t.rows), Says: "of the files"},
		{Name: "requests", Value: float64(t.used), Says: "of them, repeats included"},
		{Name: "without_position", Value: float64(t.noPosition), Says: "left out"},
		{Name: "unreadable", Value: float64(t.unreadable + t.refused + t.noEvents), Says: "left out, with those that the catalogue refuses or that are no events"},
		{Name: "told_twice", Value: float64(t.again), Says: "left out: the source's own number was there before"},
		{Name: "without", Value: float64(t.without), Says: "left out by --without"},
	}
}

// requestReading makes requests of files.
type requestReading struct {
	catalog  *sensors.Catalog
	mapping  *replay.Mapping
	without  map[string]map[string]bool // values by attribute
	known    map[string]bool            // ids
	requests []evaluate.Request
	tally    requestTally
}

func newRequestReading(catalog *sensors.Catalog, mapping *replay.Mapping, without []string) (*requestReading, error) {
	r := &requestReading{catalog: catalog, mapping: mapping, without: make(map[string]map[string]bool), known: make(map[string]bool)}
	for _, w := range without {
		name, value, ok := strings.Cut(w, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--without is %q, want attribute=value", w)
		}
		if r.without[name] == nil {
			r.without[name] = make(map[string]bool)
		}
		r.without[name][value] = true
	}
	return r, nil
}

func (r *requestReading) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open requests: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	rows, err := replay.NewReader(f, r.mapping)
	if err != nil {
		return fmt.Errorf("%s does not fit the mapping:\n%w", path, err)
	}
	for {
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		r.tally.rows++
		if row.Reason != "" {
			r.tally.unreadable++
		}
		for _, o := range row.Observations {
			if err := r.take(o); err != nil {
				return fmt.Errorf("%s, line %d: %w", path, row.Line, err)
			}
		}
	}
}

// take takes in an observation that is a request and has a place.
func (r *requestReading) take(o sensors.Observation) error {
	kind, _ := r.catalog.Kind(o.Kind) // the mapping knows those of the catalogue only
	reason, _ := r.catalog.Check(o, time.Now())
	switch {
	case kind.Type != sensors.Event:
		r.tally.noEvents++
		return nil
	case reason != "":
		r.tally.refused++
		return nil
	case !o.Position.Known():
		r.tally.noPosition++
		return nil
	case o.ID != "" && r.known[o.ID]:
		r.tally.again++
		return nil
	}
	request := evaluate.Request{ID: o.ID, Kind: o.Kind, At: o.At, Point: grid.ToWGS84(o.Position)}
	if o.Attrs != "" {
		if err := json.Unmarshal([]byte(o.Attrs), &request.Attrs); err != nil {
			return fmt.Errorf("attributes of request %q: %w", o.ID, err)
		}
	}
	r.known[o.ID] = true
	for name, values := range r.without {
		if values[request.Attrs[name]] {
			r.tally.without++
			return nil
		}
	}
	r.tally.used++
	r.requests = append(r.requests, request)
	return nil
}
