package sensors

import (
	"errors"
	"fmt"
	"math"
)

// ErrUnit marks a unit that is not known, or two that do not measure the same
// quantity. The value cannot be used; correct the unit where it was stated.
var ErrUnit = errors.New("unit")

// Convert returns value, given in the unit from, in the unit to. Units are UCUM
// codes ("Cel", "ug/m3", "dB[SPL]") or a common spelling of one ("°C", "µg/m³",
// "dBA"). Equal spellings convert even when the unit is not known. An error
// wraps [ErrUnit]. It does not ask whether value is finite.
//
// A share of volume (ppm, ppb) and a concentration of mass do not convert into
// one another, because that depends on the gas.
func Convert(value float64, from, to string) (float64, error) {
	if from == to {
		return value, nil
	}
	f, ok := unitTable[from]
	if !ok {
		return 0, fmt.Errorf("%w %.40q is not known", ErrUnit, from)
	}
	t, ok := unitTable[to]
	if !ok {
		return 0, fmt.Errorf("%w %.40q is not known", ErrUnit, to)
	}
	if f.quantity != t.quantity {
		return 0, fmt.Errorf("%w %.40q is a %s and %.40q a %s", ErrUnit, from, f.quantity, to, t.quantity)
	}
	if f == t {
		return value, nil
	}
	// One product and one quotient of whole numbers keep 123 mm at 12.3 cm, which
	// two factors below one would not.
	num, den := f.num*t.den, f.den*t.num
	if g := gcd(num, den); g > 1 {
		num, den = num/g, den/g
	}
	v := value
	if f.zero != t.zero {
		// The difference of two large numbers shows their last bits: 298.65 K would
		// be 25.499999999999964 Cel.
		v = (v*100+f.zero)*num/den - t.zero
		return math.Round(v*1e7) / 1e9, nil
	}
	if num > 1 {
		v *= num
	}
	return v / den, nil
}

// KnownUnit reports whether unit can be converted at all.
func KnownUnit(unit string) bool {
	_, ok := unitTable[unit]
	return ok
}

// gcd is of whole numbers up to 2^53, which floats hold exactly.
func gcd(a, b float64) float64 {
	for b != 0 {
		a, b = b, math.Mod(a, b)
	}
	return a
}

// unit is num/den base units of its quantity. Scales that do not begin at the
// base unit's zero begin zero hundredths of their own unit above it.
type unit struct {
	quantity string
	num, den float64
	zero     float64
}

