package sensorthings_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/sensors/codec/sensorthings"
)

// resultOptions has a datastream of every form of result.
func resultOptions() sensorthings.Options {
	return sensorthings.Options{
		Datastreams: map[string]sensorthings.Datastream{
			"noise": {Device: "n", Values: []sensorthings.Value{{Kind: "noise"}}},
			"bin": {Device: "b", Values: []sensorthings.Value{
				{Kind: "bin_fill", Words: map[string]float64{"true": 100, "false": 0, "3": 75, "half": 50}},
			}},
			"door": {Device: "d", Values: []sensorthings.Value{{Kind: "door_open"}}},
			"deep": {Device: "t", Values: []sensorthings.Value{{Kind: "temperature", Path: "probes.1.t", Unit: "Cel"}}},
		},
		MultiDatastreams: map[string]sensorthings.Datastream{
			"noise": {Device: "air", Values: []sensorthings.Value{
				{Kind: "temperature", Path: "0", Unit: "K"}, {Kind: "humidity", Path: "1"}, {Kind: "smoke", Path: "2"},
			}},
		},
	}
}

func TestDecoder_ReadsResultsOfEveryType(t *testing.T) {
	const single, multi = "v1.1/Datastreams('%s')/Observations", "v1.1/MultiDatastreams('%s')/Observations"
	for _, tt := range []struct{ topic, datastream, result, want string }{
		{single, "noise", `57.25`, "noise=57.25"},
		{single, "noise", `5725e-2`, "noise=57.25"},
		{single, "noise", `" 57.25 "`, "noise=57.25"},
		{single, "noise", `"57,25"`, "bad_field"},
		{single, "noise", `true`, "bad_field"},
		{single, "noise", `null`, "missing_value"},
		{single, "noise", `[57.25]`, "bad_field"},
		{single, "noise", `{"v":57.25}`, "bad_field"},
		{single, "noise", `1e999`, "bad_field"},
		{single, "bin", `true`, "bin_fill=100"},
		{single, "bin", `false`, "bin_fill=0"},
		{single, "bin", `3`, "bin_fill=75"},
		{single, "bin", `"half"`, "bin_fill=50"},
		{single, "bin", `12.5`, "bin_fill=12.5"},
		{single, "bin", `"brim"`, "bad_field"},
		{single, "door", `true`, "door_open=1"},
		{single, "door", `false`, "door_open=0"},
		{single, "deep", `{"probes":[{"t":1},{"t":2}]}`, "temperature=2"},
		{single, "deep", `{"probes":[{"t":1}]}`, "missing_value"},
		{multi, "noise", `[293.15,41,true]`, "temperature=20 humidity=41 smoke=1"},
		{multi, "noise", `[293.15,41,false]`, "temperature=20 humidity=41"},
		{multi, "noise", `[293.15,null,0]`, "temperature=20 missing_value"},
		{multi, "noise", `["warm",41]`, "humidity=41 bad_field missing_value"},
		{multi, "noise", `293.15`, "missing_value missing_value missing_value"},
	} {
		r := decode(decoder(resultOptions()), fmt.Sprintf(tt.topic, tt.datastream),
			`{"@iot.id":7,"phenomenonTime":"2026-11-22T07:59:00Z","result":`+tt.result+`}`)
		var got []string
		ids := make(map[string]bool)
		for _, o := range r.Observations {
			got = append(got, fmt.Sprintf("%s=%.10g", o.Kind, o.Value))
			ids[o.ID] = true
		}
		for _, f := range r.Faults {
			got = append(got, f.Reason)
		}
		if s := strings.Join(got, " "); s != tt.want || len(ids) != len(r.Observations) {
			t.Errorf("%s of %s: got %q with ids %v, want %q", tt.result, tt.datastream, s, ids, tt.want)
		}
	}
}

func TestDecoder_KnowsAnEchoHoweverTheServerWritesIt(t *testing.T) {
	const topic = "v1.1/MultiDatastreams('noise')/Observations"
	for created, echo := range map[string]string{
		`[293.150, 41, true]`:          `[293.15,41.0,true]`,
		`{"0":293.15,"1":41,"2":true}`: `{ "2": true, "1": 4.1e1, "0": 293.15 }`,
		`["293.15","4\u0031",true]`:    `["293.15","41",true]`,
	} {
		d := decoder(resultOptions())
		first := decode(d, topic, `{"phenomenonTime":"2026-11-22T07:59:00Z","result":`+created+`}`)
		second := decode(d, topic, `{"phenomenonTime":"2026-11-22T07:59:00.000Z","@iot.id":7,"result":`+echo+`}`)
		if len(first.Observations) != 3 || len(second.Observations) != 3 {
			t.Fatalf("%s: got %+v and %+v", created, first, second)
		}
		for i, o := range second.Observations {
			if identity(o) != identity(first.Observations[i]) {
				t.Errorf("%s comes back as %s and counts twice: %+v", created, echo, o)
			}
		}
	}
}

func TestDecoder_FindsTheDatastreamThatAMessageNames(t *testing.T) {
	for fields, want := range map[string]string{
		`"Datastream":{"@iot.id":"noise"}`:                                                "n",
		`"MultiDatastream":{"@iot.id":"noise"}`:                                           "air",
		`"Datastream@iot.navigationLink":"https://x/v1.1/Datastreams('noise')"`:           "n",
		`"MultiDatastream@iot.navigationLink":"https://x/v1.1/MultiDatastreams('noise')"`: "air",
		`"MultiDatastream@iot.bind":"MultiDatastreams('noise')"`:                          "air",
		`"Datastream@iot.navigationLink":"https://x/v1.1/Observations(7)/Datastream"`:     "",
		`"Datastream":{"name":"noise"}`:                                                   "",
	} {
		r := decode(decoder(resultOptions()), "v1.1/Observations", `{"@iot.id":7,"result":{"0":41},`+fields+`}`)
		got := ""
		switch {
		case len(r.Observations) == 1: // temperature of the multi-datastream
			got = string(r.Observations[0].Device)
		case len(r.Faults) == 1 && r.Faults[0].Reason == "bad_field": // noise that is an object
			got = "n"
		}
		if got != want {
			t.Errorf("%s: got %q, want %q: %+v", fields, got, want, r)
		}
	}
}
