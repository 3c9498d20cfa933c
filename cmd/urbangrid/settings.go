package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/rulebook"
	"github.com/urbangrid/urbangrid/dashboard"
	"github.com/urbangrid/urbangrid/dashboard/notify"
)

// openSettings lays what people changed at the dashboard over what the files say. A
// change that cannot be used any more is told of and left out: it must not keep the
// server from starting.
func (s *server) openSettings(ctx context.Context) error {
	s.settings.Store = s.records
	s.settings.Kinds = s.catalog
	changes, unread, err := dashboard.ReadKindChanges(ctx, s.records)
	if err != nil {
		return fmt.Errorf("changed kinds: %w", err)
	}
	for _, err := range unread {
		s.log.Warn("a changed kind cannot be read and is left out", "error", err)
	}
	s.catalog = dashboard.WithKindChanges(s.catalog, changes)

	s.settings.Areas = &dashboard.AreaSettings{File: s.areas}
	areas, kept, err := dashboard.ReadSavedAreas(ctx, s.records)
	switch {
	case err != nil && kept.Version == 0:
		return fmt.Errorf("saved areas: %w", err)
	case err != nil:
		s.log.Error("saved areas cannot be read, those of the files hold", "error", err)
	case areas != nil:
		s.areas, s.settings.Areas.Version = areas, kept.Version
	}

	s.settings.Rules, err = rulebook.Open(ctx, s.rules, s.catalog, s.records, rulebook.Options{Log: s.log})
	if err != nil {
		return err
	}
	s.rules = s.settings.Rules.Rules()
	return nil
}

// openOffice makes what stands behind the settings of the dashboard, besides the
// engine.
func (s *server) openOffice(zone *time.Location) (err error) {
	s.settings.Previews = rulebook.NewPreviews(s.settings.Rules, rulebook.Sources{
		Engine: previewer{s}, Series: s.series, Alerts: s.records, Mutes: s.records,
	}, rulebook.PreviewOptions{Zone: zone, Log: s.log})
	s.settings.Channels, err = notify.New(s.records, s.secrets, s.alertLog, notify.Options{Zone: zone, Local: s.cfg.NotifyHere, Log: s.log, Registerer: s.reg})
	if err != nil {
		return err
	}
	s.settings.System = &dashboard.System{
		Probe: s.probe, Sampler: dashboard.NewSampler(s.reg, nil), Warnings: s.warnings.newest,
	}
	return nil
}

// judge makes the engine one whose rules can be changed.
func (s *server) judge(e *analytics.Engine) {
	s.judging = analytics.NewJudging(e)
	s.settings.Rules.Join(s.judging)
}

// previewer tries rules by the engine, which is made after the dashboard that asks.
type previewer struct{ s *server }

func (p previewer) PreviewRule(ctx context.Context, q analytics.PreviewRequest, from analytics.History, fired analytics.Fired, tell func(done float64)) (analytics.Preview, error) {
	return p.s.judging.PreviewRule(ctx, q, from, fired, tell)
}

// learned tells what the engine, which is made after the dashboard that asks, knows.
type learned struct{ s *server }

func (l learned) Learned(ctx context.Context, q analytics.LearnedRequest) (analytics.Learned, error) {
	return l.s.judging.Learned(ctx, q)
}
