package influx

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// days is what is known of the roll-ups of days in the server: those that begin
// at from or later are complete, those before are not there yet. It is safe for
// concurrent use.
type days struct {
	mu    sync.Mutex // guards what follows
	known bool       // from was found in the server, or written to it
	from  time.Time
}

// notYet is the from of a server that has no days.
var notYet = store.Latest

// daysFrom returns from when which days are complete, notYet when the server does
// not say. The days of another zone are a setupError.
func (s *Series) daysFrom(ctx context.Context) (time.Time, error) {
	s.days.mu.Lock()
	known, from := s.days.known, s.days.from
	s.days.mu.Unlock()
	if known {
		return from, nil
	}
	from, zone, err := s.readCalendar(ctx)
	if err != nil {
		return notYet, fmt.Errorf("find out which days are kept: %w", err)
	}
	if from.Equal(notYet) {
		return notYet, nil // and it is asked again: the writer will say so
	}
	if want := s.opts.Calendar.Zone().String(); zone != want {
		return notYet, &setupError{fmt.Sprintf("the days in bucket %s are those of the zone %s, not %s: set that zone, or delete the bucket to have the days made anew from the hours",
			s.layout.names[forDays], zone, want)}
	}
	s.setDays(from)
	return from, nil
}

func (s *Series) setDays(from time.Time) {
	s.days.mu.Lock()
	defer s.days.mu.Unlock()
	s.days.known, s.days.from = true, from
}

// readCalendar returns what the newest point of the measurement calendar says.
func (s *Series) readCalendar(ctx context.Context) (from time.Time, zone string, err error) {
	from = notYet
	flux := s.from(forDays, store.Earliest, store.Latest) + only("_measurement", "calendar") + only("_field", "from") +
		` |> group() |> sort(columns: ["_time"], desc: true) |> limit(n: 1)`
	err = s.query(ctx, flux, func(r record) error {
		var err error
		from = time.UnixMicro(r.integer("_value")).UTC()
		zone, err = r.text("zone")
		return err
	})
	return from, zone, err
}

// markDays saves that the days from a time on are complete.
func (s *Series) markDays(ctx context.Context, from time.Time) error {
	b := append([]byte(nil), "calendar,zone="+encodeTag(s.opts.Calendar.Zone().String())+" from="...)
	b = appendInt(b, from.UnixMicro())
	b = appendTime(b, time.Now())
	if err := unavailable(ctx, s.post(ctx, forDays, b)); err != nil {
		return err
	}
	s.setDays(from)
	return nil
}

// beginDays says from when days are kept in a server where they were not: from
// the beginning when it is empty, else from the first day of which it has
// nothing. It needs the newest windows.
func (s *Series) beginDays(ctx context.Context) (time.Time, error) {
	from, err := s.daysFrom(ctx)
	if err != nil || !from.Equal(notYet) {
		return from, err
	}
	from = s.firstDay()
	if newest := s.rows.newest[grid.OneHour]; !newest.IsZero() {
		from = s.opts.Calendar.Next(later(newest.Add(time.Hour), time.Now()))
	}
	return from, s.markDays(ctx, from)
}

// firstDay is before every day that can be kept.
func (s *Series) firstDay() time.Time { return s.opts.Calendar.Day(store.Earliest) }

// makeTime is for how long a Write goes on making days of a server that has been
// in use without.
const makeTime = time.Second

// makeDays makes days from the hours that are kept, the newest first, after a
// Write that has left the hours as exact as its position. A failure is tried
// again after the next: until then answers come from hours.
func (s *Series) makeDays(ctx context.Context, kept store.Retention) {
	for began := time.Now(); time.Since(began) < makeTime; {
		from, err := s.daysFrom(ctx)
		if err != nil || !from.After(s.firstDay()) {
			return
		}
		if err := s.makeDayBefore(ctx, from, kept); err != nil {
			s.log.Warn("making days from hours put off", "before", from, "error", err)
			return
		}
	}
}

