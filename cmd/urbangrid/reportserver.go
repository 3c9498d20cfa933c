package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/sensors"
)

// jobPoll is how often a job is asked how it stands.
const jobPoll = 500 * time.Millisecond

// serverJob is how a job of the server stands.
type serverJob struct {
	ID       string
	State    string
	Error    string
	Progress struct {
		Step        sensors.Names
		Done, Total int
	}
}

// reportFromServer asks a server for a report, for a long one as a job.
func reportFromServer(ctx context.Context, progress io.Writer, name report.Name, params url.Values, f form, o reportOptions) (io.ReadCloser, error) {
	ask := func(ctx context.Context, method, path string, query url.Values) (io.ReadCloser, error) {
		address, err := apiURL(o.server, path, query)
		if err != nil {
			return nil, errors.New(strings.Replace(err.Error(), "--http", "--server", 1))
		}
		req, err := http.NewRequestWithContext(ctx, method, address, nil)
		if err != nil {
			return nil, err
		}
		return askAPI(req)
	}
	shape := url.Values{"format": {string(f.format)}, "lang": {string(f.lang)}}
	if !o.job && params.Get("scan") != "true" {
		query := url.Values{}
		for _, part := range []url.Values{params, shape} {
			for k, v := range part {
				query[k] = v
			}
		}
		body, err := ask(ctx, http.MethodGet, "reports/"+string(name), query)
		var p *problem
		if errors.As(err, &p) || err == nil {
			return body, err
		}
		return nil, fmt.Errorf("%w (without a server, read its folder with --data)", err)
	}
	job, err := readJob(ask(ctx, http.MethodPost, "reports/"+string(name)+"/jobs", params))
	if err != nil {
		return nil, err
	}
	path := "reports/jobs/" + job.ID
	for job.State == "waiting" || job.State == "running" {
		showProgress(progress, f.lang, job.Progress.Step, job.Progress.Done, job.Progress.Total)
		select {
		case <-time.After(jobPoll):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), giveUp(ctx, func(ctx context.Context) error {
				_, err := readJob(ask(ctx, http.MethodDelete, path, nil))
				return err
			}))
		}
		if job, err = readJob(ask(ctx, http.MethodGet, path, nil)); err != nil {
			return nil, err
		}
	}
	if job.State != "done" {
		return nil, fmt.Errorf("the job is %s: %s", job.State, job.Error)
	}
	return ask(ctx, http.MethodGet, path+"/result", shape)
}

// giveUp does what is to be done although ctx has ended.
func giveUp(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiTimeout)
	defer cancel()
	return do(ctx)
}

// readJob reads and closes the answer about a job.
func readJob(body io.ReadCloser, err error) (serverJob, error) {
	if err != nil {
		return serverJob{}, err
	}
	defer body.Close()
	var j serverJob
	if err := json.NewDecoder(body).Decode(&j); err != nil {
		return j, fmt.Errorf("answer of the server: %w", err)
	}
	return j, nil
}

// showProgress writes one line of how far a report has come.
func showProgress(w io.Writer, lang report.Lang, step sensors.Names, done, total int) {
	if step == (sensors.Names{}) {
		step = sensors.Names{ZH: "等待", EN: "waiting"}
	}
	line := lang.Of(step)
	if total > 0 {
		line += fmt.Sprintf(" %d/%d", done, total)
	}
	_, _ = fmt.Fprintln(w, line) // nobody to tell when the terminal is gone
}
