package basemap_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/urbangrid/urbangrid/dashboard/basemap"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// folderOf writes files into a new folder, an hour old.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		put(t, folder, name, text, time.Date(2026, 11, 25, 7, 0, 0, 0, time.UTC))
	}
	return folder
}

func put(t *testing.T, folder, name, text string, modified time.Time) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, modified, modified); err != nil {
		t.Fatal(err)
	}
}

func (m *mapOf) overlay(t *testing.T, name string) basemap.Overlay {
	t.Helper()
	list, err := m.Overlays()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range list {
		if o.Name == name {
			return o
		}
	}
	t.Fatalf("no overlay %s among %d", name, len(list))
	return basemap.Overlay{}
}

func (m *mapOf) file(name string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for k := 0; k+1 < len(header); k += 2 {
		r.Header.Set(header[k], header[k+1])
	}
	w := httptest.NewRecorder()
	m.ServeFile(w, r, name)
	return w
}

const line = `{"type":"LineString","coordinates":[[121.4,31.25],[121.41,31.26]]}`

func feature(geometry, properties string) string {
	return `{"type":"Feature","properties":` + properties + `,"geometry":` + geometry + `}`
}

func collection(features ...string) string {
	return `{"type":"FeatureCollection","features":[` + strings.Join(features, ",") + `]}`
}

func TestOverlay_ServesEveryGeometryInOneForm(t *testing.T) {
	square := `[[121,31],[121.4,31],[121.4,31.4],[121,31.4],[121,31]]`
	hole := `[[121.1,31.1],[121.1,31.2],[121.2,31.2],[121.2,31.1],[121.1,31.1]]`
	for name, c := range map[string]struct{ text, want string }{
		"a point with a height":           {`{"type":"Point","coordinates":[121.4,31.25,8.5]}`, `[{"properties":{},"geometry":{"type":"MultiPoint","coordinates":[[121.4,31.25]]},"type":"Feature"}]`},
		"many points":                     {`{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiPoint","coordinates":[[1,2],[3,4]]}}]`},
		"a line, to a tenth of a metre":   {`{"type":"LineString","coordinates":[[121.4000001,31.25],[121.4,31.25],[121.5,31.3]]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiLineString","coordinates":[[[121.4,31.25],[121.5,31.3]]]}}]`},
		"many lines":                      {`{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[5,6],[7,8]]]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[5,6],[7,8]]]}}]`},
		"an area with a hole":             {`{"type":"Polygon","coordinates":[` + square + `,` + hole + `]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiPolygon","coordinates":[[` + square + `,` + hole + `]]}}]`},
		"an area whose ring is not shut":  {`{"type":"Polygon","coordinates":[[[1,2],[3,2],[3,4]]]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiPolygon","coordinates":[[[[1,2],[3,2],[3,4],[1,2]]]]}}]`},
		"many areas, one without corners": {`{"type":"MultiPolygon","coordinates":[[` + square + `],[[[1,1],[1,1],[1,1],[1,1]]]]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiPolygon","coordinates":[[` + square + `]]}}]`},
		"a feature alone":                 {feature(line, `{"name":"Line 13"}`), `[{"type":"Feature","properties":{"name":"Line 13"},"geometry":{"type":"MultiLineString","coordinates":[[[121.4,31.25],[121.41,31.26]]]}}]`},
		"a collection, its name once": {
			collection(feature(`{"type":"GeometryCollection","geometries":[`+line+`,{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}]}`, `{"name":"x"}`)),
			`[{"type":"Feature","properties":{"name":"x"},"geometry":{"type":"MultiLineString","coordinates":[[[121.4,31.25],[121.41,31.26]]]}},{"type":"Feature","properties":{},"geometry":{"type":"MultiPoint","coordinates":[[1,2]]}}]`,
		},
		"a pole, at the edge of the map": {`{"type":"Point","coordinates":[0,-90]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiPoint","coordinates":[[0,-85.0511]]}}]`},
		"a mark before the text":         {"\uFEFF" + `{"type":"Point","coordinates":[1,2]}`, `[{"type":"Feature","properties":{},"geometry":{"type":"MultiPoint","coordinates":[[1,2]]}}]`},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{"a.geojson": c.text})})
			w := m.file("a.geojson")
			if w.Code != http.StatusOK {
				t.Fatalf("status %d, overlay %+v", w.Code, m.overlay(t, "a.geojson"))
			}
			var got struct {
				Type     string
				Features []any
			}
			var want []any
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got.Features); diff != "" || got.Type != "FeatureCollection" {
				t.Errorf("type %q, (-want +got)\n%s", got.Type, diff)
			}
		})
	}
}