// makeDayBefore makes the newest day before from that has hours.
func (s *Series) makeDayBefore(ctx context.Context, from time.Time, kept store.Retention) error {
	newest, err := s.newestBefore(ctx, levelOf(grid.OneHour), from)
	if err != nil {
		return err
	}
	day := s.opts.Calendar.Day(newest)
	if !day.Before(from) { // the hour goes on into that day
		day = s.opts.Calendar.Day(from.Add(-time.Minute))
	}
	end := s.opts.Calendar.Next(day)
	source := levelOf(grid.OneHour)
	if !grid.OneHour.Start(day).Equal(day) || !grid.OneHour.Start(end).Equal(end) {
		source = levelOf(grid.OneMinute)
	}
	keep := wanted(kept, source.to)
	if newest.IsZero() || keep > 0 && day.Before(time.Now().Add(-keep)) {
		return s.markDays(ctx, s.firstDay()) // of what is older, parts are gone
	}
	made := make(map[grid.RollupKey]row)
	for at := day; at.Before(end); at = grid.OneHour.Start(at).Add(time.Hour) {
		until := grid.OneHour.Start(at).Add(time.Hour)
		if until.After(end) {
			until = end
		}
		if err := s.addHour(ctx, source, at, until, day, made); err != nil {
			return err
		}
	}
	if err := s.sendRows(ctx, made, kept); err != nil {
		return err
	}
	if day.After(s.rows.newest[grid.OneDay]) {
		s.rows.newest[grid.OneDay] = day
	}
	if day.After(s.rows.floor[grid.OneDay]) {
		s.rows.floor[grid.OneDay] = day
	}
	return s.markDays(ctx, day)
}

// addHour adds the roll-ups of [from, to), at most an hour, to those of the day.
func (s *Series) addHour(ctx context.Context, source level, from, to, day time.Time, made map[grid.RollupKey]row) error {
	flux := s.from(source.to, from, to) + only("_measurement", source.measurement)
	return s.points(ctx, flux, func(r record) error {
		k, part, err := parseRow(source, r)
		if err != nil {
			return err
		}
		for _, c := range part.counted {
			saved, ok := s.positions[c.journal]
			if !ok {
				if saved, err = s.savedSeq(ctx, c.journal); err != nil {
					return err
				}
				s.positions[c.journal] = saved
			}
			if c.seq > saved {
				return fmt.Errorf("entry %d of journal %s is in some roll-ups and not in others; it must be written again first", c.seq, c.journal)
			}
		}
		for _, k := range dayKeys(k, day) {
			whole := made[k]
			whole.Merge(part.Rollup)
			for _, c := range part.counted {
				whole = whole.count(c.journal, c.seq)
			}
			made[k] = whole
		}
		return nil
	})
}

// loadAtOnce is how many roll-ups a Load sends at once.
const loadAtOnce = 100_000

// Load takes in roll-ups of hours that were made elsewhere, such as by another
// store, as if their observations had been written: it merges them into the hours
// that are held and into the days, but not into finer roll-ups. What it has taken
// in is not told from what comes again, so nothing may be loaded twice, nor
// written as well. An error leaves what came before in place. Load them in order
// of time: others cost a query each.
func (s *Series) Load(ctx context.Context, rollups iter.Seq2[grid.RollupKey, grid.Rollup]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, err := s.ensure(ctx)
	if err != nil {
		return fmt.Errorf("load roll-ups: %w", err)
	}
	if err := s.loadRows(ctx); err != nil {
		return fmt.Errorf("load roll-ups: %w", err)
	}
	from, err := s.beginDays(ctx)
	if err != nil {
		return fmt.Errorf("load roll-ups: %w", err)
	}
	ks := keyer{calendar: s.opts.Calendar, from: from}
	batch := make(map[grid.RollupKey]grid.Rollup)
	add := func(k grid.RollupKey, r grid.Rollup) {
		whole := batch[k]
		whole.Merge(r)
		batch[k] = whole
	}
	for k, r := range rollups {
		if k.Span != grid.OneHour || !k.Span.Start(k.Start).Equal(k.Start) || !ks.wholeHours(k.Start) {
			return errNotHours
		}
		add(k, r)
		ks.eachDay(k, k.Start, func(day grid.RollupKey) { add(day, r) })
		if len(batch) >= loadAtOnce {
			if err := s.loadBatch(ctx, batch, kept); err != nil {
				return err
			}
			clear(batch)
		}
	}
	return s.loadBatch(ctx, batch, kept)
}

// errNotHours is the error of a Load that cannot be exact.
var errNotHours = errors.New("only roll-ups of whole hours can be loaded, into days that begin with an hour")

func (ks *keyer) wholeHours(at time.Time) bool {
	day := ks.calendar.Day(at)
	return grid.OneHour.Start(day).Equal(day)
}

func (s *Series) loadBatch(ctx context.Context, batch map[grid.RollupKey]grid.Rollup, kept store.Retention) error {
	changed := make(map[grid.RollupKey]row, len(batch))
	for k := range batch {
		changed[k] = row{}
	}
	if err := s.fetch(ctx, changed); err != nil {
		return fmt.Errorf("load roll-ups: %w", err)
	}
	for k, r := range changed {
		r.Merge(batch[k])
		changed[k] = r
	}
	if err := s.writeRows(ctx, changed, kept); err != nil {
		s.rows.forget()
		return fmt.Errorf("load roll-ups: %w", err)
	}
	s.rows.keep(changed, s.opts.MaxRows)
	return nil
}
