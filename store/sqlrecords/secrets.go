package sqlrecords

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/urbangrid/urbangrid/store"
)

var _ store.Secrets = (*Records)(nil)

// SaveSecrets implements [store.Secrets], with secrets as they are: package sealed
// makes them unreadable before.
func (r *Records) SaveSecrets(ctx context.Context, secrets map[string]string) error {
	return r.transact(ctx, func(tx *sql.Tx) error { return saveSecrets(ctx, tx, secrets) })
}

func saveSecrets(ctx context.Context, tx *sql.Tx, secrets map[string]string) error {
	for name, secret := range secrets {
		var err error
		if secret == "" {
			_, err = tx.ExecContext(ctx, `DELETE FROM secrets WHERE name = $1`, name)
		} else {
			_, err = tx.ExecContext(ctx, `INSERT INTO secrets (name, secret) VALUES ($1, $2)
				ON CONFLICT (name) DO UPDATE SET secret = excluded.secret`, name, secret)
		}
		if err != nil {
			return fmt.Errorf("save secret %s: %w", name, err)
		}
	}
	return nil
}

// Secret implements [store.Secrets].
func (r *Records) Secret(ctx context.Context, name string) (string, error) {
	var secret string
	err := r.db.Read.QueryRowContext(ctx, `SELECT secret FROM secrets WHERE name = $1`, name).Scan(&secret)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read secret %s: %w", name, err)
	}
	return secret, nil
}

// ListSecrets returns all secrets by name, as they are kept.
func (r *Records) ListSecrets(ctx context.Context) (map[string]string, error) {
	type row struct{ name, secret string }
	rows, err := r.db.Read.QueryContext(ctx, `SELECT name, secret FROM secrets`)
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	found, err := collect(rows, func(rows *sql.Rows) (s row, err error) {
		err = rows.Scan(&s.name, &s.secret)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	byName := make(map[string]string, len(found))
	for _, s := range found {
		byName[s.name] = s.secret
	}
	return byName, nil
}
