package analytics

import (
	"context"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/analytics/hotspot"
	"github.com/urbangrid/urbangrid/store"
)

// Verdicts is what people say of alerts; see [store.Verdicts].
type Verdicts interface {
	VerdictsOf(ctx context.Context, q store.VerdictQuery, limit int) ([]store.Verdict, error)
	TallyVerdicts(ctx context.Context, q store.VerdictQuery) ([]store.Tally, error)
}

const (
	answersEvery = time.Minute
	maxAnswers   = 1_000 // of a rule that are looked at
	feedbackOver = 7 * 24 * time.Hour
	answerTime   = 24 * time.Hour // that people have had to answer an alert that is held against the budget
)

// askAnswers tells the detectors of hotspots what people say of them: a false alarm
// is learned like any other time, what was confirmed is not quiet history. Each
// week it holds what was not confirmed against the budget. While answers cannot be
// read, they wait.
func (r *run) askAnswers(ctx context.Context, now time.Time) {
	if r.opts.Verdicts == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lastRetry)
	defer cancel()
	for _, h := range r.judge.hotspots {
		err := r.hear(ctx, h)
		if err == nil {
			err = r.holdToBudget(ctx, h, now)
		}
		if err != nil {
			if ctx.Err() == nil {
				r.metrics.answerErrors.Inc()
				r.opts.Log.Warn("answers not read", "rule", h.Name, "error", err)
			}
			return
		}
	}
}

// hear takes in the answers that are newer than those it has heard.
func (r *run) hear(ctx context.Context, h *hotspotRule) error {
	verdicts, err := r.opts.Verdicts.VerdictsOf(ctx, store.VerdictQuery{Rule: h.Name}, maxAnswers)
	if err != nil {
		return err
	}
	heard := h.heard
	for _, v := range verdicts { // newest first
		if !v.At.After(heard) {
			break
		}
		found, err := r.alerts.FindAlerts(ctx, store.AlertQuery{ID: v.AlertID, Limit: 1})
		if err != nil {
			return fmt.Errorf("alert %s: %w", v.AlertID, err)
		}
		for _, a := range found {
			h.answered(a, v)
		}
		if v.At.After(h.heard) {
			h.heard = v.At
		}
	}
	return nil
}

func (r *hotspotRule) answered(a store.Alert, v store.Verdict) {
	to := a.ClearedAt
	if to.IsZero() {
		to = a.UpdatedAt
	}
	answer := hotspot.Confirmed
	if v.Answer == store.FalseAlarm {
		answer = hotspot.FalseAlarm
	}
	r.detector.Answered(a.ID, answer, a.RaisedAt.Add(-a.Window), to)
}

// holdToBudget counts what a week raised about the city and nobody confirmed, though
// there was time to.
func (r *run) holdToBudget(ctx context.Context, h *hotspotRule, now time.Time) error {
	if !h.detector.FeedbackDue(now) {
		return nil
	}
	to := now.Add(-answerTime)
	tallies, err := r.opts.Verdicts.TallyVerdicts(ctx, store.VerdictQuery{Rule: h.Name, Category: store.AboutCity, From: to.Add(-feedbackOver), To: to})
	if err != nil {
		return err
	}
	unconfirmed := 0
	for _, t := range tallies {
		unconfirmed += t.Raised - t.Confirmed
	}
	before := h.detector.Threshold()
	if h.detector.Feedback(now, unconfirmed) {
		r.opts.Log.Warn("hotspots of a week outside of the band of their budget, threshold moved", "rule", h.Name,
			"unconfirmed", unconfirmed, "budget_per_week", h.detector.Budget(), "threshold_before", before, "threshold", h.detector.Threshold())
	}
	return nil
}
