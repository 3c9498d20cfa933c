// Package duckdb keeps series in one DuckDB file in the process: columnar, and
// open to analysts in SQL when the program is down or on a copy of the file.
//
// A Write appends observations and the journal position in one transaction and
// nothing else, so replay is exact and the cost of a row is that of an append.
// Roll-ups are made afterwards by [Series.Roll], many rows at once and inside
// the engine, in a transaction that also says up to which observation they
// reach; a query adds the observations after that, so an answer never waits for
// them and never misses one. Late data take the same way. History, which is older
// than what ingest remembers, is looked up among the observations first, in the
// same transaction, and only what is new goes on that way, so the roll-ups are
// those that the observations give.
package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/duckdb/duckdb-go/v2"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Options tunes a Series. The zero Options works.
type Options struct {
	MemoryLimitBytes int64         // what DuckDB may hold; 0 means 512 MiB
	Threads          int           // worker threads of queries and roll-ups; 0 means 2
	Readers          int           // queries at once, others wait; 0 means 4
	RollRows         int64         // a Write that leaves this many observations without roll-ups makes them; 0 means 250,000
	RollEvery        time.Duration // roll-ups are made at least this often; 0 means 5s, negative never
	CompactEvery     time.Duration // how often past windows are compacted; 0 means 10min, negative never
	CompactAfter     time.Duration // age at which a window counts as past; 0 means 15min
	ExpireEvery      time.Duration // how often what is older than Retention is deleted; 0 means 10min, negative never

	// Calendar is that of the roll-ups of days; the zero Calendar means that of
	// China. A file whose days are those of another zone is not opened: to make them
	// anew, as far back as hours are kept, empty its tables rollups_1d and calendar.
	Calendar grid.Calendar

	Retention store.Retention
	// HistoryAfter is the age at which an observation that comes is looked up
	// among those that are held. It must be shorter than what ingest remembers, by
	// the five minutes that a clock may be ahead; 0 means 12h.
	HistoryAfter time.Duration
	// OnRejected is told of observations that are not kept, and why (one of
	// store.RejectReasons), when the write that offered them is durable. It is
	// called by Write, without a lock. nil means nobody asks.
	OnRejected store.Rejected

	Logger *slog.Logger // nil means none
}

