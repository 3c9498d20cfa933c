package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

var _ store.Settings = (*Records)(nil)

const settingColumns = `section, key, version, value, changed_by, note, at_us`

func scanSetting(rows *sql.Rows) (s store.Setting, err error) {
	err = rows.Scan(settingFields(&s)...)
	return s, err
}

// settingFields are where the columns of a setting are read to. A NULL value is a
// reset.
func settingFields(s *store.Setting) []any {
	return []any{&s.Section, &s.Key, &s.Version, (*nullableText)(&s.Value), &s.By, &s.Note, (*microTime)(&s.At)}
}

// nullableText reads a text, nil for NULL.
type nullableText []byte

// Scan implements [sql.Scanner].
func (t *nullableText) Scan(value any) error {
	var s sql.NullString
	if err := s.Scan(value); err != nil {
		return err
	}
	*t = nil
	if s.Valid {
		*t = []byte(s.String)
	}
	return nil
}

// nullText is how a text that may be missing is kept.
func nullText(b []byte) sql.NullString { return sql.NullString{String: string(b), Valid: b != nil} }

// microTime reads a time that is kept as micros keeps it.
type microTime time.Time

// Scan implements [sql.Scanner].
func (t *microTime) Scan(value any) error {
	var us sql.NullInt64
	if err := us.Scan(value); err != nil {
		return err
	}
	*t = microTime(fromMicros(us))
	return nil
}

// SaveSetting implements [store.Settings].
func (r *Records) SaveSetting(ctx context.Context, s store.Setting) (store.Setting, error) {
	return r.SaveSettingAndSecrets(ctx, s, nil)
}

// SaveSettingAndSecrets implements [store.Secrets], with secrets as they are.
func (r *Records) SaveSettingAndSecrets(ctx context.Context, s store.Setting, secrets map[string]string) (store.Setting, error) {
	kept := s
	kept.Version, kept.At = s.Version+1, stored(s.At)
	err := r.transact(ctx, func(tx *sql.Tx) error {
		saved, err := saveSetting(ctx, tx, kept)
		if err != nil {
			return err
		}
		if !saved {
			kept, err = setting(ctx, tx, s.Section, s.Key)
			return errors.Join(err, store.ErrConflict)
		}
		if err := saveSecrets(ctx, tx, secrets); err != nil {
			return err
		}
		return logSetting(ctx, tx, kept)
	})
	switch {
	case errors.Is(err, store.ErrConflict):
		return kept, fmt.Errorf("setting %s/%s: %w", s.Section, s.Key, err)
	case err != nil:
		return store.Setting{}, fmt.Errorf("setting %s/%s: %w", s.Section, s.Key, err)
	}
	return kept, nil
}

// saveSetting stores s if the version before it is kept, and reports whether it
// was. The condition is in the statement, so that of two who save at once one
// loses whatever the database isolates.
func saveSetting(ctx context.Context, tx *sql.Tx, s store.Setting) (bool, error) {
	var (
		res sql.Result
		err error
	)
	if s.Version == 1 {
		res, err = tx.ExecContext(ctx, `INSERT INTO settings (`+settingColumns+`)
			VALUES ($1, $2, 1, $3, $4, $5, $6) ON CONFLICT (section, key) DO NOTHING`,
			s.Section, s.Key, nullText(s.Value), s.By, s.Note, s.At.UnixMicro())
	} else {
		res, err = tx.ExecContext(ctx, `
			UPDATE settings SET value = $1, changed_by = $2, note = $3, at_us = $4, version = version + 1
			WHERE section = $5 AND key = $6 AND version = $7`,
			nullText(s.Value), s.By, s.Note, s.At.UnixMicro(), s.Section, s.Key, s.Version-1)
	}
	if err != nil {
		return false, err
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

func logSetting(ctx context.Context, tx *sql.Tx, s store.Setting) error {
	id, err := takeNumbers(ctx, tx, "setting_change", 1)
	if err != nil {
		return err
	}
	return insertChange(ctx, tx, id, s)
}

func insertChange(ctx context.Context, tx *sql.Tx, id int64, s store.Setting) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO setting_changes (id, `+settingColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		id, s.Section, s.Key, s.Version, nullText(s.Value), s.By, s.Note, s.At.UnixMicro())
	return err
}

// LogDeed implements [store.Settings].
func (r *Records) LogDeed(ctx context.Context, s store.Setting) error {
	s.At = stored(s.At)
	err := r.transact(ctx, func(tx *sql.Tx) error {
		// Of two deeds at once one waits here for the other, and counts after it.
		id, err := takeNumbers(ctx, tx, "setting_change", 1)
		if err != nil {
			return err
		}
		err = tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version), 0) + 1 FROM setting_changes WHERE section = $1 AND key = $2`,
			s.Section, s.Key).Scan(&s.Version)
		if err != nil {
			return err
		}
		return insertChange(ctx, tx, id, s)
	})
	if err != nil {
		return fmt.Errorf("log %s of %q: %w", s.Section, s.Key, err)
	}
	return nil
}

