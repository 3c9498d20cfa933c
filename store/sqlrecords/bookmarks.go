package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/urbangrid/urbangrid/store"
)

var _ store.Bookmarks = (*Records)(nil)

const bookmarkColumns = `id, name, report, query, view, note, version, created_by, created_us, changed_by, at_us`

func scanBookmark(rows *sql.Rows) (b store.Bookmark, err error) {
	err = rows.Scan(&b.ID, &b.Name, &b.Report, &b.Query, &b.View, &b.Note, &b.Version, &b.CreatedBy, (*microTime)(&b.CreatedAt), &b.By, (*microTime)(&b.At))
	return b, err
}

// bookmarkWhere returns the bookmark that a condition on one argument is true of,
// ErrNotFound when there is none.
func bookmarkWhere(ctx context.Context, q queryer, condition, value string) (store.Bookmark, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+bookmarkColumns+` FROM bookmarks WHERE `+condition+` $1`, value)
	if err != nil {
		return store.Bookmark{}, err
	}
	found, err := collect(rows, scanBookmark)
	if err != nil {
		return store.Bookmark{}, err
	}
	if len(found) == 0 {
		return store.Bookmark{}, store.ErrNotFound
	}
	return found[0], nil
}

// AddBookmark implements [store.Bookmarks].
func (r *Records) AddBookmark(ctx context.Context, b store.Bookmark) (store.Bookmark, error) {
	b.Name, b.Version = store.TidyName(b.Name), 1
	b.At = stored(b.At)
	b.CreatedBy, b.CreatedAt = b.By, b.At
	kept := b
	err := r.transact(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM bookmarks`).Scan(&n); err != nil {
			return err
		}
		if n >= store.MaxBookmarks {
			return fmt.Errorf("%w: %d are the most", store.ErrTooMany, store.MaxBookmarks)
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO bookmarks (`+bookmarkColumns+`, name_key)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (name_key) DO NOTHING`,
			b.ID, b.Name, b.Report, b.Query, b.View, b.Note, b.Version, b.CreatedBy, b.CreatedAt.UnixMicro(), b.By, b.At.UnixMicro(), store.NameKey(b.Name))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil {
			return err
		} else if n == 0 {
			kept, err = bookmarkWhere(ctx, tx, "name_key =", store.NameKey(b.Name))
			return errors.Join(err, store.ErrNameTaken)
		}
		return logBookmark(ctx, tx, b, false)
	})
	return kept, bookmarkFault(b, err)
}

// ChangeBookmark implements [store.Bookmarks].
func (r *Records) ChangeBookmark(ctx context.Context, b store.Bookmark) (store.Bookmark, error) {
	b.Name, b.At = store.TidyName(b.Name), stored(b.At)
	var kept store.Bookmark
	err := r.transact(ctx, func(tx *sql.Tx) error {
		var err error
		if kept, err = bookmarkWhere(ctx, tx, "name_key =", store.NameKey(b.Name)); err == nil && kept.ID != b.ID {
			return store.ErrNameTaken
		} else if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		// The condition is in the statement, so that of two who change it at once one
		// loses whatever the database isolates.
		res, err := tx.ExecContext(ctx, `
			UPDATE bookmarks SET name = $1, name_key = $2, report = $3, query = $4, view = $5, note = $6, changed_by = $7, at_us = $8, version = version + 1
			WHERE id = $9 AND version = $10`,
			b.Name, store.NameKey(b.Name), b.Report, b.Query, b.View, b.Note, b.By, b.At.UnixMicro(), b.ID, b.Version)
		if err != nil {
			return err
		}
		changed, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if kept, err = bookmarkWhere(ctx, tx, "id =", b.ID); err != nil {
			return err
		}
		if changed == 0 {
			return store.ErrConflict
		}
		return logBookmark(ctx, tx, kept, false)
	})
	return kept, bookmarkFault(b, err)
}

// RemoveBookmark implements [store.Bookmarks].
func (r *Records) RemoveBookmark(ctx context.Context, b store.Bookmark) (store.Bookmark, error) {
	var kept store.Bookmark
	err := r.transact(ctx, func(tx *sql.Tx) error {
		var err error
		if kept, err = bookmarkWhere(ctx, tx, "id =", b.ID); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM bookmarks WHERE id = $1 AND version = $2`, b.ID, b.Version)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return err
		}
		if n == 0 {
			return store.ErrConflict
		}
		gone := kept
		gone.Version, gone.By, gone.At = kept.Version+1, b.By, stored(b.At)
		return logBookmark(ctx, tx, gone, true)
	})
	return kept, bookmarkFault(b, err)
}

// bookmarkFault says of which bookmark something went wrong.
func bookmarkFault(b store.Bookmark, err error) error {
	if err != nil {
		return fmt.Errorf("bookmark %s: %w", b.ID, err)
	}
	return nil
}

func logBookmark(ctx context.Context, tx *sql.Tx, b store.Bookmark, removed bool) error {
	id, err := takeNumbers(ctx, tx, "bookmark_change", 1)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO bookmark_changes (id, bookmark, name, report, query, view, note, version, removed, changed_by, at_us)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		id, b.ID, b.Name, b.Report, b.Query, b.View, b.Note, b.Version, removed, b.By, b.At.UnixMicro())
	return err
}

// FindBookmark implements [store.Bookmarks].
func (r *Records) FindBookmark(ctx context.Context, id string) (store.Bookmark, error) {
	b, err := bookmarkWhere(ctx, r.db.Read, "id =", id)
	return b, bookmarkFault(store.Bookmark{ID: id}, err)
}

// ListBookmarks implements [store.Bookmarks].
func (r *Records) ListBookmarks(ctx context.Context) ([]store.Bookmark, error) {
	rows, err := r.db.Read.QueryContext(ctx, `SELECT `+bookmarkColumns+` FROM bookmarks ORDER BY name_key`)
	if err != nil {
		return nil, fmt.Errorf("list bookmarks: %w", err)
	}
	found, err := collect(rows, scanBookmark)
	if err != nil {
		return nil, fmt.Errorf("list bookmarks: %w", err)
	}
	return found, nil
}

// BookmarkChanges implements [store.Bookmarks].
func (r *Records) BookmarkChanges(ctx context.Context, q store.BookmarkQuery) ([]store.BookmarkChange, error) {
	limit, err := pageLimit(q.Limit, store.MaxBookmarkChanges)
	if err != nil {
		return nil, err
	}
	var n narrowing
	if q.Bookmark != "" {
		n.by("bookmark =", q.Bookmark)
	}
	if q.Before != 0 {
		n.by("id <", q.Before)
	}
	rows, err := r.db.Read.QueryContext(ctx, `SELECT id, bookmark, name, report, query, view, note, version, removed, changed_by, at_us
		FROM bookmark_changes`+n.where()+` ORDER BY id DESC LIMIT `+n.arg(limit), n.args...)
	if err != nil {
		return nil, fmt.Errorf("list changes of bookmarks: %w", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (c store.BookmarkChange, err error) {
		err = rows.Scan(&c.ID, &c.Bookmark.ID, &c.Name, &c.Report, &c.Query, &c.View, &c.Note, &c.Version, &c.Removed, &c.By, (*microTime)(&c.At))
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("list changes of bookmarks: %w", err)
	}
	return found, nil
}
