package replay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/urbangrid/urbangrid/sensors"
	"github.com/urbangrid/urbangrid/simulator/replay"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	examples = "../../deploy/examples/"
	testdata = "../testdata/"
	// realRequests has 10,000 rows, of which 8,898 have a position.
	realRequests = "../../../shared/data/myla311_2018-01-01_04_reduced.csv"
	realAir      = "../../../shared/data/PRSA_Data_Dongsi_20130301-20170228.csv.gz"
)

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustParse(t *testing.T, mapping []byte) *replay.Mapping {
	t.Helper()
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	m, err := replay.Parse(mapping, catalog)
	if err != nil {
		t.Fatalf("mapping:\n%v", err)
	}
	return m
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join(testdata, name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(mustRead(t, path)), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// recorder is a Publisher that writes down what it gets.
type recorder struct{ bytes.Buffer }

func (r *recorder) Publish(_ context.Context, topic string, _ byte, payload []byte) error {
	fmt.Fprintf(r, "%s %s\n", topic, payload)
	return nil
}

// publish replays csv and returns what was published and the counts.
func publish(t *testing.T, mapping, csv []byte) (string, replay.Tally) {
	t.Helper()
	reader, err := replay.NewReader(bytes.NewReader(csv), mustParse(t, mapping))
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	var out recorder
	r := replay.New(reader, &out, replay.RunOptions{Catalog: catalog})
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return out.String(), r.Tally()
}

func TestReplay_PublishesTheSampleExactly(t *testing.T) {
	for _, c := range []struct{ mapping, csv, golden string }{
		{"myla311.yaml", "requests.csv", "requests.golden"},
		{"beijing-air.yaml", "air.csv", "air.golden"},
	} {
		t.Run(c.csv, func(t *testing.T) {
			messages, tally := publish(t, mustRead(t, examples+c.mapping), mustRead(t, testdata+c.csv))
			counts, err := json.MarshalIndent(tally, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden(t, c.golden, []byte(messages+string(counts)+"\n"))
		})
	}
}

// fileCounts are the facts of one file.
type fileCounts struct {
	path, mapping                                 string
	rows, placed, noPosition, missing, unreadable int64
}

// checkFiles counts in the sample, and in the real file where there is one.
func checkFiles(t *testing.T, sample, real fileCounts) {
	t.Helper()
	cases := []fileCounts{sample, real}
	if _, err := os.Stat(real.path); errors.Is(err, os.ErrNotExist) {
		t.Logf("%s is not there: only %s is counted", real.path, sample.path)
		cases = cases[:1]
	}
	for _, want := range cases {
		t.Logf("counting in %s", want.path)
		_, tally := publish(t, mustRead(t, examples+want.mapping), mustRead(t, want.path))
		got := fileCounts{want.path, want.mapping, tally.Rows, tally.PlacedTotal(), tally.NoPosition, tally.MissingValues, tally.UnreadableRows()}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if tally.Published != want.placed+want.noPosition {
			t.Errorf("%s: published %d, want %d", want.path, tally.Published, want.placed+want.noPosition)
		}
	}
}

func TestReplay_CountsRowsWithAndWithoutPosition(t *testing.T) {
	checkFiles(t,
		fileCounts{path: testdata + "requests.csv", mapping: "myla311.yaml", rows: 9, placed: 4, noPosition: 2, unreadable: 3},
		fileCounts{path: realRequests, mapping: "myla311.yaml", rows: 10_000, placed: 8_898, noPosition: 1_102})
}

func TestReplay_SkipsAndCountsMissingValuesOfWideFiles(t *testing.T) {
	checkFiles(t,
		fileCounts{path: testdata + "air.csv", mapping: "beijing-air.yaml", rows: 5, placed: 41, missing: 2, unreadable: 1},
		fileCounts{path: realAir, mapping: "beijing-air.yaml", rows: 35_064, placed: 35_064*11 - 7_522, missing: 7_522})
}

func TestReader_ReadsCompressedFiles(t *testing.T) {
	csv := mustRead(t, testdata+"requests.csv")
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write(csv)
	w.Close()
	mapping := mustRead(t, examples+"myla311.yaml")
	plain, _ := publish(t, mapping, csv)
	unzipped, _ := publish(t, mapping, zipped.Bytes())
	if plain != unzipped {
		t.Error("the compressed file gives other messages than the plain one")
	}
}

func TestReader_NamesEveryMissingColumn(t *testing.T) {
	_, err := replay.NewReader(strings.NewReader("SRNumber,Latitude\n"), mustParse(t, mustRead(t, examples+"myla311.yaml")))
	if err == nil {
		t.Fatal("a file without the columns was accepted")
	}
	for _, column := range []string{"CreatedDate", "RequestType", "Longitude"} {
		if !strings.Contains(err.Error(), column) {
			t.Errorf("the error does not name %s:\n%v", column, err)
		}
	}
}

func TestReader_CountsWhatItCannotReadByReason(t *testing.T) {
	const mapping = `
time: {columns: [t], layouts: ["%Y-%m-%d %H:%M"], zone: UTC}
position: {lat: lat, lon: lon, datum: gcj02}
device: "d-{who}"
id: "{who}-{@kind}"
observations:
  - kind_from: {column: what, values: {loud: noise, dusty: pm25}}
    value: {column: v, scale: 0.1, offset: 5}
  - {kind: smoke}
attributes: {who: who}
`
	const header = "t,lat,lon,who,what,v\n"
	for row, want := range map[string]replay.Reason{
		"2020-01-02 03:04,31.2,121.4,a,loud,500":                               "",
		"2020-01-02 03:04,,,a,loud,500":                                        "",
		"2020-01-02 03:04,31.2,,a,loud,500":                                    replay.BadPosition,
		"2020-01-02 03:04,91,0,a,loud,500":                                     replay.BadPosition,
		"2020-01-02 03:04,NaN,0,a,loud,500":                                    replay.BadPosition,
		"01/02/2020,31.2,121.4,a,loud,500":                                     replay.BadTime,
		",31.2,121.4,a,loud,500":                                               replay.BadTime,
		"2020-01-02 03:04,31.2,121.4,a,odd,500":                                replay.UnknownKind,
		"2020-01-02 03:04,31.2,121.4,a/b,loud,5":                               replay.BadDevice,
		"2020-01-02 03:04,31.2,121.4,,loud,5":                                  replay.BadDevice,
		"2020-01-02 03:04,31.2,121.4,a,loud":                                   replay.BadCSV,
		`2020-01-02 03:04,31.2,121.4,a"b,loud,5`:                               replay.BadCSV,
		"2020-01-02 03:04,31.2,121.4," + strings.Repeat("x", 124) + ",loud,5":  replay.BadID,
		"2020-01-02 03:04,31.2,121.4," + strings.Repeat("x", 5000) + ",loud,5": replay.BadAttrs,
	} {
		messages, tally := publish(t, []byte(mapping), []byte(header+row+"\n"))
		if want == "" {
			if tally.UnreadableRows() != 0 || tally.Published != 2 {
				t.Errorf("%q: published %d, unreadable %v; want 2 and none", row, tally.Published, tally.Unreadable)
			}
			if !strings.Contains(messages, `"kind":"noise","value":55,`) {
				t.Errorf("%q: scale and offset are not applied:\n%s", row, messages)
			}
			continue
		}
		if tally.Unreadable[want] != 1 || tally.Published != 0 {
			t.Errorf("%.60q: unreadable %v, published %d; want one %s", row, tally.Unreadable, tally.Published, want)
		}
	}
}

func TestReader_ABadValueCostsOnlyItsOwnObservation(t *testing.T) {
	const mapping = `
time: {columns: [t], layouts: ["2006-01-02"], zone: UTC}
device: d
observations: [{kind: pm25, value: {column: a}}, {kind: pm10, value: {column: b}}]
`
	_, tally := publish(t, []byte(mapping), []byte("t,a,b\n2020-01-01,x,7\n2020-01-02,Inf,NaN\n2020-01-03,,1e999\n"))
	if tally.Published != 1 || tally.BadValues != 4 || tally.MissingValues != 1 || tally.Unreadable[replay.BadValue] != 2 {
		t.Errorf("got %+v, want 1 published, 4 bad values, 1 missing, 2 rows without any number", tally)
	}
}

func TestReader_GoesOnAfterARowThatIsNotCSV(t *testing.T) {
	csv := string(mustRead(t, testdata+"requests.csv"))
	lines := strings.SplitAfter(csv, "\n")
	broken := lines[0] + "x\"y,1,2\n" + strings.Join(lines[1:], "")
	_, want := publish(t, mustRead(t, examples+"myla311.yaml"), []byte(csv))
	_, got := publish(t, mustRead(t, examples+"myla311.yaml"), []byte(broken))
	if got.Published != want.Published || got.Rows != want.Rows+1 {
		t.Errorf("published %d of %d rows, want %d of %d", got.Published, got.Rows, want.Published, want.Rows+1)
	}
}

func TestParse_ReportsEveryFaultWithLineAndField(t *testing.T) {
	catalog, err := sensors.DefaultCatalog()
	if err != nil {
		t.Fatal(err)
	}
	_, err = replay.Parse(mustRead(t, testdata+"faults.yaml"), catalog)
	if err == nil {
		t.Fatal("a mapping full of faults was accepted")
	}
	golden(t, "faults.golden", []byte(err.Error()+"\n"))
}

func TestParse_RefusesWhatIsNotYAML(t *testing.T) {
	for _, text := range []string{"", "a: [", "- 1\n- 2\n", "42"} {
		if _, err := replay.Parse([]byte(text), nil); err == nil {
			t.Errorf("%q was accepted as a mapping", text)
		}
	}
}

func TestReplay_KeepsTheFilesOwnTimeAtASpeed(t *testing.T) {
	const mapping = `
time: {columns: [t], layouts: ["15:04:05 2006-01-02"], zone: UTC}
device: d
observations: [{kind: smoke}]
`
	const csv = "t\n00:00:00 2020-01-01\n00:01:00 2020-01-01\n00:00:30 2020-01-01\n01:00:00 2020-01-01\n"
	m := mustParse(t, []byte(mapping))
	synctest.Test(t, func(t *testing.T) {
		reader, err := replay.NewReader(strings.NewReader(csv), m)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		var at []time.Duration
		pub := publisherFunc(func(context.Context, string, byte, []byte) error {
			at = append(at, time.Since(began))
			return nil
		})
		if err := replay.New(reader, pub, replay.RunOptions{Speed: 60}).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, time.Second, time.Second, time.Minute}
		if diff := cmp.Diff(want, at); diff != "" {
			t.Errorf("times of publishing at 60× (-want +got):\n%s", diff)
		}
	})
}

type publisherFunc func(ctx context.Context, topic string, qos byte, payload []byte) error

func (f publisherFunc) Publish(ctx context.Context, topic string, qos byte, payload []byte) error {
	return f(ctx, topic, qos, payload)
}

func TestReplay_EndsWithItsContext(t *testing.T) {
	reader, err := replay.NewReader(bytes.NewReader(mustRead(t, testdata+"requests.csv")), mustParse(t, mustRead(t, examples+"myla311.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	pub := publisherFunc(func(ctx context.Context, _ string, _ byte, _ []byte) error {
		cancel()
		return ctx.Err()
	})
	if err := replay.New(reader, pub, replay.RunOptions{}).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// slowServer has taken in everything when it is asked for the third time.
func slowServer(t *testing.T, asked *atomic.Int64) *httptest.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/counts", func(w http.ResponseWriter, r *http.Request) {
		for _, edge := range []string{"from", "to"} {
			if _, err := time.Parse(time.RFC3339Nano, r.FormValue(edge)); err != nil {
				t.Errorf("%s: %v", edge, err)
			}
		}
		n := min(asked.Add(1), 3)
		fmt.Fprintf(w, `{"counts":{"smoke":%d,"noise":500}}`, n*10)
	})
	mux.HandleFunc("GET /api/v1/quarantine", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"counts":{"no_position":7,"bad_json":3}}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestServer_AwaitsWhatWasPublished(t *testing.T) {
	var asked atomic.Int64
	s := replay.NewServer(slowServer(t, &asked).URL+"/", http.DefaultClient)
	first := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	tally := replay.Tally{
		Placed: map[sensors.KindKey]int64{"smoke": 30}, NoPosition: 2,
		First: first, Last: first.Add(time.Hour),
	}
	before, err := s.NoPosition(t.Context())
	if err != nil || before != 7 {
		t.Fatalf("NoPosition: %d, %v; want 7", before, err)
	}
	seen, err := s.Await(t.Context(), tally, 5)
	if err != nil {
		t.Fatal(err)
	}
	if seen.Kinds["smoke"] != 30 || seen.NoPosition != 7 || asked.Load() != 3 {
		t.Errorf("saw %+v after asking %d times, want 30 smoke and 7 without position after 3", seen, asked.Load())
	}
}

func TestServer_SaysWhatItSawLastWhenTimeIsUp(t *testing.T) {
	var asked atomic.Int64
	s := replay.NewServer(slowServer(t, &asked).URL, http.DefaultClient)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	at := time.Date(2018, 1, 1, 0, 0, 0, 0, time.UTC)
	seen, err := s.Await(ctx, replay.Tally{Placed: map[sensors.KindKey]int64{"smoke": 31}, First: at, Last: at}, 0)
	if !errors.Is(err, context.DeadlineExceeded) || seen.Kinds["smoke"] == 0 {
		t.Errorf("got %+v and %v, want the last counts and the deadline", seen, err)
	}
}

func TestServer_NamesAnAnswerThatIsNoAnswer(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, err := replay.NewServer(server.URL, http.DefaultClient).NoPosition(t.Context())
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v, want an error with the status", err)
	}
}
