package simulator

import (
	"math"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// The kinds that a simulated city observes. Keys and units are those of the
// catalogue of sensors.
const (
	kindNoise      sensors.KindKey = "noise"
	kindPM25       sensors.KindKey = "pm25"
	kindBinFill    sensors.KindKey = "bin_fill"
	kindTilt       sensors.KindKey = "manhole_tilt"
	kindRoadWater  sensors.KindKey = "road_water"
	kindSmoke      sensors.KindKey = "smoke"
	kindParking    sensors.KindKey = "illegal_parking"
	kindStall      sensors.KindKey = "stall"
	kindCrowd      sensors.KindKey = "crowd_count"
	kindLaneClosed sensors.KindKey = "lane_blocked"
)

// profile says how the devices of one kind behave on an ordinary day.
type profile struct {
	kind  sensors.KindKey
	title string  // what people call such a device
	share float64 // of all devices

	// A measure reports at its own interval.
	weight   float64                               // reports in the time in which another kind makes one; 0 for an event
	level    func(hour float64, d *device) float64 // expected value at a local hour
	offset   float64                               // standard deviation between devices
	wobble   float64                               // standard deviation around the level
	memory   time.Duration                         // how long a deviation lasts
	ordinary [2]float64                            // what background never leaves
	decimals int                                   // of the published value

	// An event happens now and then.
	perHour float64                    // for one device, at the busiest hour
	rhythm  func(hour float64) float64 // 0 to 1
	most    int                        // greatest count one event states
}

func (p *profile) event() bool { return p.weight == 0 }

// profiles returns one profile for each kind, in the order in which devices
// are numbered.
func profiles() []profile {
	return []profile{
		{kind: kindNoise, title: "噪声监测仪", share: .22, weight: 4,
			level:  func(h float64, _ *device) float64 { return 46 + 15*awake(h) + 5*rush(h) },
			offset: 3.5, wobble: 2.2, memory: 40 * time.Second, ordinary: [2]float64{32, 79}, decimals: 1},
		{kind: kindPM25, title: "空气质量微站", share: .12, weight: 1,
			level:  func(h float64, _ *device) float64 { return 28 + 14*rush(h) + 8*(1-awake(h)) },
			offset: 6, wobble: 4, memory: 10 * time.Minute, ordinary: [2]float64{2, 110}, decimals: 0},
		{kind: kindBinFill, title: "垃圾箱传感器", share: .16, weight: .5,
			level:  binLevel,
			wobble: .8, memory: time.Minute, ordinary: [2]float64{0, 84}, decimals: 0},
		{kind: kindTilt, title: "井盖传感器", share: .14, weight: 1,
			level:  func(float64, *device) float64 { return 1.2 },
			offset: .6, wobble: .15, memory: time.Minute, ordinary: [2]float64{0, 5}, decimals: 1},
		{kind: kindRoadWater, title: "道路积水监测点", share: .10, weight: 1,
			level:  func(float64, *device) float64 { return .3 },
			offset: .3, wobble: .1, memory: 5 * time.Minute, ordinary: [2]float64{0, 3}, decimals: 1},
		{kind: kindCrowd, title: "客流相机", share: .07, weight: 2,
			level:  func(h float64, d *device) float64 { return (8 + 60*awake(h) + 25*rush(h)) * d.busy },
			wobble: 6, memory: 3 * time.Minute, ordinary: [2]float64{0, 180}, decimals: 0},
		{kind: kindSmoke, title: "烟感探测器", share: .08},
		{kind: kindParking, title: "违停抓拍相机", share: .05, perHour: 1.2, rhythm: awake, most: 4},
		{kind: kindStall, title: "占道经营相机", share: .03, perHour: .8, rhythm: rush, most: 3},
		{kind: kindLaneClosed, title: "消防通道相机", share: .03, perHour: .2, rhythm: awake, most: 1},
	}
}

// awake is how much of the city is up: 0 in the small hours, 1 at noon.
func awake(hour float64) float64 {
	return clamp(.5+.75*math.Sin((hour-8.5)/24*2*math.Pi), 0, 1)
}

// rush peaks at the beginning and the end of the working day.
func rush(hour float64) float64 {
	peak := func(at, width float64) float64 { return math.Exp(-(hour - at) * (hour - at) / (2 * width * width)) }
	return clamp(peak(8, 1.1)+peak(18.2, 1.5), 0, 1)
}

// binLevel rises from one emptying to the next, twice a day.
func binLevel(hour float64, d *device) float64 {
	since := math.Mod(hour-d.emptiedHour+48, 12)
	return 6 + since*(2+4*d.busy/1.6)
}

func clamp(v, low, high float64) float64 { return max(low, min(high, v)) }
