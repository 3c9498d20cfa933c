package simulator

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/urbangrid/urbangrid/sensors"
)

// The rectangle in which places are tried, in WGS-84 degrees.
const (
	southDegrees, northDegrees = 31.215, 31.315
	westDegrees, eastDegrees   = 121.33, 121.45
)

const metersPerDegree = 111_195 // of latitude, on the sphere

// settle places the devices: most of them around neighbourhood centres, the
// rest anywhere, as streets and compounds have it.
func (c *City) settle(seed uint64) {
	rng := stream(seed, 2)
	centres := make([][2]float64, 8+c.opts.Devices/25)
	for i := range centres {
		centres[i][0], centres[i][1] = c.anywhere(rng)
	}
	counts := c.countPerKind()
	for k := range c.profiles {
		p := &c.profiles[k]
		for n := range counts[k] {
			d := &device{
				profile:     p,
				rng:         stream(seed, 1000+uint64(len(c.devices))),
				lastAt:      -1,
				busy:        .4 + 1.2*rng.Float64(),
				emptiedHour: 5 + 3*rng.Float64(),
				offset:      p.offset * clamp(rng.NormFloat64(), -2, 2),
			}
			d.LatDegrees, d.LonDegrees = c.place(rng, centres)
			d.Kind = p.kind
			d.ID = sensors.DeviceID(fmt.Sprintf("%s-%04d", p.kind, n+1))
			d.Name = fmt.Sprintf("%s %d", p.title, n+1)
			d.topic = topicOf(string(d.ID))
			d.cell = c.cellOf(d.LatDegrees, d.LonDegrees)
			c.devices = append(c.devices, d)
			c.byKind[p.kind] = append(c.byKind[p.kind], d)
		}
	}
}

// countPerKind shares the devices out, at least one to each kind.
func (c *City) countPerKind() []int {
	counts := make([]int, len(c.profiles))
	left := c.opts.Devices
	for i := range c.profiles {
		counts[i] = max(1, int(c.profiles[i].share*float64(c.opts.Devices)))
		left -= counts[i]
	}
	for i := 0; left > 0; i = (i + 1) % len(counts) {
		counts[i]++
		left--
	}
	for i := 0; left < 0; i = (i + 1) % len(counts) {
		if counts[i] > 1 {
			counts[i]--
			left++
		}
	}
	return counts
}

func (c *City) place(rng *rand.Rand, centres [][2]float64) (lat, lon float64) {
	if rng.Float64() < .3 {
		return c.anywhere(rng)
	}
	centre := centres[rng.IntN(len(centres))]
	for range 50 {
		lat, lon = offsetMeters(centre[0], centre[1], 260*rng.NormFloat64(), 260*rng.NormFloat64())
		if lat, lon = roundDegrees(lat), roundDegrees(lon); c.opts.Inside(lat, lon) {
			return lat, lon
		}
	}
	return centre[0], centre[1]
}

// anywhere draws places until one is inside. An Inside that refuses the whole
// rectangle gets its middle.
func (c *City) anywhere(rng *rand.Rand) (lat, lon float64) {
	for range 10_000 {
		lat = roundDegrees(southDegrees + (northDegrees-southDegrees)*rng.Float64())
		lon = roundDegrees(westDegrees + (eastDegrees-westDegrees)*rng.Float64())
		if c.opts.Inside(lat, lon) {
			return lat, lon
		}
	}
	return (southDegrees + northDegrees) / 2, (westDegrees + eastDegrees) / 2
}

func (c *City) cellOf(lat, lon float64) string {
	if c.opts.CellOf == nil {
		return ""
	}
	return c.opts.CellOf(lat, lon)
}

// roundDegrees keeps five decimals, about a metre: what is published is exactly
// where the device stands.
func roundDegrees(v float64) float64 { return math.Round(v*1e5) / 1e5 }

func offsetMeters(lat, lon, north, east float64) (float64, float64) {
	return lat + north/metersPerDegree, lon + east/(metersPerDegree*math.Cos(lat*math.Pi/180))
}

// meters is the distance of two places of one city.
func meters(lat1, lon1, lat2, lon2 float64) float64 {
	north := (lat2 - lat1) * metersPerDegree
	east := (lon2 - lon1) * metersPerDegree * math.Cos((lat1+lat2)/2*math.Pi/180)
	return math.Hypot(north, east)
}
