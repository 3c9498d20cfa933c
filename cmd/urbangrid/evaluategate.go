package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/urbangrid/urbangrid/analytics/evaluate"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/ingest"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/native"
	"github.com/urbangrid/urbangrid/stream"
)

// ingestGate takes in messages in UrbanGrid's own format through a new Intake, which
// judges times and repetitions by when each message was received.
func ingestGate(ctx context.Context, messages []evaluate.Message) ([]stream.Entry, error) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		return nil, err
	}
	var j entryList
	in := ingest.New(&j, []sensors.Format{native.NewFormat(catalog)}, catalog, grid.NewPlacer(nil, nil, grid.PlacerOptions{}),
		ingest.Options{MaxPending: len(messages) + 1, MaxPendingBytes: 1 << 40, Logger: slog.New(slog.DiscardHandler)})
	for _, m := range messages {
		payload, err := json.Marshal(nativeMessage{Kind: m.Kind, ID: m.ID, Value: 1,
			Time: m.At.UTC().Format(time.RFC3339Nano), Lat: m.Point.LatDegrees, Lon: m.Point.LonDegrees})
		if err != nil {
			return nil, err
		}
		in.Submit(ingest.Message{Topic: native.Topic(m.Device), Payload: payload, Received: m.Received})
	}
	// Told to end, Run takes nothing new and commits what was submitted.
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := in.Run(ended); err != nil {
		return nil, err
	}
	return j, ctx.Err()
}

type nativeMessage struct {
	Kind  sensors.KindKey `json:"kind"`
	ID    string          `json:"id,omitempty"`
	Value float64         `json:"value"`
	Time  string          `json:"time"`
	Lat   float64         `json:"lat"`
	Lon   float64         `json:"lon"`
}

// entryList is a journal in memory.
type entryList []stream.Entry

var _ ingest.Journal = (*entryList)(nil)

// Append keeps a copy of an entry, whose slices the intake uses again. Each was
// committed when its last observation was received.
func (l *entryList) Append(_ context.Context, _ string, e stream.Entry) (uint64, error) {
	e.Observations = append([]grid.Placed(nil), e.Observations...)
	e.Rejects = append([]stream.Reject(nil), e.Rejects...)
	e.Health = append([]sensors.Health(nil), e.Health...)
	if n := len(e.Observations); n > 0 {
		e.At = e.Observations[n-1].Received
	}
	e.Seq = uint64(len(*l) + 1)
	*l = append(*l, e)
	return e.Seq, nil
}
