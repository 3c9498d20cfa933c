package devicefile_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/store/devicefile"
)

// form is one of the two forms of a file.
type form struct {
	name  string
	read  func(io.Reader, devicefile.Options) (*devicefile.File, error)
	write func(*testing.T, []sensors.Device) []byte
}

var forms = []form{
	{"csv", devicefile.ReadCSV, func(t *testing.T, list []sensors.Device) []byte { return writeCSV(t, list, "en") }},
	{"csv in Chinese", devicefile.ReadCSV, func(t *testing.T, list []sensors.Device) []byte { return writeCSV(t, list, "zh") }},
	{"geojson", devicefile.ReadGeoJSON, writeGeoJSON},
}

func writeCSV(t *testing.T, list []sensors.Device, lang string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := devicefile.NewCSVWriter(&b, lang)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if err := w.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func writeGeoJSON(t *testing.T, list []sensors.Device) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := devicefile.NewGeoJSONWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if err := w.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123456000, time.UTC)

var devices = []sensors.Device{
	{ID: "bare"},
	{ID: "井盖-7", Name: `曹杨路 "7" 号, 门口`, Position: sensors.Position{LatDegrees: 31.2401, LonDegrees: 121.40320000000001, Datum: sensors.GCJ02},
		Profile: "milesight-em300-sld", Kinds: []sensors.KindKey{"noise", "smoke"}, Owner: "区市政所", Area: "310107005",
		Installed: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), Interval: 90 * time.Second, Tags: []string{"一期", "5G"},
		Maintenance: []sensors.Maintenance{{From: noon, To: noon.Add(time.Hour), Note: `换电池; \again`}, {From: noon, To: noon.Add(time.Minute)}}},
	{ID: "=1", Name: "=HYPERLINK(\"http://evil.example\")", Owner: "'=x", Tags: []string{"@cmd", "＝1"}, Auto: true},
	{ID: "south", Position: sensors.Position{LatDegrees: -34.5, LonDegrees: -58.25, Datum: sensors.WGS84}},
	{ID: "baidu", Position: sensors.Position{LatDegrees: 31.25, LonDegrees: 121.5, Datum: sensors.BD09}, Interval: 48 * time.Hour},
	{ID: "'", Name: "''", Owner: "-"},
}

func TestWhatWasWrittenIsReadAsItWas(t *testing.T) {
	for _, f := range forms {
		t.Run(f.name, func(t *testing.T) {
			data := f.write(t, devices)
			file, err := f.read(bytes.NewReader(data), devicefile.Options{})
			if err != nil || len(file.Faults) > 0 || len(file.Ignored) > 0 {
				t.Fatalf("%v, faults %v, ignored %v in %s", err, file.Faults, file.Ignored, data)
			}
			if diff := cmp.Diff(devices, file.Devices()); diff != "" {
				t.Errorf("differs (-want +got):\n%s\nin %s", diff, data)
			}
		})
	}
}

func TestCSV_NoCellIsAFormula(t *testing.T) {
	for line := range strings.SplitSeq(string(writeCSV(t, devices, "en")), "\n") {
		for cell := range strings.SplitSeq(line, ",") {
			if strings.ContainsAny(strings.TrimPrefix(cell, `"`)+" ", "=@") && strings.IndexAny(strings.TrimPrefix(cell, `"`), "=@") == 0 {
				t.Errorf("cell %q of %q is a formula", cell, line)
			}
		}
	}
}

func TestCSV_ReadsWhatSpreadsheetsWrite(t *testing.T) {
	want := []sensors.Device{{
		ID: "a", Name: "一号", Position: sensors.Position{LatDegrees: 31.24, LonDegrees: 121.42, Datum: sensors.GCJ02},
		Kinds: []sensors.KindKey{"noise", "smoke"}, Installed: time.Date(2024, 3, 1, 0, 0, 0, 0, time.UTC), Interval: 15 * time.Minute,
	}}
	for name, text := range map[string]string{
		"with a byte order mark and CRLF": "\ufeffid,name,lat,lon,datum,kinds,installed,interval\r\na,一号,31.24,121.42,GCJ-02,noise;smoke,2024/3/1,15m\r\n",
		"in Chinese":                      "设备编号,名称,纬度,经度,坐标系,观测类型,安装日期,上报间隔\na,一号,31.24,121.42,火星坐标,noise、smoke,2024年3月1日,900\n",
		"with semicolons":                 "id;name;lat;lon;datum;kinds;installed;interval\na;一号;31.24;121.42;gcj02;noise smoke;2024-03-01;900s\n",
		"with tabs and empty lines":       "ID\tName\tLat\tLon\tDatum\tKinds\tInstalled\tInterval\t\n\t\t\t\t\t\t\t\t\n\n a \t一号 \t31.24\t121.42\tgcj02\tnoise,smoke\t20240301\t0h15m\t\n",
	} {
		file, err := devicefile.ReadCSV(strings.NewReader(text), devicefile.Options{})
		if err != nil || len(file.Faults) > 0 {
			t.Errorf("%s: %v, faults %v", name, err, file.Faults)
			continue
		}
		if diff := cmp.Diff(want, file.Devices()); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", name, diff)
		}
	}
}

