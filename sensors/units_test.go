package sensors_test

import (
	"errors"
	"math"
	"testing"

	"github.com/urbangrid/urbangrid/sensors"
)

func TestConvert_IsExactWhereDecimalsAre(t *testing.T) {
	for _, tt := range []struct {
		value    float64
		from, to string
		want     float64
	}{
		{123, "mm", "cm", 12.3},
		{0.123, "m", "cm", 12.3},
		{7, "mm", "cm", 0.7},
		{298.65, "K", "Cel", 25.5},
		{25.5, "°C", "K", 298.65},
		{21.7, "℃", "Cel", 21.7},
		{32, "°F", "Cel", 0},
		{98.6, "[degF]", "Cel", 37},
		{-40, "Cel", "[degF]", -40},
		{101325, "Pa", "hPa", 1013.25},
		{101.325, "kPa", "hPa", 1013.25},
		{0.035, "mg/m3", "ug/m3", 35},
		{35, "µg/m³", "ug/m3", 35},
		{57.3, "dB(A)", "dB[SPL]", 57.3},
		{36, "km/h", "m/s", 10},
		{0.42, "1", "%", 42},
		{42, "%", "1", 0.42},
		{3, "人", "1", 3},
		{90, "min", "h", 1.5},
		{10, "furlong", "furlong", 10},
	} {
		got, err := sensors.Convert(tt.value, tt.from, tt.to)
		if err != nil || math.Abs(got-tt.want) > 1e-12*math.Max(1, math.Abs(tt.want)) {
			t.Errorf("Convert(%v, %q, %q) = %v, %v, want %v", tt.value, tt.from, tt.to, got, err, tt.want)
		}
	}
	if got, _ := sensors.Convert(123, "mm", "cm"); got != 12.3 {
		t.Errorf("123 mm is %v cm, want 12.3 to the last bit", got)
	}
	if got, _ := sensors.Convert(298.65, "K", "Cel"); got != 25.5 {
		t.Errorf("298.65 K is %v Cel, want 25.5 to the last bit", got)
	}
}

func TestConvert_RefusesWhatIsNotTheSameQuantity(t *testing.T) {
	for _, pair := range [][2]string{{"mm", "Cel"}, {"ppm", "ug/m3"}, {"furlong", "m"}, {"m", "furlong"}, {"dBm", "dB[SPL]"}} {
		if v, err := sensors.Convert(1, pair[0], pair[1]); !errors.Is(err, sensors.ErrUnit) || v != 0 {
			t.Errorf("Convert(1, %q, %q) = %v, %v, want 0 and ErrUnit", pair[0], pair[1], v, err)
		}
	}
}

func TestConvert_KnowsEveryUnitOfTheCatalogue(t *testing.T) {
	c, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range c.All() {
		if !sensors.KnownUnit(k.Unit) {
			t.Errorf("%s: unit %q is not known", k.Key, k.Unit)
		}
	}
}

func TestConvert_ThereAndBackIsTheSame(t *testing.T) {
	for _, pair := range [][2]string{{"K", "[degF]"}, {"Cel", "[degF]"}, {"mm[Hg]", "hPa"}, {"mph", "km/h"}, {"in", "cm"}, {"kWh", "J"}} {
		for _, v := range []float64{-40, 0, 0.1, 17.3, 1e6} {
			there, err := sensors.Convert(v, pair[0], pair[1])
			if err != nil {
				t.Fatal(err)
			}
			back, err := sensors.Convert(there, pair[1], pair[0])
			if err != nil || math.Abs(back-v) > 1e-9*math.Max(1, math.Abs(v)) {
				t.Errorf("%v %s is %v %s is %v, %v", v, pair[0], there, pair[1], back, err)
			}
		}
	}
}
