package sqlrecords

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// SaveCredential implements [store.Credentials].
func (r *Records) SaveCredential(ctx context.Context, c sensors.Credential) error {
	prefixes, err := asText(c.Prefixes)
	if err != nil {
		return fmt.Errorf("credential of %q: %w", c.User, err)
	}
	_, err = r.db.Write.ExecContext(ctx, `
		INSERT INTO credentials (user_name, hash, device, prefixes) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_name) DO UPDATE SET hash = excluded.hash, device = excluded.device, prefixes = excluded.prefixes`,
		c.User, c.Hash, string(c.Device), prefixes)
	if err != nil {
		return fmt.Errorf("save credential of %q: %w", c.User, err)
	}
	return nil
}

// RemoveCredential implements [store.Credentials].
func (r *Records) RemoveCredential(ctx context.Context, user string) error {
	res, err := r.db.Write.ExecContext(ctx, `DELETE FROM credentials WHERE user_name = $1`, user)
	if err != nil {
		return fmt.Errorf("remove credential of %q: %w", user, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return fmt.Errorf("remove credential of %q: %w", user, err)
	}
	if n == 0 {
		return fmt.Errorf("credential of %q: %w", user, store.ErrNotFound)
	}
	return nil
}

// Credential implements [store.Credentials].
func (r *Records) Credential(ctx context.Context, user string) (sensors.Credential, bool, error) {
	rows, err := r.db.Read.QueryContext(ctx,
		`SELECT user_name, hash, device, prefixes FROM credentials WHERE user_name = $1`, user)
	if err != nil {
		return sensors.Credential{}, false, fmt.Errorf("credential of %q: %w", user, err)
	}
	found, err := collect(rows, scanCredential)
	if err != nil {
		return sensors.Credential{}, false, fmt.Errorf("credential of %q: %w", user, err)
	}
	if len(found) == 0 {
		return sensors.Credential{}, false, nil
	}
	return found[0], true, nil
}

// ListCredentials implements [store.Credentials].
func (r *Records) ListCredentials(ctx context.Context, after string, limit int) ([]sensors.Credential, error) {
	rows, err := r.db.Read.QueryContext(ctx, `
		SELECT user_name, hash, device, prefixes FROM credentials
		WHERE user_name > $1 ORDER BY user_name LIMIT $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	found, err := collect(rows, scanCredential)
	if err != nil {
		return nil, fmt.Errorf("list credentials: %w", err)
	}
	return found, nil
}

func scanCredential(rows *sql.Rows) (c sensors.Credential, err error) {
	var prefixes string
	if err = rows.Scan(&c.User, &c.Hash, &c.Device, &prefixes); err != nil {
		return c, err
	}
	c.Prefixes, err = fromText[string](prefixes)
	return c, err
}
