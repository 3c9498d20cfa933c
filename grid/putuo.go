package grid

import (
	"bytes"
	_ "embed"
	"fmt"
)

//go:embed putuo.geojson
var putuo []byte

// Putuo returns the demonstration district: the ten subdistricts and towns of
// Putuo in Shanghai. Names and codes are real, the boundaries are drawn by hand
// and only roughly where the real ones are.
func Putuo() (*Areas, error) {
	a, err := ReadAreas(bytes.NewReader(putuo))
	if err != nil {
		return nil, fmt.Errorf("demonstration district: %w", err)
	}
	return a, nil
}
