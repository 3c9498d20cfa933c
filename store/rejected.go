package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/urbangrid/urbangrid/grid"
)

// DefaultHistoryAfter is the age at which a Series takes an observation that
// comes for history, unless it is told another.
const DefaultHistoryAfter = 12 * time.Hour

// Why a Series rejects observations for good.
const (
	RejectRetention = "retention" // older than what is kept, and than what could be checked for doubles
	RejectConflict  = "conflict"  // the store holds another type under the same name
	RejectRefused   = "refused"   // the store refuses it for another reason
)

// RejectReasons are all of them.
var RejectReasons = []string{RejectRetention, RejectConflict, RejectRefused}

// Rejected is told of observations that a Series does not keep and will not be
// offered again, with one of RejectReasons. The slice is the callee's.
type Rejected func(observations []grid.Placed, reason string)

// CountRejected returns a Rejected that counts and passes on to next, which may
// be nil. A nil registerer keeps the counts to themselves.
func CountRejected(registerer prometheus.Registerer, next Rejected) (Rejected, error) {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_store_observations_rejected_total",
		Help: "Observations that the series store does not keep and that went to quarantine, by reason.",
	}, []string{"reason"})
	for _, reason := range RejectReasons {
		count.WithLabelValues(reason)
	}
	if registerer != nil {
		if err := registerer.Register(count); err != nil {
			return nil, fmt.Errorf("rejected metrics: %w", err)
		}
	}
	return func(observations []grid.Placed, reason string) {
		count.WithLabelValues(reason).Add(float64(len(observations)))
		if next != nil {
			next(observations, reason)
		}
	}, nil
}

const quarantineTimeout = 10 * time.Second

// QuarantineRejected returns a Rejected that puts each observation, as JSON, into
// q with the reason "series_" and its own. It blocks until that is done or ten
// seconds have passed; what could not be quarantined is logged.
func QuarantineRejected(q Quarantine, log *slog.Logger) Rejected {
	var mu sync.Mutex // guards last
	var last uint64
	return func(observations []grid.Placed, reason string) {
		mu.Lock()
		last = max(last+1, uint64(time.Now().UnixMicro()))
		seq := last
		mu.Unlock()
		entry := RejectEntry{Seq: seq}
		for i := range observations {
			entry.Rejects = append(entry.Rejects, rejectOf(&observations[i], reason))
		}
		ctx, cancel := context.WithTimeout(context.Background(), quarantineTimeout)
		defer cancel()
		if err := q.SaveRejects(ctx, Position{Journal: "series", Seq: seq}, []RejectEntry{entry}); err != nil {
			log.Error("observations that the series store rejected are not in quarantine", "observations", len(observations), "reason", reason, "error", err)
		}
	}
}

func rejectOf(p *grid.Placed, reason string) Reject {
	payload, err := json.Marshal(map[string]any{
		"device": p.Device, "kind": p.Kind, "value": p.Value, "time": p.At, "id": p.ID, "cell": p.Cell.String(), "area": p.Area,
	})
	if err != nil {
		payload = []byte(err.Error()) // a value that is no number; Storable has kept it out
	}
	return Reject{
		At: p.Received, Reason: "series_" + reason, Detail: "the series store does not keep it: " + reason,
		Topic: string(p.Device), Payload: payload, Size: len(payload),
	}
}
