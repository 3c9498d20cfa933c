package analytics_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/analytics/calendar"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/stream"
)

// TestScenarios plays each story of testdata/*.txtar to the rules that come with
// UrbanGrid: once as it is, and once with the engine started anew every few hours.
// What people are to be told must be the same.
func TestScenarios(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) < 10 {
		t.Fatalf("%d scenarios, %v", len(paths), err)
	}
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			readScenario(t, path).play(t, 0)
		})
		t.Run(name+"/restarted", func(t *testing.T) {
			t.Parallel()
			readScenario(t, path).play(t, 7*time.Hour+13*time.Minute)
		})
	}
}

// play lets the scenario happen and holds what is the case against what is wanted.
// The engine is started anew each time that restartEvery has passed, unless it is 0.
func (s *scenario) play(t *testing.T, restartEvery time.Duration) {
	rules, err := analytics.DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	days, err := calendar.China(shanghai)
	if err != nil {
		t.Fatal(err)
	}
	study := district(t)
	study.Slot = hourly(days.Slot)
	synctest.Test(t, func(t *testing.T) {
		c := &city{t: t, journal: newJournal(), records: newRecords(), watcher: &watcher{}, start: s.start}
		var now atomic.Int64
		now.Store(s.start.UnixMicro())
		opts := analytics.Options{
			Memory: c.records, Study: study,
			Now:      func() time.Time { return time.UnixMicro(now.Load()).UTC() },
			Interval: func(id sensors.DeviceID) time.Duration { return s.interval[id] },
			Mutes:    func(context.Context) (*store.MuteSet, error) { return store.NewMuteSet(s.mutes), nil },
		}
		told, last := make(map[string]int64), s.evals[len(s.evals)-1].at
		restarts := slices.Clone(s.restarts)
		for at := s.start.Add(restartEvery); restartEvery > 0 && at.Before(last); at = at.Add(restartEvery) {
			restarts = append(restarts, at)
		}
		slices.SortFunc(restarts, time.Time.Compare)
		if len(restarts) == 0 {
			opts.Memory = nil // which nobody would ask
		}
		c.run(rules, opts)
		defer func() { c.stop() }()
		for minute := s.start; !minute.After(last); minute = minute.Add(time.Minute) {
			for len(s.evals) > 0 && !s.evals[0].at.After(minute) {
				synctest.Wait()
				s.evals[0].check(t, s, c, told)
				s.evals = s.evals[1:]
			}
			now.Store(minute.UnixMicro())
			for len(restarts) > 0 && !restarts[0].After(minute) {
				restarts = restarts[1:]
				synctest.Wait()
				c.stop()
				c.resume()
			}
			if entry := s.minute(minute); len(entry.Observations) > 0 {
				c.journal.append(entry)
			}
			if minute.Minute() == 0 && minute.Hour()%3 == 0 { // the engine looks up from the journal now and then
				synctest.Wait()
				pass(6 * time.Second)
			}
		}
	})
}

// hourly remembers what of tells of each hour, for the one goroutine that asks at a time.
func hourly(of func(time.Time) int) func(time.Time) int {
	known := make(map[int64]int)
	return func(at time.Time) int {
		hour := at.Unix() / 3600
		slot, is := known[hour]
		if !is {
			slot = of(at)
			known[hour] = slot
		}
		return slot
	}
}

// minute takes what is received in a minute.
func (s *scenario) minute(from time.Time) stream.Entry {
	e := stream.Entry{At: from.Add(time.Minute)}
	heard := seen("somebody", "bin_fill", 40, from)
	for _, d := range s.dark {
		if !from.Before(d[0]) && from.Before(d[1]) {
			heard.Kind = ""
		}
	}
	for len(s.readings) > 0 && s.readings[0].Received.Before(e.At) {
		if heard.Kind != "" {
			e.Observations = append(e.Observations, s.readings[0])
		}
		s.readings = s.readings[1:]
	}
	for _, h := range s.health {
		if !h.At.Before(from) && h.At.Before(e.At) {
			e.Health = append(e.Health, h)
		}
	}
	if heard.Kind != "" {
		e.Observations = append(e.Observations, in(depot, heard))
	}
	return e
}

// check holds the alerts of a time against what is wanted.
func (e *evaluation) check(t *testing.T, s *scenario, c *city, told map[string]int64) {
	t.Helper()
	alerts, err := c.records.FindAlerts(t.Context(), store.AlertQuery{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range alerts {
		if a.State == store.AlertClosed && told[a.ID] == a.Revision {
			continue
		}
		told[a.ID] = a.Revision
		got = append(got, s.describe(a))
		if a.Reason.ZH == "" || a.Reason.EN == "" {
			t.Errorf("%s does not say why", s.describe(a))
		}
	}
	slices.Sort(got)
	slices.Sort(e.want)
	if !slices.Equal(got, e.want) {
		reasons := ""
		for _, a := range alerts {
			reasons += fmt.Sprintf("\n    %s %s–%s: %s | %s", s.describe(a), a.RaisedAt.In(shanghai), a.UpdatedAt.In(shanghai), a.Reason.EN, a.Reason.ZH)
		}
		t.Errorf("line %d, %s: alerts\n  %s\nwant\n  %s\nall:%s", e.line, e.at.In(shanghai),
			strings.Join(got, "\n  "), strings.Join(e.want, "\n  "), reasons)
	}
}

// describe is an alert as scenarios write it.
func (s *scenario) describe(a store.Alert) string {
	place := a.Place
	if strings.HasPrefix(place, "hotspot/") {
		place = "hotspot/" + a.Cell.String()
		if a.Cell == 0 {
			place = "hotspot/district"
		}
	}
	for name, cell := range s.places {
		if name != "" {
			place = strings.ReplaceAll(place, cell.String(), name)
		}
	}
	category := a.Category
	if category == "" {
		category = store.AboutCity
	}
	text := fmt.Sprintf("%s %s %s %s", a.State, category, a.Rule, place)
	for _, more := range []struct {
		is   bool
		what string
	}{{a.Muted, "muted"}, {a.Flapping, "flapping"}, {a.MergedInto != "", "merged"}} {
		if more.is {
			text += " " + more.what
		}
	}
	return text
}

// append adds an entry without waiting until it is judged.
func (j *journal) append(e stream.Entry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	e.Seq = uint64(len(j.entries) + 1)
	j.entries = append(j.entries, e)
	close(j.more)
	j.more = make(chan struct{})
}