// unitTable has one entry for each spelling. It is never written to.
var unitTable = func() map[string]unit {
	out := make(map[string]unit)
	for _, u := range []struct {
		unit
		spellings []string
	}{
		{unit{"ratio", 1, 1, 0}, []string{"1", "", "/", "{count}", "count", "ratio", "{#}", "pcs", "次", "人", "个"}},
		{unit{"ratio", 1, 100, 0}, []string{"%", "%RH", "%RH[rel]", "[%]", "percent", "pct", "%EL"}},
		{unit{"share of volume", 1, 1e6, 0}, []string{"[ppm]", "ppm", "10*-6"}},
		{unit{"share of volume", 1, 1e9, 0}, []string{"[ppb]", "ppb", "10*-9"}},
		{unit{"share of volume", 1, 100, 0}, []string{"%vol", "vol%", "[vol'%]"}},

		{unit{"length", 1, 1, 0}, []string{"m", "metre", "meter", "米"}},
		{unit{"length", 1, 10, 0}, []string{"dm"}},
		{unit{"length", 1, 100, 0}, []string{"cm", "厘米"}},
		{unit{"length", 1, 1e3, 0}, []string{"mm", "毫米"}},
		{unit{"length", 1, 1e6, 0}, []string{"um", "µm", "μm"}},
		{unit{"length", 1e3, 1, 0}, []string{"km", "公里"}},
		{unit{"length", 254, 1e4, 0}, []string{"[in_i]", "in", "inch"}},
		{unit{"length", 3048, 1e4, 0}, []string{"[ft_i]", "ft", "foot"}},

		{unit{"temperature", 1, 1, 0}, []string{"K", "kelvin", "Kelvin"}},
		{unit{"temperature", 1, 1, 27315}, []string{"Cel", "°C", "℃", "C", "degC", "celsius", "Celsius", "摄氏度"}},
		{unit{"temperature", 5, 9, 45967}, []string{"[degF]", "°F", "℉", "F", "degF", "fahrenheit", "Fahrenheit"}},

		{unit{"pressure", 1, 1, 0}, []string{"Pa"}},
		{unit{"pressure", 100, 1, 0}, []string{"hPa", "mbar", "mb"}},
		{unit{"pressure", 1e3, 1, 0}, []string{"kPa"}},
		{unit{"pressure", 1e6, 1, 0}, []string{"MPa"}},
		{unit{"pressure", 1e5, 1, 0}, []string{"bar"}},
		{unit{"pressure", 133322387415, 1e9, 0}, []string{"mm[Hg]", "mmHg"}},
		{unit{"pressure", 3386389, 1e3, 0}, []string{"[in_i'Hg]", "inHg"}},
		{unit{"pressure", 6894757, 1e3, 0}, []string{"[psi]", "psi"}},

		{unit{"concentration of mass", 1, 1, 0}, []string{"g/m3", "g/m³", "mg/L", "mg/l"}},
		{unit{"concentration of mass", 1, 1e3, 0}, []string{"mg/m3", "mg/m³", "ug/L", "ug/l", "µg/L"}},
		{unit{"concentration of mass", 1, 1e6, 0}, []string{"ug/m3", "ug/m³", "µg/m3", "µg/m³", "μg/m3", "μg/m³", "微克/立方米"}},
		{unit{"concentration of mass", 1, 1e9, 0}, []string{"ng/m3", "ng/m³"}},

		{unit{"speed", 1, 1, 0}, []string{"m/s", "mps", "米/秒"}},
		{unit{"speed", 1, 3.6, 0}, []string{"km/h", "kph", "kmh"}},
		{unit{"speed", 1852, 3600, 0}, []string{"[kn_i]", "kn", "knot", "knots"}},
		{unit{"speed", 44704, 1e5, 0}, []string{"[mi_i]/h", "mph"}},

		{unit{"sound level", 1, 1, 0}, []string{"dB[SPL]", "dB", "dBA", "dB(A)", "dBSPL", "分贝"}},
		{unit{"sound level", 10, 1, 0}, []string{"B[SPL]"}},
		{unit{"signal level", 1, 1, 0}, []string{"dB[mW]", "dBm"}},

		{unit{"angle", 1, 1, 0}, []string{"deg", "°", "degree", "degrees", "度"}},
		{unit{"angle", 1, 60, 0}, []string{"'", "arcmin"}},

		{unit{"time", 1, 1, 0}, []string{"s", "sec", "秒"}},
		{unit{"time", 1, 1e3, 0}, []string{"ms"}},
		{unit{"time", 1, 1e6, 0}, []string{"us", "µs", "μs"}},
		{unit{"time", 60, 1, 0}, []string{"min", "分钟"}},
		{unit{"time", 3600, 1, 0}, []string{"h", "小时"}},
		{unit{"time", 86400, 1, 0}, []string{"d", "天"}},

		{unit{"volume", 1, 1, 0}, []string{"m3", "m³"}},
		{unit{"volume", 1, 1e3, 0}, []string{"L", "l", "dm3"}},
		{unit{"volume", 1, 1e6, 0}, []string{"mL", "ml", "cm3"}},
		{unit{"flow", 1, 1, 0}, []string{"m3/s", "m³/s"}},
		{unit{"flow", 1, 1e3, 0}, []string{"L/s", "l/s"}},
		{unit{"flow", 1, 3600, 0}, []string{"m3/h", "m³/h"}},
		{unit{"flow", 1, 6e4, 0}, []string{"L/min", "l/min"}},
		{unit{"mass", 1, 1, 0}, []string{"kg"}},
		{unit{"mass", 1, 1e3, 0}, []string{"g"}},
		{unit{"mass", 1e3, 1, 0}, []string{"t"}},

		{unit{"voltage", 1, 1, 0}, []string{"V"}},
		{unit{"voltage", 1, 1e3, 0}, []string{"mV"}},
		{unit{"voltage", 1e3, 1, 0}, []string{"kV"}},
		{unit{"current", 1, 1, 0}, []string{"A"}},
		{unit{"current", 1, 1e3, 0}, []string{"mA"}},
		{unit{"power", 1, 1, 0}, []string{"W"}},
		{unit{"power", 1, 1e3, 0}, []string{"mW"}},
		{unit{"power", 1e3, 1, 0}, []string{"kW"}},
		{unit{"power", 1e6, 1, 0}, []string{"MW"}},
		{unit{"energy", 1, 1, 0}, []string{"J"}},
		{unit{"energy", 1e3, 1, 0}, []string{"kJ"}},
		{unit{"energy", 3600, 1, 0}, []string{"W.h", "Wh"}},
		{unit{"energy", 36e5, 1, 0}, []string{"kW.h", "kWh", "度电"}},
		{unit{"illuminance", 1, 1, 0}, []string{"lx", "lux"}},
		{unit{"illuminance", 1e3, 1, 0}, []string{"klx"}},
		{unit{"irradiance", 1, 1, 0}, []string{"W/m2", "W/m²"}},
		{unit{"frequency", 1, 1, 0}, []string{"Hz"}},
		{unit{"frequency", 1e3, 1, 0}, []string{"kHz"}},
		{unit{"frequency", 1, 60, 0}, []string{"/min", "rpm"}},
		{unit{"conductivity", 1, 1, 0}, []string{"S/m"}},
		{unit{"conductivity", 1, 10, 0}, []string{"mS/cm", "dS/m"}},
		{unit{"conductivity", 1, 1e4, 0}, []string{"uS/cm", "µS/cm", "μS/cm"}},
		{unit{"acceleration", 1, 1, 0}, []string{"m/s2", "m/s²"}},
		{unit{"acceleration", 980665, 1e5, 0}, []string{"[g]", "gn"}},
		{unit{"rain rate", 1, 1, 0}, []string{"mm/h"}},
		{unit{"acidity", 1, 1, 0}, []string{"[pH]", "pH"}},
		{unit{"turbidity", 1, 1, 0}, []string{"[NTU]", "NTU"}},
		{unit{"apparent power", 1, 1, 0}, []string{"V.A", "VA"}},
	} {
		for _, s := range u.spellings {
			out[s] = u.unit
		}
	}
	return out
}()
