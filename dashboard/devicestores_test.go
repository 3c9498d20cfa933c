package dashboard_test

import (
	"context"
	"fmt"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func (s *stores) ChangeDevice(_ context.Context, by string, d sensors.Device, known int64) (sensors.Device, error) {
	was := s.devices[d.ID]
	if was.Version != known {
		return was, fmt.Errorf("change device: %w", store.ErrConflict)
	}
	d.Version, d.Auto = known+1, false
	s.devices[d.ID] = d
	s.changes = append(s.changes, store.DeviceChange{Device: d.ID, Version: d.Version, By: by, Action: store.DeviceChanged, At: clock, Number: d.Version, Fields: []string{"name"}})
	return d, s.err
}

func (s *stores) DeviceChanges(context.Context, sensors.DeviceID, int64, int) ([]store.DeviceChange, error) {
	return s.changes, s.err
}

func (s *stores) NoteDevice(_ context.Context, id sensors.DeviceID, by string, action store.DeviceAction) error {
	s.changes = append(s.changes, store.DeviceChange{Device: id, By: by, Action: action, At: clock})
	return s.err
}

func (s *stores) KeptRejects(_ context.Context, q store.RejectQuery) (map[string]store.KeptCount, error) {
	s.keptQuery = q
	counts := map[string]store.KeptCount{}
	for _, r := range s.rejects {
		c := counts[r.Reason]
		c.Kept++
		if len(r.Message) > 0 {
			c.Readable++
		}
		counts[r.Reason] = c
	}
	return counts, s.err
}

func (s *stores) LastMessage(_ context.Context, id sensors.DeviceID) (store.LastMessage, error) {
	m, ok := s.messages[id]
	if !ok {
		return m, store.ErrNotFound
	}
	return m, s.err
}