// properties reads what is served of the only feature of a file.
func properties(t *testing.T, text string) map[string]any {
	t.Helper()
	m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{"a.geojson": text})})
	var got struct {
		Features []struct{ Properties map[string]any }
	}
	if err := json.Unmarshal(m.file("a.geojson").Body.Bytes(), &got); err != nil || len(got.Features) != 1 {
		t.Fatalf("%v, overlay %+v", err, m.overlay(t, "a.geojson"))
	}
	return got.Features[0].Properties
}

func TestOverlay_NamesComeFromTheirUsualMembers(t *testing.T) {
	for given, want := range map[string]map[string]any{
		`{"name":"苏州河","name:en":"Suzhou Creek"}`:     {"name": "苏州河", "name_en": "Suzhou Creek"},
		`{"name":"Suzhou Creek","name:zh":"苏州河"}`:     {"name": "苏州河", "name_en": "Suzhou Creek"},
		`{"名称":"十三号线","OBJECTID":4}`:                  {"name": "十三号线"},
		`{"NAME":13}`:                                 {"name": "13"},
		`{"title":" two\n lines "}`:                   {"name": "two lines"},
		`{"name":""}`:                                 {},
		`{"name":{"zh":"x"}}`:                         {},
		`{"name":"` + strings.Repeat("长", 400) + `"}`: {"name": strings.Repeat("长", 99) + "…"},
		`null`: {},
		`[1]`:  {},
		`{"name":"<b>x</b>","onclick":"alert(1)","id":"7"}`: {"name": "<b>x</b>"},
	} {
		if diff := cmp.Diff(want, properties(t, feature(line, given))); diff != "" {
			t.Errorf("%.60s (-want +got)\n%s", given, diff)
		}
	}
}

func TestOverlay_StylesAreThoseOfSimplestyleThatAreValid(t *testing.T) {
	for given, want := range map[string]map[string]any{
		`{"stroke":"#F00","stroke-width":3.5,"stroke-opacity":0.5,"fill":"00aa11","fill-opacity":0}`:       {"stroke": "#ff0000", "stroke-width": 3.5, "stroke-opacity": 0.5, "fill": "#00aa11", "fill-opacity": 0.0},
		`{"stroke":"red","stroke-width":-1,"stroke-opacity":1.5,"fill":"url(#x)","fill-opacity":"no"}`:     {},
		`{"stroke-width":"2","fill":"#12345","stroke":"#ggg","marker-color":"#abc","marker-size":"large"}`: {"stroke-width": 2.0, "marker-color": "#aabbcc", "marker-size": "large"},
		`{"stroke-width":1000,"marker-size":"huge","fill":7}`:                                              {},
	} {
		if diff := cmp.Diff(want, properties(t, feature(line, given))); diff != "" {
			t.Errorf("%s (-want +got)\n%s", given, diff)
		}
	}
}

func TestOverlay_TheNameOfAnAreaIsWrittenInsideIt(t *testing.T) {
	// A horseshoe open to the south, whose centre of mass is outside.
	shoe := `{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,4],[5,4],[5,0],[6,0],[6,5],[0,5],[0,0]]]}`
	got, ok := properties(t, feature(shoe, `{"name":"U"}`))["label"].([]any)
	if !ok || len(got) != 2 {
		t.Fatalf("label %v", got)
	}
	lon, lat := got[0].(float64), got[1].(float64)
	if inside := lat > 4 && lat < 5 || lat > 0 && (lon > 0 && lon < 1 || lon > 5 && lon < 6); !inside {
		t.Errorf("label at %v, %v is not in the area", lon, lat)
	}
	if l, has := properties(t, feature(shoe, `{}`))["label"]; has {
		t.Errorf("an area without a name has a place for it: %v", l)
	}
}

