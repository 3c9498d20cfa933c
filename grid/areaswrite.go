package grid

import (
	"encoding/json"
	"fmt"

	"github.com/urbangrid/urbangrid/sensors"
)

type writtenArea struct {
	Type       string            `json:"type"`
	Properties map[string]string `json:"properties"`
	Geometry   struct {
		Type        string           `json:"type"`
		Coordinates [][][][2]float64 `json:"coordinates"`
	} `json:"geometry"`
}

// WriteAreas writes areas as ReadAreas reads them, in WGS-84.
func WriteAreas(a *Areas) ([]byte, error) {
	var file struct {
		Type     string        `json:"type"`
		Datum    string        `json:"datum"`
		District sensors.Names `json:"district"`
		Note     sensors.Names `json:"note"`
		Features []writtenArea `json:"features"`
	}
	file.Type, file.Datum, file.District, file.Note = "FeatureCollection", sensors.WGS84.String(), a.District(), a.Note()
	for _, area := range a.All() {
		w := writtenArea{Type: "Feature", Properties: map[string]string{"code": string(area.Code), "name": area.Names.ZH, "name_en": area.Names.EN, "parent": string(area.Parent)}}
		w.Geometry.Type = "MultiPolygon"
		for _, p := range area.Polygons {
			var rings [][][2]float64
			for _, ring := range p {
				var line [][2]float64
				for _, c := range ring {
					line = append(line, [2]float64{c.LonDegrees, c.LatDegrees})
				}
				rings = append(rings, append(line, line[0]))
			}
			w.Geometry.Coordinates = append(w.Geometry.Coordinates, rings)
		}
		file.Features = append(file.Features, w)
	}
	b, err := json.Marshal(file)
	if err != nil {
		return nil, fmt.Errorf("write areas: %w", err)
	}
	return b, nil
}
