package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/urbangrid/urbangrid/internal/mqttpub/mosquitto"
)

const sampleRequests = "../../simulator/testdata/requests.csv"

// runCommand runs one of the program's commands and returns what it prints.
func runCommand(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRootCommand()
	root.SetOut(&out)
	root.SetErr(io.Discard)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

func TestReplay_ShowsWhatTheServerHasTakenIn(t *testing.T) {
	broker := mosquitto.Start(t)
	quarantined := 40
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/counts", func(w http.ResponseWriter, r *http.Request) {
		if from, to := r.FormValue("from"), r.FormValue("to"); from != "2018-02-03T08:00:09Z" || to != "2018-07-04T19:30:00.000001Z" {
			t.Errorf("asked for %s to %s, want the time range of the file", from, to)
		}
		quarantined = 42
		io.WriteString(w, `{"counts":{"request_bulky_items":1,"request_graffiti":1,"request_other":1,"request_water_waste":1,"noise":99}}`)
	})
	mux.HandleFunc("GET /api/v1/quarantine", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"counts":{"no_position":%d}}`, quarantined)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	out, err := runCommand(t, "replay", "--file", sampleRequests, "--map", "../../deploy/examples/myla311.yaml",
		"--broker", broker.URL(), "--http", server.URL)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, table, _ := strings.Cut(out, "msg/s)\n")
	const want = `  1 rows could not be read: bad_csv
  1 rows could not be read: bad_time
  1 rows could not be read: bad_position
                       published  on the server
  request_bulky_items          1              1
     request_graffiti          1              1
        request_other          1              1
  request_water_waste          1              1
      placed in cells          4              4
          no position          2              2
`
	if table != want {
		t.Errorf("got:\n%s\nwant:\n%s", table, want)
	}
	if !strings.Contains(out, "9 rows, 6 published, 6 acknowledged") {
		t.Errorf("the summary lacks the counts:\n%s", out)
	}
}

func TestReplay_ReportsEveryFaultOfItsFlagsAtOnce(t *testing.T) {
	_, err := runCommand(t, "replay", "--qos", "3", "--speed", "fast")
	if err == nil {
		t.Fatal("wrong flags were accepted")
	}
	for _, flag := range []string{"--file", "--map", "--qos", "--speed"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("the error does not speak of %s: %v", flag, err)
		}
	}
}

func TestSimulate_PublishesACityAndItsTruth(t *testing.T) {
	broker := mosquitto.Start(t)
	truth := filepath.Join(t.TempDir(), "truth.jsonl")
	// Fast enough for hundreds of messages, too short for the first incident.
	out, err := runCommand(t, "simulate", "--broker", broker.URL(), "--seed", "3", "--devices", "50",
		"--rate", "1000", "--duration", "500ms", "--truth", truth)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out, "not acknowledged 0, skipped 0, dropped 0; incidents 0") {
		t.Errorf("the summary tells of losses:\n%s", out)
	}
	if _, err := os.Stat(truth); err != nil {
		t.Errorf("truth file: %v", err)
	}
}

func TestSimulate_ReportsEveryFaultOfItsFlagsAtOnce(t *testing.T) {
	_, err := runCommand(t, "simulate", "--devices", "1", "--rate", "0", "--qos", "9", "--start", "tomorrow", "--duration", "-1s", "--batch", "0")
	if err == nil {
		t.Fatal("wrong flags were accepted")
	}
	for _, flag := range []string{"--devices", "--rate", "--qos", "--start", "--duration", "--batch"} {
		if !strings.Contains(err.Error(), flag) {
			t.Errorf("the error does not speak of %s: %v", flag, err)
		}
	}
}