func TestOverlay_OtherDatumsAreConvertedOnce(t *testing.T) {
	place := grid.Point{LatDegrees: 31.25, LonDegrees: 121.4}
	for name, c := range map[string]struct {
		file, head string
		datum      sensors.Datum
	}{
		"WGS-84 unless it says so": {"a.geojson", ``, sensors.WGS84},
		"by a member":              {"a.geojson", `"datum":"gcj02",`, sensors.GCJ02},
		"as people write it":       {"a.geojson", `"datum":"GCJ-02",`, sensors.GCJ02},
		"by the name":              {"metro.gcj02.geojson", ``, sensors.GCJ02},
		"by both":                  {"metro.bd09.json", `"datum":"bd09",`, sensors.BD09},
		"CGCS2000":                 {"a.geojson", `"datum":"CGCS2000",`, sensors.WGS84},
		"a crs that programs write without asking": {"a.gcj02.geojson", `"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},`, sensors.GCJ02},
		"EPSG:4490":     {"a.geojson", `"crs":{"type":"name","properties":{"name":"EPSG:4490"}},`, sensors.WGS84},
		"EPSG:4326":     {"a.geojson", `"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4326"}},`, sensors.WGS84},
		"a crs of null": {"a.geojson", `"crs":null,`, sensors.WGS84},
	} {
		t.Run(name, func(t *testing.T) {
			there := grid.FromWGS84(place, c.datum)
			text := fmt.Sprintf(`{"type":"FeatureCollection",%s"features":[{"type":"Feature","properties":null,"geometry":{"type":"Point","coordinates":[%.9f,%.9f]}}]}`, c.head, there.LonDegrees, there.LatDegrees)
			m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{c.file: text})})
			var got struct {
				Features []struct {
					Geometry struct{ Coordinates [][2]float64 }
				}
			}
			if err := json.Unmarshal(m.file(c.file).Body.Bytes(), &got); err != nil {
				t.Fatalf("%v, overlay %+v", err, m.overlay(t, c.file))
			}
			at := got.Features[0].Geometry.Coordinates[0]
			if math.Abs(at[0]-place.LonDegrees) > 2e-6 || math.Abs(at[1]-place.LatDegrees) > 2e-6 {
				t.Errorf("served at %v, want %v", at, place)
			}
			o := m.overlay(t, c.file)
			if o.Datum != c.datum || o.Box.West != at[0] || o.Box.North != at[1] {
				t.Errorf("datum %s, box %+v", o.Datum, o.Box)
			}
		})
	}
}

