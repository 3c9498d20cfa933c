package codectest

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urbangrid/urbangrid/sensors"
)

// wellFormed returns the first promise that r breaks.
func wellFormed(r *sensors.Report, payload []byte) error {
	for i, o := range r.Observations {
		if err := observation(o); err != nil {
			return fmt.Errorf("observation %d %+v: %w", i, o, err)
		}
	}
	for i, h := range r.Health {
		if err := health(h); err != nil {
			return fmt.Errorf("health %d %+v: %w", i, h, err)
		}
	}
	for i, f := range r.Faults {
		if err := fault(f, payload); err != nil {
			return fmt.Errorf("fault %d %s %q: %w", i, f.Reason, f.Detail, err)
		}
	}
	for i, c := range r.Commands {
		if c.Topic == "" || strings.ContainsAny(c.Topic, "+#\x00") {
			return fmt.Errorf("command %d goes to topic %q", i, c.Topic)
		}
	}
	return nil
}

func observation(o sensors.Observation) error {
	switch {
	case !sensors.ValidDeviceID(string(o.Device)):
		return fmt.Errorf("device %q is not valid", o.Device)
	case !sensors.ValidKindKey(string(o.Kind)):
		return fmt.Errorf("kind %q is not valid", o.Kind)
	case math.IsNaN(o.Value) || math.IsInf(o.Value, 0):
		return fmt.Errorf("value %v is not finite", o.Value)
	case len(o.ID) > sensors.MaxIDBytes || !utf8.ValidString(o.ID):
		return fmt.Errorf("id %q is not text of at most %d bytes", o.ID, sensors.MaxIDBytes)
	case !o.Received.Equal(Received.Truncate(time.Microsecond)):
		return fmt.Errorf("received is %v, want %v in whole microseconds", o.Received, Received)
	}
	if err := instant("time", o.At); err != nil {
		return err
	}
	if err := instant("received", o.Received); err != nil {
		return err
	}
	if err := position(o.Position); err != nil {
		return err
	}
	return attrs(o.Attrs)
}

func instant(name string, t time.Time) error {
	if t.IsZero() || t.Location() != time.UTC || t.Nanosecond()%1000 != 0 || t.Year() < 0 || t.Year() > 9999 {
		return fmt.Errorf("%s %v is not in UTC and whole microseconds of the years 0 to 9999", name, t)
	}
	return nil
}

func position(p sensors.Position) error {
	if !p.Known() {
		if p != (sensors.Position{}) {
			return fmt.Errorf("position %+v has no datum", p)
		}
		return nil
	}
	if !(math.Abs(p.LatDegrees) <= 90) || !(math.Abs(p.LonDegrees) <= 180) {
		return fmt.Errorf("position %+v is not on Earth", p)
	}
	return nil
}

func attrs(s string) error {
	if s == "" {
		return nil
	}
	if len(s) > 4<<10 {
		return fmt.Errorf("attrs have %d bytes", len(s))
	}
	var fields map[string]any
	if err := json.Unmarshal([]byte(s), &fields); err != nil {
		return fmt.Errorf("attrs %q: %w", s, err)
	}
	if len(fields) == 0 || !utf8.ValidString(s) {
		return fmt.Errorf("attrs %q are not text with fields", s)
	}
	return nil
}

func health(h sensors.Health) error {
	if !sensors.ValidDeviceID(string(h.Device)) {
		return fmt.Errorf("device %q is not valid", h.Device)
	}
	if h.Presence > sensors.Offline {
		return fmt.Errorf("presence %d is none", h.Presence)
	}
	if b := h.BatteryPercent; b != nil && !(*b >= 0 && *b <= 100) {
		return fmt.Errorf("battery is at %v %%", *b)
	}
	if s := h.SignalDBm; s != nil && (math.IsNaN(*s) || math.IsInf(*s, 0)) {
		return fmt.Errorf("signal is %v dBm", *s)
	}
	if len(h.Note) > 256 || !utf8.ValidString(h.Note) {
		return fmt.Errorf("note %q is not text of at most 256 bytes", h.Note)
	}
	if err := instant("time", h.At); err != nil {
		return err
	}
	return position(h.Position)
}

func fault(f sensors.Fault, payload []byte) error {
	switch {
	case !slices.Contains(sensors.Reasons(), f.Reason):
		return fmt.Errorf("the reason is not in the closed set")
	case f.Detail == "" || len(f.Detail) > 1024:
		return fmt.Errorf("the detail has %d bytes", len(f.Detail))
	case f.Index < sensors.WholeMessage:
		return fmt.Errorf("the index is %d", f.Index)
	case !within(f.Raw, payload):
		return fmt.Errorf("raw is no part of the payload")
	}
	return nil
}
