package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Remember replaces the note of that name. A nil error means that it is durable.
func (r *Records) Remember(ctx context.Context, name string, note []byte) error {
	_, err := r.db.Write.ExecContext(ctx, `
		INSERT INTO notes (name, note) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET note = excluded.note`, name, note)
	if err != nil {
		return fmt.Errorf("remember %s: %w", name, err)
	}
	return nil
}

// Recall returns the note of that name, nil when there is none.
func (r *Records) Recall(ctx context.Context, name string) ([]byte, error) {
	var note []byte
	err := r.db.Read.QueryRowContext(ctx, `SELECT note FROM notes WHERE name = $1`, name).Scan(&note)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("recall %s: %w", name, err)
	}
	return note, nil
}