func TestOverlay_SaysWhatItIsCalledAndWhoMadeIt(t *testing.T) {
	m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{
		"1.geojson":          `{"title":{"zh":"地铁","en":"Metro"},"attribution":"某市测绘院\n2026",` + collection(feature(line, `{}`), feature(`null`, `{}`))[1:],
		"2.geojson":          `{"name":"roads_2026",` + collection(feature(line, `{}`))[1:],
		"3-rivers.bd09.json": `{"title":"Rivers",` + collection(feature(line, `{}`))[1:],
		"4-parks.GeoJSON":    collection(feature(line, `{}`)),
		"._4-parks.geojson":  "\x00\x05",
		"readme.txt":         "x",
		"5-nothing.json":     `{"type":"Topology"}`,
	})})
	list, err := m.Overlays()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]sensors.Names{}
	for _, o := range list {
		got[o.Name] = o.Title
	}
	want := map[string]sensors.Names{
		"1.geojson": {ZH: "地铁", EN: "Metro"}, "2.geojson": {ZH: "roads_2026", EN: "roads_2026"}, "3-rivers.bd09.json": {ZH: "Rivers", EN: "Rivers"},
		"4-parks.GeoJSON": {ZH: "4-parks", EN: "4-parks"}, "5-nothing.json": {ZH: "5-nothing.json", EN: "5-nothing.json"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if o := list[0]; o.Attribution != "某市测绘院 2026" || o.Features != 1 || o.LeftOut != 1 || o.Positions != 2 {
		t.Errorf("overlay %+v", o)
	}
}

func TestOverlay_WhatCannotBeDrawnIsRefusedWithItsReason(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("[1,2],", basemap.MaxOverlayPositions+1), ",")
	nested := strings.Repeat(`{"type":"GeometryCollection","geometries":[`, 12) + line + strings.Repeat(`]}`, 12)
	for name, c := range map[string]struct {
		text   string
		reason basemap.Reason
		tells  string
	}{
		"no JSON":                   {`<html>`, basemap.NotGeoJSON, "invalid character"},
		"half of a file":            {collection(feature(line, `{}`))[:60], basemap.NotGeoJSON, "end of JSON"},
		"TopoJSON":                  {`{"type":"Topology"}`, basemap.NotGeoJSON, "Topology"},
		"no object":                 {`[]`, basemap.NotGeoJSON, "cannot unmarshal"},
		"a feature that is none":    {collection(feature(line, `{}`), `{"type":"Shape"}`), basemap.NotGeoJSON, "feature 2"},
		"a geometry that is none":   {collection(feature(`{"type":"Circle","coordinates":[1,2]}`, `{}`)), basemap.NotGeoJSON, "Circle"},
		"no coordinates":            {collection(feature(`{"type":"Point"}`, `{}`)), basemap.NotGeoJSON, "coordinates"},
		"coordinates of other form": {collection(feature(`{"type":"LineString","coordinates":[1,2]}`, `{}`)), basemap.NotGeoJSON, "feature 1"},
		"a position of one number":  {collection(feature(`{"type":"Point","coordinates":[1]}`, `{}`)), basemap.NotGeoJSON, "longitude and latitude"},
		"collections without end":   {collection(feature(nested, `{}`)), basemap.NotGeoJSON, "deep"},
		"metres":                    {collection(feature(`{"type":"Point","coordinates":[506123.5,3456789.1]}`, `{}`)), basemap.OutOfRange, "[506123.5, 3456789.1]"},
		"latitude first":            {collection(feature(`{"type":"Point","coordinates":[31.25,121.4]}`, `{}`)), basemap.OutOfRange, "longitude comes first"},
		"a projected system":        {`{"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::4549"}},` + collection(feature(line, `{}`))[1:], basemap.UnknownCRS, "EPSG::4549"},
		"a system behind a link":    {`{"crs":{"type":"link","properties":{"href":"x"}},` + collection(feature(line, `{}`))[1:], basemap.UnknownCRS, "names no system"},
		"an unknown datum":          {`{"datum":"beijing54",` + collection(feature(line, `{}`))[1:], basemap.UnknownDatum, "beijing54"},
		"a datum that is no text":   {`{"datum":7,` + collection(feature(line, `{}`))[1:], basemap.UnknownDatum, "no text"},
		"GBK":                       {collection(feature(line, "{\"name\":\"\xcb\xd5\xd6\xdd\xba\xd3\"}")), basemap.NotUTF8, "UTF-8"},
		"too many positions":        {`{"type":"MultiPoint","coordinates":[` + many + `]}`, basemap.TooLarge, "200000"},
		"too many bytes":            {`{"type":"Point","coordinates":[1,2]}` + strings.Repeat(" ", basemap.MaxOverlayBytes), basemap.TooLarge, "bytes"},
		"nothing to draw":           {collection(feature(`null`, `{}`), feature(`{"type":"LineString","coordinates":[[1,2]]}`, `{}`)), basemap.Empty, "of 2 features"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{"bad.geojson": c.text, "good.geojson": collection(feature(line, `{}`))})})
			o := m.overlay(t, "bad.geojson")
			if o.Fault == nil || o.Fault.Reason != c.reason || !strings.Contains(o.Fault.Detail, c.tells) {
				t.Fatalf("fault %+v, want %s that tells of %q", o.Fault, c.reason, c.tells)
			}
			if w := m.file("bad.geojson"); w.Code != http.StatusNotFound {
				t.Errorf("the file that is not drawn is served: %d", w.Code)
			}
			if w := m.file("good.geojson"); w.Code != http.StatusOK {
				t.Errorf("the one beside it is not served: %d", w.Code)
			}
			m.counted(t, "urbangrid_basemap_overlays_read_total", string(c.reason), 1)
			m.counted(t, "urbangrid_basemap_overlays_read_total", "drawn", 1)
		})
	}
}

