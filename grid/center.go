package grid

import (
	"fmt"

	"github.com/uber/h3-go/v4"
)

// Center returns the middle of c.
func (c Cell) Center() (Point, error) {
	ll, err := h3.Cell(c).LatLng()
	if err != nil {
		return Point{}, fmt.Errorf("center of %s: %w", c, err)
	}
	return Point{LatDegrees: ll.Lat, LonDegrees: ll.Lng}, nil
}
