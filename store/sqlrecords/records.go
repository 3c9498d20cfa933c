// Package sqlrecords keeps records (alerts and what people say of
// them, quarantine, devices) in a SQL
// database. It holds the schema and the statements, written so that SQLite and
// PostgreSQL both understand them; the packages that own a driver, such as
// store/sqlite, open the database and hand it over.
package sqlrecords

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/urbangrid/urbangrid/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Database is an opened database and what differs between the drivers.
type Database struct {
	Write   *sql.DB // transactions on it are serialised by the driver or by row locks
	Read    *sql.DB // may be Write
	Dialect goose.Dialect
	// OpenAlertConflict reports whether err is the violation of the index that
	// allows one open alert per rule, kind and place.
	OpenAlertConflict func(err error) bool
}

// Records keeps records in a SQL database. It is safe for concurrent use.
type Records struct {
	db Database
}

var (
	_ store.Alerts       = (*Records)(nil)
	_ store.AlertCounter = (*Records)(nil)
	_ store.Quarantine   = (*Records)(nil)
	_ store.Devices      = (*Records)(nil)
	_ store.Activities   = (*Records)(nil)

	_ store.LastMessages = (*Records)(nil)

	_ store.Credentials = (*Records)(nil)
	_ store.Verdicts    = (*Records)(nil)
	_ store.Mutes       = (*Records)(nil)
	_ store.Handlings   = (*Records)(nil)
)

// Open brings the schema up to date and returns the records. It refuses a
// database that a newer version has written, and one that lacks a migration older
// than what it has: there is one order of migrations, the one that tests run. The caller still owns db and closes
// it after the last use of the Records.
func Open(ctx context.Context, db Database) (*Records, error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	provider, err := goose.NewProvider(db.Dialect, db.Write, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	current, newest, err := provider.GetVersions(ctx)
	if err != nil {
		return nil, fmt.Errorf("read schema version: %w", err)
	}
	if current > newest {
		return nil, fmt.Errorf("the database has schema version %d, this program knows versions up to %d: run a newer program, or restore a backup", current, newest)
	}
	if _, err := provider.Up(ctx); err != nil {
		return nil, fmt.Errorf("migrate schema from version %d to %d: %w", current, newest, err)
	}
	return &Records{db: db}, nil
}

// The consumers of the journal that keep their position here.
const (
	judge      = "judge"
	quarantine = "quarantine"
	activity   = "activity"
)

// transact runs do in one transaction, which is durable when nil is returned
// and has left nothing behind otherwise.
func (r *Records) transact(ctx context.Context, do func(tx *sql.Tx) error) error {
	tx, err := r.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	if err := do(tx); err != nil {
		if rerr := tx.Rollback(); rerr != nil && !errors.Is(rerr, sql.ErrTxDone) {
			return errors.Join(err, fmt.Errorf("roll back: %w", rerr))
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func position(ctx context.Context, q querier, consumer, journal string) (store.Position, error) {
	var seq int64
	err := q.QueryRowContext(ctx,
		`SELECT seq FROM positions WHERE consumer = $1 AND journal = $2`, consumer, journal).Scan(&seq)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return store.Position{}, fmt.Errorf("position of the %s in journal %q: %w", consumer, journal, err)
	}
	return store.Position{Journal: journal, Seq: uint64(seq)}, nil
}

func savePosition(ctx context.Context, tx *sql.Tx, consumer string, to store.Position) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO positions (consumer, journal, seq) VALUES ($1, $2, $3)
		ON CONFLICT (consumer, journal) DO UPDATE SET seq = excluded.seq
		WHERE positions.seq < excluded.seq`, consumer, to.Journal, int64(to.Seq))
	if err != nil {
		return fmt.Errorf("save position of the %s in journal %q: %w", consumer, to.Journal, err)
	}
	return nil
}

// takeNumbers gives out n numbers that were never given out before and returns
// the last of them.
func takeNumbers(ctx context.Context, tx *sql.Tx, name string, n int) (last int64, err error) {
	err = tx.QueryRowContext(ctx,
		`UPDATE numbers SET last = last + $1 WHERE name = $2 RETURNING last`, n, name).Scan(&last)
	if err != nil {
		return 0, fmt.Errorf("take %d %s numbers: %w", n, name, err)
	}
	return last, nil
}

// micros is how a time is kept: microseconds since the Unix epoch, NULL for the
// zero time.
func micros(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func fromMicros(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return time.UnixMicro(us.Int64).UTC()
}

// stored returns t as it will be read: in UTC and whole microseconds.
func stored(t time.Time) time.Time { return time.UnixMicro(t.UnixMicro()).UTC() }