func TestCSV_NamesEveryFaultWithRowAndColumn(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	text := `id,name,lat,lon,datum,kinds,installed,interval,maintenance,tags,auto,备注
good,,31.2,121.4,wgs84,noise,2024-01-01,15m,,,,x
a/b,,91,121.4,wgs84,nonsense,yesterday,soon,whenever,,maybe,
good,,,,,,,,,,,
half,,31.2,,,,,,,,,
nan,,NaN,121.4,mars,,,,,,,
,no id,,,,,,,,,,
many,1,2,3,,,,,,,,,,extra
"broken"x,
also good,,,,,,,,,,,
`
	file, err := devicefile.ReadCSV(strings.NewReader(text), devicefile.Options{Catalog: catalog})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range file.Faults {
		got = append(got, fmt.Sprintf("%d %s", f.Row, f.Column))
	}
	for _, w := range []string{"3 id", "3 place", "3 kinds", "3 installed", "3 interval", "3 maintenance", "3 auto",
		"4 id", "5 place", "6 datum", "6 place", "7 id", "8 ", "9 "} {
		if !strings.Contains("|"+strings.Join(got, "|")+"|", "|"+w+"|") {
			t.Errorf("nothing of %q in %v", w, file.Faults)
		}
	}
	if len(file.Rows) != 2 || file.Rows[0].Device.ID != "good" || file.Rows[1].Number != 10 {
		t.Errorf("good rows %+v, want those of lines 2 and 10", file.Rows)
	}
	if diff := cmp.Diff([]string{"备注"}, file.Ignored); diff != "" {
		t.Errorf("ignored columns (-want +got):\n%s", diff)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for _, f := range forms {
		for name, data := range map[string]string{
			"empty": "", "binary": "\x00\xff\xfe", "GBK": "id,name\na,\xc6\xd5\xcd\xd3\n", "UTF-16": "\xff\xfei\x00d\x00",
			"other columns": "x,y\n1,2\n", "one coordinate": "id,lat\na,1\n", "twice": "id,编号\na,b\n",
			"other JSON": `{"type":"Feature"}`, "bad datum": `{"type":"FeatureCollection","datum":"mars","features":[]}`,
			"deep": strings.Repeat("[", 100_000),
		} {
			file, err := f.read(strings.NewReader(data), devicefile.Options{})
			if err != nil || len(file.Faults) == 0 || len(file.Rows) > 0 {
				t.Errorf("%s as %s: %v, %+v, want a fault and no row", name, f.name, err, file)
			}
		}
	}
}

func TestGeoJSON_ADatumOfTheFileAndAPointThatWasMoved(t *testing.T) {
	text := `{"type":"FeatureCollection","datum":"gcj02","features":[
		{"type":"Feature","id":17,"geometry":{"type":"Point","coordinates":[121.4,31.2,4.5]},"properties":{"name":"a","kinds":["noise"],"tags":null}},
		{"type":"Feature","geometry":null,"properties":{"设备编号":"b","interval":900}},
		{"type":"Feature","id":"c","geometry":{"type":"Point","coordinates":[121.5,31.3]},"properties":{"datum":"wgs84","place":{"lat":31.2,"lon":121.4,"datum":"gcj02"}}},
		{"type":"Feature","id":"d","geometry":{"type":"LineString","coordinates":[]},"properties":{"name":{}}},
		{"type":"Point"}]}`
	file, err := devicefile.ReadGeoJSON(strings.NewReader(text), devicefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []sensors.Device{
		{ID: "17", Name: "a", Kinds: []sensors.KindKey{"noise"}, Position: sensors.Position{LatDegrees: 31.2, LonDegrees: 121.4, Datum: sensors.GCJ02}},
		{ID: "b", Interval: 15 * time.Minute},
		{ID: "c", Position: sensors.Position{LatDegrees: 31.3, LonDegrees: 121.5, Datum: sensors.WGS84}},
	}
	if diff := cmp.Diff(want, file.Devices()); diff != "" {
		t.Errorf("devices differ (-want +got):\n%s", diff)
	}
	var got []string
	for _, f := range file.Faults {
		got = append(got, fmt.Sprintf("%d %s", f.Row, f.Column))
	}
	if diff := cmp.Diff([]string{"4 name", "4 place", "5 type", "5 id"}, got); diff != "" {
		t.Errorf("faults %v differ (-want +got):\n%s", file.Faults, diff)
	}
}

func fuzz(f *testing.F, form form, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := form.read(bytes.NewReader(data), devicefile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		list := file.Devices()
		for _, d := range list {
			if faults := d.Faults(nil); len(faults) > 0 {
				t.Fatalf("accepted %+v with %v", d, faults)
			}
		}
		for _, other := range forms {
			written := other.write(t, list)
			again, err := other.read(bytes.NewReader(written), devicefile.Options{})
			if err != nil || len(again.Faults) > 0 {
				t.Fatalf("%s: %v, %v in %q", other.name, err, again.Faults, written)
			}
			if diff := cmp.Diff(list, again.Devices()); diff != "" {
				t.Fatalf("%s differs (-want +got):\n%s\nin %q", other.name, diff, written)
			}
		}
	})
}

// What is accepted is written and read again as it was, in every form.
func FuzzReadCSV(f *testing.F) {
	fuzz(f, forms[0], "id,name\na,b\n", "设备编号;纬度;经度;坐标系\n'=a;31,2;121;bd09\n",
		"id,lat,lon,datum,tags,kinds,maintenance,interval,installed\na,1,2,gcj02,x;y,noise,2026-03-31T08:00:00+08:00/2026-03-31T10:00:00+08:00 a\\;b,2d,2024/1/1\n")
}

func FuzzReadGeoJSON(f *testing.F) {
	fuzz(f, forms[2], `{"type":"FeatureCollection","datum":"gcj02","features":[{"type":"Feature","id":"c","geometry":{"type":"Point","coordinates":[121.5,31.3]},"properties":{"datum":"wgs84","place":{"lat":31.2,"lon":121.4,"datum":"gcj02"},"tags":["a"],"maintenance":[{"from":"2026-03-31T08:00:00+08:00","to":"2026-03-31T10:00:00+08:00","note":"x"}]}}]}`)
}
