package grid

import (
	"math"

	"github.com/urbangrid/urbangrid/sensors"
)

// The shift of GCJ-02 has never been published. The formulas here are those
// that all open implementations share (first as EvilTransform; documented with
// their history by PRCoords, https://github.com/Artoria2e5/PRCoords, and
// "Restrictions on geographic data in China" in Wikipedia), the Krasovsky 1940
// ellipsoid included. The shift of BD-09 on top of it is the one that Baidu's
// converter applies, from the same sources.
const (
	krasovskyMeters       = 6378245.0              // semi-major axis
	krasovskyEccentricity = 0.00669342162296594323 // squared
	baiduRadians          = math.Pi * 3000.0 / 180.0
	baiduLatDegrees       = 0.006
	baiduLonDegrees       = 0.0065
)

// convergedDegrees ends the inverse iterations: 0.1 mm on the ground.
const convergedDegrees = 1e-9

// ToWGS84 converts a position to WGS-84, to a millimetre of the inverse of the
// shift. Outside a rectangle around China the datums are taken as one and
// the position is returned as it is, like one without a datum.
func ToWGS84(p sensors.Position) Point {
	q := Point{LatDegrees: p.LatDegrees, LonDegrees: p.LonDegrees}
	switch p.Datum {
	case sensors.GCJ02:
		return gcj02ToWGS84(q)
	case sensors.BD09:
		if !shifted(q) {
			return q
		}
		return gcj02ToWGS84(bd09ToGCJ02(q))
	}
	return q
}

// FromWGS84 states p in another datum: what a source of that datum would send.
// It is the inverse of [ToWGS84].
func FromWGS84(p Point, datum sensors.Datum) sensors.Position {
	q := p
	if shifted(p) {
		switch datum {
		case sensors.GCJ02:
			q = wgs84ToGCJ02(p)
		case sensors.BD09:
			q = gcj02ToBD09(wgs84ToGCJ02(p))
		}
	}
	return sensors.Position{LatDegrees: q.LatDegrees, LonDegrees: q.LonDegrees, Datum: datum}
}

// shifted reports whether p lies in the rectangle in which GCJ-02 differs from
// WGS-84. It also covers neighbours of China, as all implementations do.
func shifted(p Point) bool {
	return p.LatDegrees >= 0.8293 && p.LatDegrees <= 55.8271 &&
		p.LonDegrees >= 72.004 && p.LonDegrees <= 137.8347
}

func wgs84ToGCJ02(p Point) Point {
	x, y := p.LonDegrees-105, p.LatDegrees-35
	root := math.Sqrt(math.Abs(x))
	waves := (20*math.Sin(6*x*math.Pi) + 20*math.Sin(2*x*math.Pi)) * 2 / 3
	north := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*root + waves +
		(20*math.Sin(y*math.Pi)+40*math.Sin(y/3*math.Pi))*2/3 +
		(160*math.Sin(y/12*math.Pi)+320*math.Sin(y*math.Pi/30))*2/3
	east := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*root + waves +
		(20*math.Sin(x*math.Pi)+40*math.Sin(x/3*math.Pi))*2/3 +
		(150*math.Sin(x/12*math.Pi)+300*math.Sin(x/30*math.Pi))*2/3

	sin, cos := math.Sincos(p.LatDegrees * math.Pi / 180)
	w := 1 - krasovskyEccentricity*sin*sin
	meridianMeters := krasovskyMeters * (1 - krasovskyEccentricity) / (w * math.Sqrt(w))
	parallelMeters := krasovskyMeters / math.Sqrt(w) * cos
	return Point{
		LatDegrees: p.LatDegrees + north/meridianMeters*180/math.Pi,
		LonDegrees: p.LonDegrees + east/parallelMeters*180/math.Pi,
	}
}

func gcj02ToWGS84(p Point) Point {
	if !shifted(p) {
		return p
	}
	return invert(wgs84ToGCJ02, p)
}

func gcj02ToBD09(p Point) Point {
	radius := math.Hypot(p.LonDegrees, p.LatDegrees) + 0.00002*math.Sin(p.LatDegrees*baiduRadians)
	angle := math.Atan2(p.LatDegrees, p.LonDegrees) + 0.000003*math.Cos(p.LonDegrees*baiduRadians)
	sin, cos := math.Sincos(angle)
	return Point{
		LatDegrees: radius*sin + baiduLatDegrees,
		LonDegrees: radius*cos + baiduLonDegrees,
	}
}

func bd09ToGCJ02(p Point) Point { return invert(gcj02ToBD09, p) }

// invert finds the point that forward takes to p. Both shifts change slowly,
// so that each round brings the error down at least tenfold.
func invert(forward func(Point) Point, p Point) Point {
	q := p
	for range 20 {
		f := forward(q)
		dLat, dLon := f.LatDegrees-p.LatDegrees, f.LonDegrees-p.LonDegrees
		q.LatDegrees -= dLat
		q.LonDegrees -= dLon
		if math.Abs(dLat) < convergedDegrees && math.Abs(dLon) < convergedDegrees {
			break
		}
	}
	return q
}
