package sqlrecords

import (
	"strconv"
	"time"

	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store"
)

// Lists of an alert are kept as JSON, so that people who look into the database
// can read them. No list is the empty text.

func cellsText(cells []grid.Cell) (string, error) {
	names := make([]string, len(cells))
	for i, c := range cells {
		names[i] = c.String()
	}
	return asText(names)
}

func cellsFromText(text string) ([]grid.Cell, error) {
	names, err := fromText[string](text)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	cells := make([]grid.Cell, len(names))
	for i, name := range names {
		n, err := strconv.ParseUint(name, 16, 64)
		if err != nil {
			return nil, err
		}
		cells[i] = grid.Cell(n)
	}
	return cells, nil
}

// evidenceRow is how one piece of evidence is kept.
type evidenceRow struct {
	Device     sensors.DeviceID `json:"device"`
	AtMicros   int64            `json:"at_us"`
	Value      float64          `json:"value"`
	LatDegrees float64          `json:"lat_degrees"`
	LonDegrees float64          `json:"lon_degrees"`
	Link       string           `json:"link,omitempty"`
}

func evidenceText(list []store.Evidence) (string, error) {
	rows := make([]evidenceRow, len(list))
	for i, e := range list {
		rows[i] = evidenceRow{
			Device: e.Device, AtMicros: e.At.UnixMicro(), Value: e.Value,
			LatDegrees: e.Point.LatDegrees, LonDegrees: e.Point.LonDegrees, Link: e.Link,
		}
	}
	return asText(rows)
}

func evidenceFromText(text string) ([]store.Evidence, error) {
	rows, err := fromText[evidenceRow](text)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	list := make([]store.Evidence, len(rows))
	for i, r := range rows {
		list[i] = store.Evidence{
			Device: r.Device, At: time.UnixMicro(r.AtMicros).UTC(), Value: r.Value,
			Point: grid.Point{LatDegrees: r.LatDegrees, LonDegrees: r.LonDegrees}, Link: r.Link,
		}
	}
	return list, nil
}
