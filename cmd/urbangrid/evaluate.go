package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
)

type evaluateOptions struct {
	seed   uint64
	quick  bool
	out    string
	truth  string
	alerts string

	requests requestsOptions
}

func newEvaluateCommand() *cobra.Command {
	var o evaluateOptions
	cmd := &cobra.Command{
		Use:   "evaluate",
		Short: "Measure the detection against incidents whose truth is known",
		Long: `Lets the product's own detector watch simulated districts in which incidents are
made to happen, and broken sensors, clocks and calendars, and measures what is found,
how soon, how exactly, and what is raised for nothing. The designs are those of the
reference benchmark; the same seed gives the same result.

With --truth and --alerts it measures a recorded run instead: the truth that
"urbangrid simulate --truth" wrote against the alerts of a server
(GET /api/v1/alerts, the answer as it is).

With --requests it lets the detector learn the first days of real requests, one
detector a kind, and judge the others: alone, and with clusters injected. It prints
every hot spot of the real days with its requests, so that a person can judge them,
and writes them to hotspots.md. Nothing is promised of real days.

It writes result.json, report.md, amoc.csv and amoc.svg to the folder given with --out
and ends with an error when a promise is not kept. With --quick there are too few
quiet weeks to hold their false episodes against the promise as they are: it is
broken by more than chance explains.`,
		Example: "  urbangrid evaluate --out docs/evaluation\n  urbangrid evaluate --truth truth.jsonl --alerts alerts.json --out run-7\n" +
			"  urbangrid evaluate --requests requests.csv --mapping deploy/examples/myla311.yaml --out real",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runEvaluate(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr(), o)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&o.seed, "seed", 0, "number that everything follows from; 0 means the one of the published report")
	f.BoolVar(&o.quick, "quick", false, "few replicates and no curve: a minute instead of ten")
	f.StringVar(&o.out, "out", "evaluation", "folder to write to")
	f.StringVar(&o.truth, "truth", "", "truth of a recorded run, as urbangrid simulate --truth writes it")
	f.StringVar(&o.alerts, "alerts", "", "alerts of a recorded run, as GET /api/v1/alerts answers")
	o.requests.flags(f)
	return cmd
}

// errNotKept is how an evaluation ends that misses a promise; report.md says which.
var errNotKept = errors.New("a promise is not kept")

func runEvaluate(ctx context.Context, out, errs io.Writer, o evaluateOptions) error {
	if (o.truth == "") != (o.alerts == "") {
		return errors.New("--truth and --alerts belong together")
	}
	if len(o.requests.files) > 0 {
		if o.truth != "" {
			return errors.New("--requests and --truth are two evaluations: give one")
		}
		return evaluateRequests(ctx, out, errs, o)
	}
	command := "urbangrid evaluate"
	var result *evaluate.Result
	var err error
	if o.truth != "" {
		result, err = evaluateRecorded(o)
		command += " --truth … --alerts …"
	} else {
		result, err = evaluateDesigns(ctx, errs, o)
		if o.quick {
			command += " --quick"
		}
	}
	if err != nil {
		return err
	}
	if err := writeEvaluation(o.out, command, result); err != nil {
		return err
	}
	fmt.Fprintf(out, "written to %s\n", o.out)
	for _, c := range result.Checks {
		if !c.Kept {
			fmt.Fprintf(out, "not kept: %s: %.3f, want %s\n", c.Promise, c.Got, c.Want)
		}
	}
	if !result.Kept() {
		return errNotKept
	}
	return nil
}

// evaluateDesigns runs the designed benchmark, its faults and, unless it is to be
// quick, its curve.
func evaluateDesigns(ctx context.Context, errs io.Writer, o evaluateOptions) (*evaluate.Result, error) {
	opts := evaluate.SpatialOptions{Seed: o.seed, Progress: errs}
	faults, curve := opts, opts
	faults.Towns, faults.Replicates = 4, 5
	curve.Towns, curve.Replicates = 4, 8
	if o.quick {
		opts.Towns, opts.Replicates, opts.QuietWeeks = 2, 10, 2
		faults.Towns, faults.Replicates = 1, 2
	}
	result, err := evaluate.Spatial(ctx, opts)
	if err != nil {
		return nil, err
	}
	found, err := evaluate.Faults(ctx, evaluate.FaultsOptions{SpatialOptions: faults, Gate: ingestGate})
	if err != nil {
		return nil, err
	}
	result.AddFaults(found)
	if o.quick {
		return result, nil
	}
	result.Curve, err = evaluate.Amoc(ctx, curve, evaluate.AmocThresholds())
	return result, err
}

func evaluateRecorded(o evaluateOptions) (*evaluate.Result, error) {
	truth, err := readFile(o.truth, evaluate.ReadTruth)
	if err != nil {
		return nil, err
	}
	alerts, err := readFile(o.alerts, evaluate.ReadAlerts)
	if err != nil {
		return nil, err
	}
	return evaluate.Recorded(truth, alerts), nil
}

func writeEvaluation(dir, command string, r *evaluate.Result) error {
	files := map[string]func(io.Writer) error{
		"result.json": r.WriteJSON,
		"report.md":   func(w io.Writer) error { return r.WriteMarkdown(w, command) },
	}
	if len(r.Curve) > 0 {
		files["amoc.csv"], files["amoc.svg"] = r.WriteCurve, r.WritePlot
	}
	return writeFiles(dir, files)
}

// writeFiles writes files, by name, into a folder, which it makes when there is none.
func writeFiles(dir string, files map[string]func(io.Writer) error) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return fmt.Errorf("folder for the evaluation: %w", err)
	}
	var errs []error
	for name, write := range files {
		errs = append(errs, writeTo(filepath.Join(dir, name), write))
	}
	return errors.Join(errs...)
}

func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
