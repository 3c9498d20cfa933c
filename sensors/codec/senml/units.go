package senml

import (
	"fmt"
	"math"

	"github.com/urbangrid/urbangrid/sensors"
)

// Units that are about the device rather than about the city.
const (
	unitLat     = "lat"
	unitLon     = "lon"
	unitBattery = "%EL"
)

var deviceUnits = []string{unitLat, unitLon, unitBattery}

// ucum is a unit of UrbanGrid, and how many of it one unit of SenML is.
type ucum struct {
	unit   string
	factor float64
}

// units are those of the SenML units registry (RFC 8428, section 12.1, and RFC
// 8798) that are written otherwise in UrbanGrid, or not there at all. Those that
// have the same spelling but mean something else (C is a coulomb, F a farad) are
// not convertible.
var units = map[string]ucum{
	"/":         {"1", 1},
	"count":     {"1", 1},
	"/100":      {"%", 1},
	"/1000":     {"%", 1},
	"%":         {"%", 1},
	"%RH":       {"%", 1},
	"%EL":       {"%", 1},
	"rad":       {"deg", 180 / math.Pi},
	"kg/m3":     {"g/m3", 1000},
	"g/l":       {"g/m3", 1000},
	"m/h":       {"mm/h", 1000},
	"1/min":     {"/min", 1},
	"beat/min":  {"/min", 1},
	"dBm":       {"dB[mW]", 1},
	"dBW":       {"dB[mW]", 1},
	"kVA":       {"V.A", 1000},
	"pH":        {"[pH]", 1},
	"NTU":       {"[NTU]", 1},
	"ppm":       {"[ppm]", 1},
	"cd":        {"cd", 1},
	"cd/m2":     {"cd/m2", 1},
	"N":         {"N", 1},
	"Bq":        {"Bq", 1},
	"Gy":        {"Gy", 1},
	"Sv":        {"Sv", 1},
	"ohm":       {"Ohm", 1},
	"T":         {"T", 1},
	"H":         {"H", 1},
	"S":         {"S", 1},
	"Wb":        {"Wb", 1},
	"lm":        {"lm", 1},
	"kat":       {"kat", 1},
	"mol":       {"mol", 1},
	"sr":        {"sr", 1},
	"m2":        {"m2", 1},
	"bit":       {"bit", 1},
	"bit/s":     {"bit/s", 1},
	"beats":     {"1", 1},
	"MHz":       {"Hz", 1e6},
	"var":       {"var", 1},
	"kvar":      {"var", 1000},
	"J/m":       {"J/m", 1},
	"m/s2":      {"m/s2", 1},
	"B":         {"By", 1},
	"KiB":       {"By", 1024},
	"GB":        {"By", 1e9},
	"Ah":        {"A.h", 1},
	"varh":      {"var.h", 1},
	"kvarh":     {"var.h", 1000},
	"Wh/km":     {"W.h/km", 1},
	"As":        {"A.s", 1},
	"VAs":       {"V.A.s", 1},
	"vars":      {"var.s", 1},
	"km/h":      {"km/h", 1},
	"ug/m3":     {"ug/m3", 1},
	"dB":        {"dB[SPL]", 1}, // of an unstated reference; in a city it is sound
	"C":         {"C_coulomb", 1},
	"F":         {"F_farad", 1},
	"EL":        {"s", 1},
	unitLat:     {"deg", 1},
	unitLon:     {"deg", 1},
	"deg":       {"deg", 1},
	"kg":        {"kg", 1},
	"g":         {"g", 1},
	"Mbit/s":    {"bit/s", 1e6},
	"B/s":       {"By/s", 1},
	"MB/s":      {"By/s", 1e6},
	"kVAh":      {"V.A.h", 1000},
	"kWh":       {"kW.h", 1},
	"Wh":        {"W.h", 1},
	"l":         {"L", 1},
	"l/s":       {"L/s", 1},
	"count/min": {"/min", 1},
}

// sameUnits are those of the registry that UrbanGrid writes alike.
var sameUnits = map[string]bool{
	"m": true, "s": true, "A": true, "K": true, "Hz": true, "Pa": true, "J": true, "W": true, "V": true,
	"Cel": true, "lx": true, "m3": true, "m/s": true, "m3/s": true, "W/m2": true, "S/m": true,
	"ms": true, "min": true, "h": true, "kW": true, "VA": true, "mV": true, "mA": true, "mm/h": true,
	"hPa": true, "mm": true, "cm": true, "km": true,
}

// convert returns value, given in the unit from of SenML, in the unit to of
// UrbanGrid. Units that are not in the registry convert into themselves only.
func convert(value float64, from, to string) (float64, error) {
	u, ok := units[from]
	switch {
	case ok:
	case sameUnits[from], from == to:
		u = ucum{from, 1}
	default:
		return 0, fmt.Errorf("unit %.40q is not of SenML", from)
	}
	if from == "dBW" {
		value += 30
	}
	if from == "/1000" {
		value /= 10
	} else {
		value *= u.factor
	}
	v, err := sensors.Convert(value, u.unit, to)
	if err != nil {
		return 0, fmt.Errorf("from %q to %q: %w", from, to, err)
	}
	return v, nil
}
