package onvif_test

import (
	"slices"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/sensors/codec/onvif"
)

// What cameras send that the examples of the specification do not show.

func TestDecoder_FindsTheCameraOfAnEncoderUnderEveryNameOfItsToken(t *testing.T) {
	d := decoder(onvif.Options{Devices: map[string]sensors.DeviceID{
		"site/enc": "ENC", "site/enc/1": "CAM-1", "site/enc/2": "CAM-2",
	}})
	for source, want := range map[string]sensors.DeviceID{
		`{"Source":"2"}`:                        "CAM-2",
		`{"Source":1}`:                          "CAM-1",
		`{"VideoSource":"2","Source":"1"}`:      "CAM-2",
		`{"VideoSourceToken":"2"}`:              "CAM-2",
		`{"VideoSourceConfigurationToken":"2"}`: "CAM-2",
		`{"Source":"3"}`:                        "ENC",
		`{"VideoSource":"","Source":"2"}`:       "CAM-2",
		`{}`:                                    "ENC",
	} {
		r := decode(d, "site/enc/onvif-ej/VideoSource/ImageTooDark/ImagingService/&2",
			`{"UtcTime":"2025-07-15T14:30:00Z","Source":`+source+`,"Data":{"State":true}}`)
		if len(r.Health) != 1 || r.Health[0].Device != want || r.Health[0].Note != "ImageTooDark" {
			t.Errorf("%s: got %+v, want a fault of %s", source, r, want)
		}
	}
}

func TestDecoder_ReadsAStateWhateverTheCaseOfItsName(t *testing.T) {
	for data, want := range map[string]int{
		`{"state":"1"}`: 1, `{"state":"0"}`: 0, `{"state":true}`: 1, `{"ACTIVE":"0"}`: 0, `{"active":"1"}`: 1,
		`{"ObjectId":"7","isInside":"false"}`: 0, `{"LogicalState":1}`: 1,
		`{"state":"0","IsInside":true}`: 1, `{"ObjectId":"0"}`: 1,
	} {
		d := decoder(onvif.Options{Rules: []onvif.Rule{{Kind: "stall"}}})
		r := decode(d, "c/onvif-ej/RuleEngine/FieldDetector/ObjectsInside", `{"UtcTime":"2025-07-15T14:30:00Z","Data":`+data+`}`)
		if len(r.Observations) != want || len(r.Faults) != 0 {
			t.Errorf("%s: got %+v, want %d observations", data, r, want)
		}
	}
}

func TestDecoder_ADeletedPropertySaysNothing(t *testing.T) {
	var ignored []string
	d := decoder(onvif.Options{Ignored: func(reason string) { ignored = append(ignored, reason) }})
	topics := []string{
		"VideoSource/ImageTooDark/ImagingService/&1",            // its last state may come along
		"RuleEngine/CountAggregation/OccupancyCounter/&1/1/x",   // without its count
		"RuleEngine/FieldDetector/ObjectsInside/&1/1/NoParking", // a state that is none any more
	}
	for _, topic := range topics {
		r := decode(d, "c/onvif-ej/"+topic,
			`{"UtcTime":"2025-07-15T14:30:00Z","PropertyOperation":"Deleted","Source":{"Rule":"NoParking"},"Data":{"State":"gone"}}`)
		if len(r.Observations)+len(r.Health)+len(r.Faults) != 0 {
			t.Errorf("%s: got %+v", topic, r)
		}
	}
	if want := slices.Repeat([]string{onvif.IgnoredDeleted}, len(topics)); !slices.Equal(ignored, want) {
		t.Errorf("ignored for %v, want %v", ignored, want)
	}
}