func (o Options) withDefaults() Options {
	orDefault(&o.MemoryLimitBytes, 512<<20)
	orDefault(&o.Threads, 2)
	orDefault(&o.Readers, 4)
	orDefault(&o.RollRows, 250_000)
	orDefault(&o.RollEvery, 5*time.Second)
	orDefault(&o.CompactEvery, 10*time.Minute)
	orDefault(&o.CompactAfter, 15*time.Minute)
	orDefault(&o.ExpireEvery, 10*time.Minute)
	orDefault(&o.HistoryAfter, store.DefaultHistoryAfter)
	if o.Calendar == (grid.Calendar{}) {
		o.Calendar = grid.China()
	}
	o.Retention = o.Retention.WithDefaults()
	if o.OnRejected == nil {
		o.OnRejected = func([]grid.Placed, string) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func orDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Series is a store.Series in a DuckDB file. It is safe for concurrent use by
// one process; DuckDB keeps other processes out.
type Series struct {
	opts    Options
	path    string
	log     *slog.Logger
	readers *sql.DB

	mu       sync.Mutex // one writer at a time: Write, Roll, Compact, Expire
	conn     *duckdb.Conn
	loaded   bool               // next, rolled and closed are those of the file
	next     int64              // number of the next observation
	rolled   int64              // observations up to this number are in the roll-ups
	closed   map[time.Time]bool // hours whose observations have been deleted, of which roll-ups may be left
	isClosed bool

	stop context.CancelFunc
	done chan struct{}
}

var _ store.Series = (*Series)(nil)

// Open opens the file at path, creates it when there is none, and starts the
// goroutine that makes roll-ups, compacts them and deletes what is too old; Close
// ends it. ctx bounds
// the opening alone.
func Open(ctx context.Context, path string, opts Options) (*Series, error) {
	opts = opts.withDefaults()
	if strings.ContainsAny(path, "?%") || path == "" {
		return nil, fmt.Errorf("open series %q: the path must not be empty or contain '?' or '%%'", path)
	}
	connector, err := duckdb.NewConnector(path, func(execer driver.ExecerContext) error {
		_, err := execer.ExecContext(ctx, settings(opts), nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open series %s: %w", path, err)
	}
	s := &Series{opts: opts, path: path, log: opts.Logger, readers: sql.OpenDB(connector), done: make(chan struct{})}
	s.readers.SetMaxOpenConns(opts.Readers)
	s.readers.SetMaxIdleConns(opts.Readers)
	if err := s.prepare(ctx, connector); err != nil {
		return nil, errors.Join(fmt.Errorf("open series %s: %w", path, err), s.closeAll())
	}
	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.maintain(background)
	return s, nil
}

func settings(o Options) string {
	return fmt.Sprintf(`SET memory_limit = '%dB'; SET threads = %d; SET checkpoint_threshold = '64MB';
SET preserve_insertion_order = false; SET autoinstall_known_extensions = false; SET autoload_known_extensions = false;`,
		o.MemoryLimitBytes, o.Threads)
}

func (s *Series) prepare(ctx context.Context, connector *duckdb.Connector) error {
	conn, err := connector.Connect(ctx)
	if err != nil {
		return err
	}
	s.conn = conn.(*duckdb.Conn) // what this driver's Connector returns
	if err := s.transact(ctx, func() error { return s.upgrade(ctx, time.Now()) }); err != nil {
		return err
	}
	return s.load(ctx)
}

// load reads the numbering from the file, after opening and whenever a
// transaction ended in a way that leaves its effect unknown.
func (s *Series) load(ctx context.Context) error {
	if s.loaded {
		return nil
	}
	// A transaction that was left open answers nothing; mostly there is none,
	// which is an error that says nothing.
	_ = s.exec(context.WithoutCancel(ctx), "ROLLBACK")
	newest, err := s.number(ctx, "SELECT coalesce(max(no), 0) FROM observations")
	if err != nil {
		return err
	}
	rolled, err := s.number(ctx, "SELECT value FROM state WHERE key = 'rolled'")
	if err != nil {
		return err
	}
	closed, err := s.closedHours(ctx)
	if err != nil {
		return err
	}
	s.next, s.rolled, s.closed, s.loaded = newest+1, rolled, closed, true
	return nil
}

// maintain makes roll-ups and compacts them until ctx ends. A failure is tried
// again at the next tick: it costs speed, not data.
func (s *Series) maintain(ctx context.Context) {
	defer close(s.done)
	roll, stopRoll := ticks(s.opts.RollEvery)
	defer stopRoll()
	compact, stopCompact := ticks(s.opts.CompactEvery)
	defer stopCompact()
	expire, stopExpire := ticks(s.opts.ExpireEvery)
	defer stopExpire()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-roll:
			err = s.Roll(ctx)
		case <-compact:
			err = s.Compact(ctx, time.Now().Add(-s.opts.CompactAfter))
		case <-expire:
			err = s.Expire(ctx, time.Now())
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("series maintenance put off", "error", err)
		}
	}
}

func ticks(every time.Duration) (<-chan time.Time, func()) {
	if every <= 0 {
		return nil, func() {}
	}
	t := time.NewTicker(every)
	return t.C, t.Stop
}

// Ping implements store.Series.
func (s *Series) Ping(ctx context.Context) error {
	var one int
	if err := s.readers.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return unavailable("ping series", err)
	}
	return nil
}

// Close makes the roll-ups that are missing, writes the file out and closes it.
// It waits for what runs.
func (s *Series) Close() error {
	s.stop()
	<-s.done
	rollErr := s.Roll(context.Background())
	if errors.Is(rollErr, errClosed) {
		return nil
	}
	return errors.Join(rollErr, s.closeAll())
}

func (s *Series) closeAll() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isClosed = true
	var err error
	if s.conn != nil {
		err = s.conn.Close()
		s.conn = nil
	}
	return errors.Join(err, s.readers.Close())
}

var errClosed = errors.New("series store is closed")

// unavailable wraps err with what was tried, and with store.ErrUnavailable when
// the same attempt may pass later.
func unavailable(what string, err error) error {
	var failure *duckdb.Error
	if errors.As(err, &failure) {
		switch failure.Type {
		case duckdb.ErrorTypeIO, duckdb.ErrorTypeOutOfMemory, duckdb.ErrorTypeTransaction:
			return fmt.Errorf("%s: %w: %w", what, store.ErrUnavailable, err)
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}
