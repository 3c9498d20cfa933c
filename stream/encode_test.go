package stream

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

func anyPlaced(t *rapid.T) grid.Placed {
	us := rapid.Int64Range(-1e15, 4e15)
	o := grid.Placed{
		Observation: sensors.Observation{
			Device:   sensors.DeviceID(rapid.StringN(1, 8, -1).Draw(t, "device")),
			Kind:     sensors.KindKey(rapid.SampledFrom([]string{"noise", "pm25", "stall"}).Draw(t, "kind")),
			Value:    rapid.Float64().Draw(t, "value"),
			At:       time.UnixMicro(us.Draw(t, "at")).UTC(),
			Received: time.UnixMicro(us.Draw(t, "received")).UTC(),
			ID:       rapid.String().Draw(t, "id"),
			Position: sensors.Position{Datum: sensors.Datum(rapid.IntRange(0, 3).Draw(t, "datum"))},
			Attrs:    rapid.String().Draw(t, "attrs"),
		},
		Cell: grid.Cell(rapid.Uint64().Draw(t, "cell")),
		Area: grid.AreaCode(rapid.SampledFrom([]string{"", "310107005"}).Draw(t, "area")),
	}
	degrees := rapid.Float64Range(-180, 180)
	if o.Position.Known() {
		o.Position.LatDegrees, o.Position.LonDegrees = degrees.Draw(t, "lat"), degrees.Draw(t, "lon")
	}
	if o.Position.Datum == sensors.WGS84 {
		o.Point = grid.Point{LatDegrees: o.Position.LatDegrees, LonDegrees: o.Position.LonDegrees}
	} else {
		o.Point = grid.Point{LatDegrees: degrees.Draw(t, "wgs lat"), LonDegrees: degrees.Draw(t, "wgs lon")}
	}
	return o
}

func anyReject(t *rapid.T) Reject {
	return Reject{
		At:      time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC(),
		Reason:  rapid.SampledFrom([]string{"bad_json", "no_position"}).Draw(t, "reason"),
		Detail:  rapid.String().Draw(t, "detail"),
		Topic:   rapid.String().Draw(t, "topic"),
		Payload: rapid.SliceOfN(rapid.Byte(), 1, 10).Draw(t, "payload"),
		Size:    rapid.IntRange(0, 1<<20).Draw(t, "size"),
		Message: rapid.SliceOfN(rapid.Byte(), 0, 10).Draw(t, "message"),
	}
}

func anyHealth(t *rapid.T) sensors.Health {
	h := sensors.Health{
		Device:         sensors.DeviceID(rapid.StringN(1, 8, -1).Draw(t, "device")),
		At:             time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).UTC(),
		Presence:       sensors.Presence(rapid.IntRange(0, 2).Draw(t, "presence")),
		BatteryPercent: rapid.Ptr(rapid.Float64(), true).Draw(t, "battery"),
		SignalDBm:      rapid.Ptr(rapid.Float64(), true).Draw(t, "signal"),
		Note:           rapid.String().Draw(t, "note"),
	}
	if h.Position.Datum = sensors.Datum(rapid.IntRange(0, 3).Draw(t, "datum")); h.Position.Known() {
		degrees := rapid.Float64Range(-180, 180)
		h.Position.LatDegrees, h.Position.LonDegrees = degrees.Draw(t, "lat"), degrees.Draw(t, "lon")
	}
	return h
}

func TestEntry_ComesBackAsItWasWritten(t *testing.T) {
	var enc encoder
	var dec decoder
	rapid.Check(t, func(t *rapid.T) {
		want := Entry{
			Observations: rapid.SliceOfN(rapid.Custom(anyPlaced), 0, 20).Draw(t, "observations"),
			Rejects:      rapid.SliceOfN(rapid.Custom(anyReject), 0, 3).Draw(t, "rejects"),
			Health:       rapid.SliceOfN(rapid.Custom(anyHealth), 0, 3).Draw(t, "health"),
		}
		got, err := dec.decode(enc.encode(want.Observations, want.Rejects, want.Health))
		if err != nil {
			t.Fatalf("decode: %v", err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("entry (-want +got):\n%s", diff)
		}
	})
}

func FuzzDecode_NeverPanics(f *testing.F) {
	var enc encoder
	f.Add(append([]byte(nil), enc.encode(
		[]grid.Placed{{Observation: sensors.Observation{Device: "d", Kind: "noise"}}}, []Reject{{Reason: "x"}}, []sensors.Health{{Device: "d"}})...))
	f.Fuzz(func(_ *testing.T, data []byte) {
		var dec decoder
		_, _ = dec.decode(data) // any answer but a panic is fine
	})
}

func batch(n int) []grid.Placed {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	obs := make([]grid.Placed, n)
	for i := range obs {
		p := sensors.Position{LatDegrees: 31.24, LonDegrees: 121.39, Datum: sensors.WGS84}
		obs[i] = grid.Placed{
			Observation: sensors.Observation{
				Device: sensors.DeviceID("noise-" + string(rune('a'+i%26))), Kind: "noise", Value: 57.3,
				At: at.Add(time.Duration(i) * time.Millisecond), Received: at, Position: p,
			},
			Point: grid.Point{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees},
			Cell:  0x8a309930a0affff, Area: "310107005",
		}
	}
	return obs
}

func BenchmarkEncode(b *testing.B) {
	var enc encoder
	obs := batch(1000)
	b.ReportAllocs()
	for b.Loop() {
		enc.encode(obs, nil, nil)
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "obs/s")
}

func BenchmarkDecode(b *testing.B) {
	var enc encoder
	var dec decoder
	data := enc.encode(batch(1000), nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dec.decode(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1000*float64(b.N)/b.Elapsed().Seconds(), "obs/s")
}
