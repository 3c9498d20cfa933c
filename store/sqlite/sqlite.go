// Package sqlite keeps records in a SQLite file: the default of a UrbanGrid that
// runs as one process.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"

	"github.com/urbangrid/urbangrid/store/sqlrecords"
)

// Options tune Open.
type Options struct {
	BusyTimeout time.Duration // longest wait for another process that holds the file; 0 means 5 s
	Readers     int           // connections that read while one writes; 0 means 4
}

// Records keeps records in a SQLite file. It is safe for concurrent use: one
// connection writes, several read beside it.
type Records struct {
	*sqlrecords.Records
	write, read *sql.DB
}

// Open opens the file at path, creates it for its owner alone when it is missing, and
// brings its schema up to date. Every write is on disk when it returns (WAL with
// synchronous=FULL). The folder must exist and be on a local disk.
func Open(ctx context.Context, path string, opts Options) (*Records, error) {
	if opts.BusyTimeout == 0 {
		opts.BusyTimeout = 5 * time.Second
	}
	if opts.Readers == 0 {
		opts.Readers = 4
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open records %s: %w", path, err)
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("open records %s: %w", path, err)
	}
	write, err := connect(path, opts, "rw")
	if err != nil {
		return nil, fmt.Errorf("open records %s: %w", path, err)
	}
	write.SetMaxOpenConns(1)
	read, err := connect(path, opts, "ro")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open records %s: %w", path, err), write.Close())
	}
	read.SetMaxOpenConns(opts.Readers)
	read.SetMaxIdleConns(opts.Readers)

	records, err := sqlrecords.Open(ctx, sqlrecords.Database{
		Write: write, Read: read, Dialect: goose.DialectSQLite3, OpenAlertConflict: openAlertConflict,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open records %s: %w", path, err), read.Close(), write.Close())
	}
	return &Records{Records: records, write: write, read: read}, nil
}

// create makes an empty file that is the owner's alone, unless there is one. SQLite
// gives the files beside it the same rights.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func connect(path string, opts Options, mode string) (*sql.DB, error) {
	params := url.Values{
		"mode":          {mode},
		"_busy_timeout": {strconv.FormatInt(opts.BusyTimeout.Milliseconds(), 10)},
		"_foreign_keys": {"true"},
	}
	if mode == "rw" {
		params.Set("_journal_mode", "WAL")
		params.Set("_synchronous", "FULL")
		params.Set("_txlock", "immediate")
	} else {
		params.Set("_query_only", "true")
	}
	dsn := url.URL{Scheme: "file", Path: filepath.ToSlash(path), OmitHost: true, RawQuery: params.Encode()}
	return sql.Open("sqlite3", dsn.String())
}

// Ping returns nil when the records can be read.
func (r *Records) Ping(ctx context.Context) error {
	if err := r.read.PingContext(ctx); err != nil {
		return fmt.Errorf("ping records: %w", err)
	}
	return nil
}

// Close releases the file after the calls under way have ended.
func (r *Records) Close() error {
	return errors.Join(r.read.Close(), r.write.Close())
}

// Scrub writes the file anew, so that neither it nor the one beside it holds anything
// of what was replaced or removed. It takes as long as copying the file.
func (r *Records) Scrub(ctx context.Context) error {
	if _, err := r.write.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("scrub records: %w", err)
	}
	var busy, frames, moved int
	if err := r.write.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("scrub records: %w", err)
	}
	if busy != 0 {
		return errors.New("scrub records: somebody reads an older state")
	}
	return nil
}

func openAlertConflict(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && e.ExtendedCode == sqlite3.ErrConstraintUnique &&
		strings.Contains(e.Error(), "alerts.rule")
}
