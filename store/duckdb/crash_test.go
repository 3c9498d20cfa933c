package duckdb_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/urbangrid/urbangrid/store"
	"github.com/urbangrid/urbangrid/store/duckdb"
)

// The test's program writes for ever when it is run again with this set.
const writerPath = "URBANGRID_TEST_DUCKDB_WRITER"

const perEntry = 500

func TestMain(m *testing.M) {
	if path := os.Getenv(writerPath); path != "" {
		writeForEver(path)
	}
	os.Exit(m.Run())
}

// writeForEver writes entry by entry from the saved position on and prints the
// number of each that is durable.
func writeForEver(path string) {
	ctx := context.Background()
	s, err := duckdb.Open(ctx, path, duckdb.Options{RollRows: 3000, RollEvery: 10 * time.Millisecond, CompactEvery: 50 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p, err := s.Position(ctx, "j")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for seq := p.Seq + 1; ; seq++ {
		entries := []store.Entry{{Seq: seq, Observations: district(benchStart.Add(time.Duration(seq)*time.Second), time.Millisecond, perEntry)}}
		if err := s.Write(ctx, store.Position{Journal: "j", Seq: seq}, entries); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(seq)
	}
}

func TestSeries_HoldsEveryAcknowledgedWriteOnceAfterKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "series.db")
	var acknowledged uint64
	for round := range 6 {
		acknowledged = killedWriter(t, path, 20+round*7, acknowledged)
	}
	s := mustOpen(t, path, duckdb.Options{})
	p, err := s.Position(t.Context(), "j")
	if err != nil {
		t.Fatal(err)
	}
	if p.Seq < acknowledged {
		t.Fatalf("position %d after the kill, but %d was acknowledged", p.Seq, acknowledged)
	}
	if p.Seq > acknowledged+1 {
		t.Fatalf("position %d after the kill, want %d or one more", p.Seq, acknowledged)
	}
	want := float64(p.Seq * perEntry)
	counts, err := s.Counts(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var raw float64
	for kind, n := range counts {
		raw += float64(n)
		for _, every := range []time.Duration{10 * time.Second, time.Minute, time.Hour} {
			q := store.Query{Kind: kind, From: benchStart, To: benchStart.Add(24 * time.Hour), Every: every, Agg: store.Count}
			lines, err := s.Points(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			var rolled float64
			for _, p := range lines[0].Points {
				rolled += p.Value
			}
			if rolled != float64(n) {
				t.Errorf("%s in windows of %s: %v observations, want %d", kind, every, rolled, n)
			}
		}
	}
	if raw != want {
		t.Errorf("%v observations at position %d, want %v", raw, p.Seq, want)
	}
}

// killedWriter runs the writer, kills it after some entries and returns the
// newest one that it said was durable.
func killedWriter(t *testing.T, path string, entries int, acknowledged uint64) uint64 {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerPath+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	seen := 0
	for lines.Scan() { // to the end of what it said, which is after the kill
		if _, err := fmt.Sscan(lines.Text(), &acknowledged); err != nil {
			t.Fatalf("writer said %q", lines.Text())
		}
		if seen++; seen == entries {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if seen < entries {
		t.Fatalf("writer ended after %d entries", seen)
	}
	_ = cmd.Wait() // it was killed
	return acknowledged
}
