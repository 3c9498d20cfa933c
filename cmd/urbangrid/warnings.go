package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"github.com/urbangrid/urbangrid/dashboard"
)

// keptWarnings is how many lines of the log people can see at the dashboard.
const keptWarnings = 200

// warnings keeps the newest lines of the log from Warn on: the oldest make room. It
// is safe for concurrent use.
type warnings struct {
	mu   sync.Mutex // guards what follows
	ring []dashboard.Warning
	next int
}

func (w *warnings) add(line dashboard.Warning) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.ring) < keptWarnings {
		w.ring = append(w.ring, line)
		return
	}
	w.ring[w.next] = line
	w.next = (w.next + 1) % keptWarnings
}

// newest returns the kept lines, the newest first.
func (w *warnings) newest() []dashboard.Warning {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := append(slices.Clone(w.ring[w.next:]), w.ring[:w.next]...)
	slices.Reverse(lines)
	return lines
}

// over returns a handler that keeps warnings and hands every line on.
func (w *warnings) over(h slog.Handler) slog.Handler {
	return &warningHandler{Handler: h, kept: w}
}

// warningHandler is a slog.Handler that keeps lines on their way.
type warningHandler struct {
	slog.Handler
	kept  *warnings
	attrs []slog.Attr // of With, groups left out: nothing here uses them
}

// Enabled implements [slog.Handler].
func (h *warningHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn || h.Handler.Enabled(ctx, level)
}

// Handle implements [slog.Handler].
func (h *warningHandler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelWarn {
		h.kept.add(warningOf(r, h.attrs))
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements [slog.Handler].
func (h *warningHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &warningHandler{Handler: h.Handler.WithAttrs(attrs), kept: h.kept, attrs: append(slices.Clone(h.attrs), attrs...)}
}

// WithGroup implements [slog.Handler].
func (h *warningHandler) WithGroup(name string) slog.Handler {
	return &warningHandler{Handler: h.Handler.WithGroup(name), kept: h.kept, attrs: h.attrs}
}

func warningOf(r slog.Record, with []slog.Attr) dashboard.Warning {
	w := dashboard.Warning{At: r.Time.UTC(), Level: "warn", Message: r.Message, Facts: map[string]string{}}
	if r.Level >= slog.LevelError {
		w.Level = "error"
	}
	note := func(a slog.Attr) bool {
		if a.Key == "component" {
			w.Component = a.Value.String()
		} else {
			w.Facts[a.Key] = a.Value.String()
		}
		return true
	}
	for _, a := range with {
		note(a)
	}
	r.Attrs(note)
	return w
}
