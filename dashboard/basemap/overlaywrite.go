package basemap

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"strconv"

	"github.com/urbangrid/urbangrid/grid"
)

// encode writes a drawing as a FeatureCollection of MultiPolygons, MultiLineStrings
// and MultiPoints, zipped, with a tag that goes by the content alone.
func (d *drawing) encode() (gzipped []byte, etag string, err error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	sum := sha256.New()
	w := io.MultiWriter(z, sum)
	text := []byte(`{"type":"FeatureCollection","features":[`)
	first := true
	for i := range d.shapes {
		for _, f := range d.shapes[i].features() {
			if !first {
				text = append(text, ',')
			}
			first = false
			if text, err = f.append(text); err != nil {
				return nil, "", err
			}
			if _, err = w.Write(text); err != nil {
				return nil, "", err
			}
			text = text[:0]
		}
	}
	if _, err = w.Write(append(text, "]}\n"...)); err != nil {
		return nil, "", err
	}
	if err = z.Close(); err != nil {
		return nil, "", err
	}
	return out.Bytes(), hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// feature is a shape of one kind.
type feature struct {
	kind        string
	look        look
	coordinates func(text []byte) []byte
}

// features are a shape by kind, so that each can be drawn in its own way. The
// first of them alone bears the name.
func (s *shape) features() []feature {
	var out []feature
	add := func(f feature) {
		f.look = s.look
		f.look.Label = nil
		if len(out) > 0 {
			f.look.Name, f.look.NameEN = "", ""
		}
		out = append(out, f)
	}
	if len(s.polygons) > 0 {
		add(feature{kind: "MultiPolygon", coordinates: func(text []byte) []byte {
			return appendList(text, s.polygons, func(text []byte, rings [][]grid.Point) []byte {
				return appendList(text, rings, appendRing)
			})
		}})
		if s.look.Name != "" {
			p := labelPoint(s.polygons)
			out[0].look.Label = &[2]float64{p.LonDegrees, p.LatDegrees}
		}
	}
	if len(s.lines) > 0 {
		add(feature{kind: "MultiLineString", coordinates: func(text []byte) []byte { return appendList(text, s.lines, appendPath) }})
	}
	if len(s.points) > 0 {
		add(feature{kind: "MultiPoint", coordinates: func(text []byte) []byte { return appendPath(text, s.points) }})
	}
	return out
}

func (f *feature) append(text []byte) ([]byte, error) {
	properties, err := json.Marshal(f.look)
	if err != nil {
		return nil, err
	}
	text = append(append(text, `{"type":"Feature","properties":`...), properties...)
	text = append(append(append(text, `,"geometry":{"type":"`...), f.kind...), `","coordinates":`...)
	return append(f.coordinates(text), "}}"...), nil
}

func appendList[T any](text []byte, list []T, one func([]byte, T) []byte) []byte {
	text = append(text, '[')
	for i, v := range list {
		if i > 0 {
			text = append(text, ',')
		}
		text = one(text, v)
	}
	return append(text, ']')
}

func appendPath(text []byte, path []grid.Point) []byte { return appendList(text, path, appendPoint) }

// appendRing closes the ring, as GeoJSON wants it.
func appendRing(text []byte, ring []grid.Point) []byte {
	text = appendPath(text, ring)
	text = append(text[:len(text)-1], ',')
	return append(appendPoint(text, ring[0]), ']')
}

func appendPoint(text []byte, p grid.Point) []byte {
	text = strconv.AppendFloat(append(text, '['), p.LonDegrees, 'f', -1, 64)
	return append(strconv.AppendFloat(append(text, ','), p.LatDegrees, 'f', -1, 64), ']')
}