// queryer asks a database or a transaction for rows.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func setting(ctx context.Context, q queryer, section, key string) (store.Setting, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+settingColumns+` FROM settings WHERE section = $1 AND key = $2`, section, key)
	if err != nil {
		return store.Setting{}, err
	}
	found, err := collect(rows, scanSetting)
	if err != nil || len(found) == 0 {
		return store.Setting{Section: section, Key: key}, err
	}
	return found[0], nil
}

// Setting implements [store.Settings].
func (r *Records) Setting(ctx context.Context, section, key string) (store.Setting, error) {
	s, err := setting(ctx, r.db.Read, section, key)
	if err != nil {
		return store.Setting{}, fmt.Errorf("setting %s/%s: %w", section, key, err)
	}
	return s, nil
}

// ListSettings implements [store.Settings].
func (r *Records) ListSettings(ctx context.Context, section string) (map[string]store.Setting, error) {
	rows, err := r.db.Read.QueryContext(ctx, `SELECT `+settingColumns+` FROM settings WHERE section = $1 AND value IS NOT NULL`, section)
	if err != nil {
		return nil, fmt.Errorf("list settings of %s: %w", section, err)
	}
	found, err := collect(rows, scanSetting)
	if err != nil {
		return nil, fmt.Errorf("list settings of %s: %w", section, err)
	}
	byKey := make(map[string]store.Setting, len(found))
	for _, s := range found {
		byKey[s.Key] = s
	}
	return byKey, nil
}

// SettingChanges implements [store.Settings].
func (r *Records) SettingChanges(ctx context.Context, q store.SettingQuery) ([]store.SettingChange, error) {
	limit, err := pageLimit(q.Limit, store.MaxSettingChanges)
	if err != nil {
		return nil, err
	}
	var n narrowing
	if q.Section != "" {
		n.by("c.section =", q.Section)
	}
	if q.Key != "" {
		n.by("c.key =", q.Key)
	}
	if q.Before != 0 {
		n.by("c.id <", q.Before)
	}
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT c.id, c.section, c.key, c.version, c.value, c.changed_by, c.note, c.at_us, b.value
		FROM setting_changes c
		LEFT JOIN setting_changes b ON b.section = c.section AND b.key = c.key AND b.version = c.version - 1`+
		n.where()+` ORDER BY c.id DESC LIMIT `+n.arg(limit), n.args...)
	if err != nil {
		return nil, fmt.Errorf("list changes of settings: %w", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (c store.SettingChange, err error) {
		fields := append([]any{&c.ID}, settingFields(&c.Setting)...)
		err = rows.Scan(append(fields, (*nullableText)(&c.Before))...)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("list changes of settings: %w", err)
	}
	return found, nil
}

// narrowing collects the conditions of a question.
type narrowing struct {
	conditions []string
	args       []any
}

// arg gives the question one more argument and returns its place.
func (n *narrowing) arg(value any) string {
	n.args = append(n.args, value)
	return "$" + strconv.Itoa(len(n.args))
}

// by adds a condition like "id <" about one argument.
func (n *narrowing) by(condition string, value any) {
	n.conditions = append(n.conditions, condition+" "+n.arg(value))
}

func (n *narrowing) where() string {
	if len(n.conditions) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(n.conditions, " AND ")
}

// pageLimit returns the length of a page, 100 when none was asked for.
func pageLimit(asked, most int) (int, error) {
	if asked == 0 {
		asked = 100
	}
	if asked < 1 || asked > most {
		return 0, fmt.Errorf("%w: limit %d is not within 1 and %d", store.ErrInvalidQuery, asked, most)
	}
	return asked, nil
}