func TestOverlay_TheNameMayNotContradictTheFile(t *testing.T) {
	m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{"a.gcj02.geojson": `{"datum":"wgs84",` + collection(feature(line, `{}`))[1:]})})
	if o := m.overlay(t, "a.gcj02.geojson"); o.Fault == nil || o.Fault.Reason != basemap.UnknownDatum {
		t.Errorf("fault %+v", o.Fault)
	}
}

func TestOverlay_AsManyFilesAsThereIsRoomFor(t *testing.T) {
	files := map[string]string{}
	for k := range basemap.MaxOverlays + 1 {
		files[fmt.Sprintf("%02d.geojson", k)] = line
	}
	folder := folderOf(t, files)
	m := newMap(t, basemap.Options{Folder: folder})
	last := fmt.Sprintf("%02d.geojson", basemap.MaxOverlays)
	for range 3 {
		if o := m.overlay(t, last); o.Fault == nil || o.Fault.Reason != basemap.TooMany {
			t.Fatalf("fault %+v", o.Fault)
		}
	}
	m.counted(t, "urbangrid_basemap_overlays_read_total", "too_many", 1)
	if err := os.Remove(filepath.Join(folder, "00.geojson")); err != nil {
		t.Fatal(err)
	}
	if o := m.overlay(t, last); o.Fault != nil {
		t.Errorf("when there is room again: %+v", o.Fault)
	}
}

func TestOverlay_IsServedZippedAndOnlyOnce(t *testing.T) {
	m := newMap(t, basemap.Options{Folder: folderOf(t, map[string]string{"a.geojson": collection(feature(line, `{"name":"x"}`))})})
	plain, zipped := m.file("a.geojson"), m.file("a.geojson", "Accept-Encoding", "br, gzip;q=0.8")
	if plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Content-Type") != "application/geo+json" {
		t.Errorf("plain: %v", plain.Header())
	}
	if zipped.Header().Get("Content-Encoding") != "gzip" || !strings.HasPrefix(zipped.Body.String(), "\x1f\x8b") {
		t.Errorf("zipped: %v", zipped.Header())
	}
	if w := m.file("a.geojson", "Accept-Encoding", "gzip;q=0"); w.Body.String() != plain.Body.String() {
		t.Errorf("to one who wants none: %v", w.Header())
	}
	etag := plain.Header().Get("ETag")
	if etag == "" || etag != `W/"`+m.overlay(t, "a.geojson").ETag+`"` {
		t.Fatalf("tag %q, the list says %q", etag, m.overlay(t, "a.geojson").ETag)
	}
	if w := m.file("a.geojson", "If-None-Match", etag); w.Code != http.StatusNotModified {
		t.Errorf("asked for again: %d, want 304", w.Code)
	}
	m.counted(t, "urbangrid_basemap_overlays_read_total", "drawn", 1)
}

func TestOverlay_ChangesAreNoticedWithoutARestart(t *testing.T) {
	folder := folderOf(t, map[string]string{"a.geojson": line})
	m := newMap(t, basemap.Options{Folder: folder})
	first := m.overlay(t, "a.geojson")
	put(t, folder, "a.geojson", line, m.clock.Add(-time.Minute))
	if o := m.overlay(t, "a.geojson"); o.ETag != first.ETag || o.Modified.Equal(first.Modified) {
		t.Errorf("the same written again: tag %q after %q at %s", o.ETag, first.ETag, o.Modified)
	}
	put(t, folder, "a.geojson", `{"type":"Point","coordinates":[1,2]}`, m.clock.Add(-30*time.Second))
	if o := m.overlay(t, "a.geojson"); o.ETag == first.ETag || o.Positions != 1 {
		t.Errorf("another one: %+v", o)
	}
	put(t, folder, "b.geojson", line, m.clock.Add(-time.Minute))
	m.overlay(t, "b.geojson")
	if err := os.Remove(filepath.Join(folder, "a.geojson")); err != nil {
		t.Fatal(err)
	}
	if list, err := m.Overlays(); err != nil || len(list) != 1 || list[0].Name != "b.geojson" {
		t.Errorf("after the removal: %+v, %v", list, err)
	}
	if w := m.file("a.geojson"); w.Code != http.StatusNotFound {
		t.Errorf("the removed file: %d", w.Code)
	}
}

