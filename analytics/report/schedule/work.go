package schedule

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/analytics/report/saved"
	"github.com/urbangrid/urbangrid/sensors"
)

// question is one report of a run, as parameters in a URL.
type question struct {
	report report.Name
	params url.Values
}

// bookWeeks is how far the emerging hot spots of a weekly book look back: a cube of
// seven days is too short.
const bookWeeks = 4

// questions are the reports of a run that is due at a moment.
func (s *Scheduler) questions(n Name, due time.Time, kinds []sensors.Kind) []question {
	var out []question
	ask := func(name report.Name, params url.Values) { out = append(out, question{name, params}) }
	switch n {
	case Hourly:
		for _, k := range kinds {
			ask(report.Emerging, url.Values{"kind": {string(k.Key)}, "every": {string(report.Hour)}})
		}
	case Nightly:
		for _, k := range kinds {
			ask(report.Emerging, url.Values{"kind": {string(k.Key)}, "every": {string(report.Day)}})
		}
		ask(report.Trend, url.Values{"by": {string(report.ByAreaKind)}})
		ask(report.Stubborn, nil)
		ask(report.Quality, nil)
	case Weekly:
		zone := s.plan.zone
		monday := report.Week.Floor(due, zone)
		day := func(t time.Time) []string { return []string{t.Format(time.DateOnly)} }
		from, long, to := day(report.Week.Add(monday, -1, zone)), day(report.Week.Add(monday, -bookWeeks, zone)), day(monday)
		ask(report.Trend, url.Values{"by": {string(report.ByKind)}, "from": from, "to": to})
		ask(report.Trend, url.Values{"by": {string(report.ByAreaKind)}, "from": from, "to": to})
		for _, k := range kinds {
			ask(report.Hotspots, url.Values{"kind": {string(k.Key)}, "from": from, "to": to})
			ask(report.Emerging, url.Values{"kind": {string(k.Key)}, "from": long, "to": to})
		}
		ask(report.Stubborn, url.Values{"to": to})
		ask(report.Quality, url.Values{"from": from, "to": to})
	}
	return out
}

// answerTime bounds one report.
const answerTime = 10 * time.Minute

// answer makes one report as of the moment at which the run was due; nil where
// nothing was observed or raised that it could be about.
func (s *Scheduler) answer(ctx context.Context, q question, due time.Time) (*report.Result, report.Request, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	d := s.reporter.District()
	d.Now = due
	req, err := report.Parse(q.report, q.params, d)
	if err != nil {
		return nil, req, err
	}
	state, err := s.reporter.State(ctx, req)
	if err != nil {
		return nil, req, err
	}
	r, err := s.reporter.Answer(ctx, req, state, nil)
	if err != nil {
		return nil, req, err
	}
	if req.Kinds.Len() > 0 && r.Data.Observations == 0 {
		return nil, req, nil
	}
	return r, req, nil
}

// each makes the reports of a run and gives each to keep. One that fails is told in
// the log and counted, and does not keep the others from being made. It returns how
// many failed, and the error of ctx once that has ended.
func (s *Scheduler) each(ctx context.Context, n Name, due time.Time, keep func(report.Request, *report.Result) error) (failed int, err error) {
	for _, q := range s.questions(n, due, s.reporter.District().Kinds.All()) {
		r, req, err := s.answer(ctx, q, due)
		if ctx.Err() != nil {
			return failed, ctx.Err()
		}
		if err == nil && r != nil {
			err = keep(req, r)
		}
		switch {
		case err != nil:
			failed++
			s.metrics.reports.WithLabelValues(outcomeFailed).Inc()
			s.log.Error("scheduled report failed", "schedule", string(n), "report", string(q.report), "kind", q.params.Get("kind"), "error", err)
		case r == nil:
			s.metrics.reports.WithLabelValues(outcomeEmpty).Inc()
		default:
			s.metrics.reports.WithLabelValues(outcomeDone).Inc()
		}
	}
	return failed, nil
}

// single keeps each report of a run by itself.
func (s *Scheduler) single(ctx context.Context, n Name, due time.Time) (failed int, err error) {
	return s.each(ctx, n, due, func(req report.Request, r *report.Result) error {
		id := identity(n, due) + "-" + string(req.Report)
		if kind := req.Kinds.Only(); kind != "" {
			id += "-" + string(kind)
		}
		return s.library.Save(saved.Item{
			ID: id, Schedule: string(n), DueAt: due.UTC(), Title: r.Title, Report: req.Report, Kind: req.Kinds.Only(), From: r.Period.From, To: r.Period.To,
		}, []*report.Result{r})
	})
}

// book keeps all reports of a run as one.
func (s *Scheduler) book(ctx context.Context, n Name, due time.Time) (failed int, err error) {
	var all []*report.Result
	failed, err = s.each(ctx, n, due, func(_ report.Request, r *report.Result) error {
		all = append(all, r)
		return nil
	})
	if err != nil || len(all) == 0 {
		return failed, err
	}
	zone := s.plan.zone
	monday := report.Week.Floor(due, zone)
	from := report.Week.Add(monday, -1, zone)
	last := monday.AddDate(0, 0, -1).Format(time.DateOnly)
	return failed, s.library.Save(saved.Item{
		ID: identity(n, due) + "-book", Schedule: string(n), DueAt: due.UTC(), From: from.UTC(), To: monday.UTC(),
		Title: sensors.Names{
			ZH: fmt.Sprintf("周报 %s 至 %s", from.Format(time.DateOnly), last), EN: fmt.Sprintf("Weekly report, %s to %s", from.Format(time.DateOnly), last),
		},
	}, all)
}

// identity begins the IDs of what a run makes: made again they are the same.
func identity(n Name, due time.Time) string {
	return string(n) + "-" + due.UTC().Format("20060102T1504Z")
}
