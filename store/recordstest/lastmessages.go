package recordstest

import (
	"errors"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

func lastMessage(id sensors.DeviceID, at time.Time) store.LastMessage {
	return store.LastMessage{
		Device: id, Topic: "urbangrid/v1/" + string(id) + "/obs", QoS: 1, Received: at, Format: "native",
		Payload: []byte("{\x00\xff"), Size: 20_000,
		Observations: []grid.Placed{{
			Observation: sensors.Observation{Device: id, Kind: "noise", Value: 57.25, At: at.Add(-time.Second), Received: at, ID: "e-1",
				Position: registered.Position, Attrs: `{"a":1}`},
			Point: grid.Point{LatDegrees: 31.25, LonDegrees: 121.5}, Cell: 0x8a309930a0affff, Area: "310107005",
		}}, Observed: 40,
		Faults: []store.MessageFault{{Reason: "bad_field", Detail: "值不是数字"}}, Refused: 17,
	}
}

func (f *fixture) saveLast(list ...store.LastMessage) {
	f.t.Helper()
	if err := f.SaveLastMessages(f.t.Context(), list); err != nil {
		f.t.Fatalf("SaveLastMessages: %v", err)
	}
}

var lastMessagePromises = map[string]func(*testing.T, *fixture){
	"the last message of a device comes back whole, and never an older one": func(t *testing.T, f *fixture) {
		f.putDevice(registered)
		want := lastMessage(registered.ID, noon)
		private := store.LastMessage{Device: registered.ID, Topic: "t", Received: noon.Add(-time.Hour), Private: true, Payload: []byte{}}
		f.saveLast(want)
		f.saveLast(private)
		f.reopen()
		got, err := f.LastMessage(t.Context(), registered.ID)
		if err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "last message", got, want)
		private.Received = noon.Add(time.Hour)
		f.saveLast(private)
		if got, err = f.LastMessage(t.Context(), registered.ID); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, "a newer one", got, private)
	},
	"only devices that somebody may look at have a last message": func(t *testing.T, f *fixture) {
		f.saveRejects(1, store.RejectEntry{Seq: 1, Rejects: []store.Reject{stranger("a", noon)}})
		f.saveLast(lastMessage("a", noon), lastMessage("ghost", noon))
		if _, err := f.LastMessage(t.Context(), "a"); err != nil {
			t.Errorf("of an unknown device: %v", err)
		}
		if _, err := f.LastMessage(t.Context(), "ghost"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("of a device that nobody knows: %v, want ErrNotFound", err)
		}
	},
}