func TestOverlay_AFileOnItsWayIsNotToldAsBroken(t *testing.T) {
	folder := folderOf(t, map[string]string{"a.geojson": line})
	m := newMap(t, basemap.Options{Folder: folder})
	before := m.overlay(t, "a.geojson")
	put(t, folder, "a.geojson", line[:40], m.clock.Add(-time.Second))
	put(t, folder, "new.geojson", line[:40], m.clock.Add(-time.Second))
	if o := m.overlay(t, "a.geojson"); o.ETag != before.ETag {
		t.Errorf("half a second version: %+v, want the one before", o)
	}
	if list, err := m.Overlays(); err != nil || len(list) != 1 {
		t.Errorf("half a first version is told: %+v, %v", list, err)
	}
	m.clock = m.clock.Add(5 * time.Second)
	if o := m.overlay(t, "a.geojson"); o.Fault == nil {
		t.Errorf("it stayed half: %+v, want a fault", o)
	}
	if o := m.overlay(t, "new.geojson"); o.Fault == nil {
		t.Errorf("it stayed half: %+v, want a fault", o)
	}
}

func TestOverlay_NothingOutsideTheFolderIsServed(t *testing.T) {
	above := folderOf(t, map[string]string{"secret.geojson": line})
	folder := filepath.Join(above, "basemap")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(above, "secret.geojson"), filepath.Join(folder, "link.geojson")); err != nil {
		t.Fatal(err)
	}
	put(t, folder, ".hidden.geojson", line, time.Now())
	m := newMap(t, basemap.Options{Folder: folder})
	for _, name := range []string{"../secret.geojson", "..\\secret.geojson", "/etc/passwd.json", "link.geojson", ".hidden.geojson", "none.geojson", ".geojson", ".json"} {
		if w := m.file(name); w.Code != http.StatusNotFound {
			t.Errorf("file %q: %d, want 404", name, w.Code)
		}
	}
	if list, err := newMap(t, basemap.Options{}).Overlays(); err != nil || len(list) != 0 {
		t.Errorf("without a folder: %v, %v", list, err)
	}
}

func TestOverlay_ManyMayAskAtOnce(t *testing.T) {
	folder := folderOf(t, map[string]string{"a.geojson": collection(feature(line, `{"name":"x"}`))})
	m := newMap(t, basemap.Options{Folder: folder})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if w := m.file("a.geojson", "Accept-Encoding", "gzip"); w.Code != http.StatusOK {
				t.Errorf("status %d", w.Code)
			}
			if list, err := m.Overlays(); err != nil || len(list) != 1 {
				t.Errorf("%v, %v", list, err)
			}
		})
	}
	all.Wait()
	m.counted(t, "urbangrid_basemap_overlays_read_total", "drawn", 1)
	if problems, err := testutil.GatherAndLint(m.reg); err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v, %v", problems, err)
	}
}

// A file at both bounds is read in about half a second, and an unchanged one costs
// one look at the folder.
func BenchmarkOverlay(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"type":"FeatureCollection","features":[`)
	for f := range 1000 {
		if f > 0 {
			text.WriteByte(',')
		}
		text.WriteString(`{"type":"Feature","properties":{"name":"road","stroke":"#336699","note":"` + strings.Repeat("x", 10_000) + `"},"geometry":{"type":"LineString","coordinates":[`)
		for p := range 200 {
			if p > 0 {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, "[%.9f,%.9f]", 121+float64(f)/3000+float64(p)/7000, 31+float64(p)/2000+float64(f)/9000)
		}
		text.WriteString(`]}}`)
	}
	text.WriteString(`]}`)
	folder := b.TempDir()
	path := filepath.Join(folder, "roads.gcj02.geojson")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		b.Fatal(err)
	}
	for name, touch := range map[string]bool{"changed": true, "unchanged": false} {
		b.Run(name, func(b *testing.B) {
			m, err := basemap.New(basemap.Options{Folder: folder})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := m.Overlays(); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			for b.Loop() {
				if touch {
					at = at.Add(time.Second)
					if err := os.Chtimes(path, at, at); err != nil {
						b.Fatal(err)
					}
				}
				if list, err := m.Overlays(); err != nil || len(list) != 1 || list[0].Fault != nil {
					b.Fatalf("%+v, %v", list, err)
				}
			}
			b.ReportMetric(float64(text.Len())/1e6, "MB")
		})
	}
}
