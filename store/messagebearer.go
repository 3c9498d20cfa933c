package store

import (
	"context"
	"fmt"
	"time"
)

// RejectFinder finds rejects; see [Quarantine].
type RejectFinder interface {
	Rejects(ctx context.Context, q RejectQuery, before int64, limit int) ([]QuarantinedReject, error)
}

// FindReject returns the reject with that id. Errors: ErrNotFound.
func FindReject(ctx context.Context, in RejectFinder, id int64) (QuarantinedReject, error) {
	found, err := in.Rejects(ctx, RejectQuery{ID: id}, 0, 1)
	if err != nil {
		return QuarantinedReject{}, err
	}
	if len(found) == 0 {
		return QuarantinedReject{}, fmt.Errorf("reject %d: %w", id, ErrNotFound)
	}
	return found[0], nil
}

// MessageBearer returns the reject that has the Message of the one with that id:
// of several parts of one message that were refused, the first alone has it. What
// it returns has no Message when none of them does. Errors: ErrNotFound.
func MessageBearer(ctx context.Context, in RejectFinder, id int64) (QuarantinedReject, error) {
	one, err := FindReject(ctx, in, id)
	if err != nil || len(one.Message) > 0 {
		return one, err
	}
	const most = 1000 // parts of one message
	same, err := in.Rejects(ctx, RejectQuery{From: one.At, To: one.At.Add(time.Microsecond)}, id, most)
	if err != nil {
		return one, err
	}
	for _, r := range same {
		if r.Topic == one.Topic && r.Size == one.Size && len(r.Message) > 0 {
			return r, nil
		}
	}
	return one, nil
}
