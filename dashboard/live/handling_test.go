package live_test

import (
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/dashboard/live"
	"github.com/urbangrid/urbangrid/store"
)

func TestHub_WhatPeopleDoAboutAnAlertIsAnEvent(t *testing.T) {
	w := newWorld(t, live.Options{}, nil)
	w.raise(t, 1, 1)
	b := dial(t, w)
	b.say(t, `{"t":"sub","id":1,"topic":"alerts"}`)
	if m := b.want(t, "snap"); m.Alerts[0].Handling.State != "new" || m.Alerts[0].Handling.Version != 0 || m.Alerts[0].Handling.At != nil {
		t.Fatalf("handling %+v, want new", m.Alerts[0].Handling)
	}
	handled := alert(1)
	handled.Handling = store.Handling{
		State: store.HandlingDispatched, Version: 2, By: "王芳", At: time.Unix(9, 0),
		To: store.Destination{Area: "310107005", Unit: "城管中队"}, Answer: store.Confirmed,
	}
	w.records.put(handled)
	w.mem.publish(t, handled)
	m := b.want(t, "ev")
	for m.Alert.Handling.Version != 2 {
		m = b.want(t, "ev")
	}
	h := m.Alert.Handling
	want := live.Destination{Area: "310107005", Unit: "城管中队"}
	if m.Alert.Revision != 1 || h.State != "dispatched" || h.By != "王芳" || h.At == nil || !h.At.Equal(time.Unix(9, 0)) || h.To != want || h.Answer != "confirmed" {
		t.Errorf("event %+v, want revision 1 with what 王芳 did", m.Alert)
	}
}
