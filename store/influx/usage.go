package influx

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/store"
)

// Usage implements store.Series. The size is that of the buckets' files as the
// server tells it, without its write-ahead log and index; some servers do not
// tell it, and then the note says so.
func (s *Series) Usage(ctx context.Context) (store.Usage, error) {
	kept, err := s.ensure(ctx)
	if err != nil {
		return store.Usage{}, fmt.Errorf("measure series: %w", err)
	}
	u := store.Usage{Retention: kept, Bytes: -1}
	at := s.from(forRaw, store.Earliest, store.Latest) + only("_measurement", "observation") + only("_field", "at")
	for _, part := range []struct {
		function string
		take     func(int64)
	}{
		{"count", func(n int64) { u.Observations += n }},
		{"min", func(n int64) { u.Oldest = time.UnixMicro(n).UTC() }},
		{"max", func(n int64) { u.Newest = time.UnixMicro(n).UTC() }},
	} {
		err := s.query(ctx, at+" |> group() |> "+part.function+"()", func(r record) error {
			part.take(r.integer("_value"))
			return nil
		})
		if err != nil {
			return store.Usage{}, fmt.Errorf("measure series: %w", err)
		}
	}
	size := s.bucketBytes
	if s.layout.database != "" {
		size = s.databaseBytes
	}
	bytes, err := size(ctx)
	if err != nil {
		u.Note = fmt.Sprintf("the server does not tell the size of its files: %v", err)
		return u, nil
	}
	u.Bytes = bytes
	u.Note = "size of the data files as the server tells it, without its write-ahead log and index"
	return u, nil
}

// bucketBytes reads the metrics of 2.x.
func (s *Series) bucketBytes(ctx context.Context) (int64, error) {
	body, err := s.request(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return 0, err
	}
	var total float64
	found := false
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		labels, ok := strings.CutPrefix(lines.Text(), "storage_shard_disk_size{")
		if !ok {
			continue
		}
		labels, value, ok := strings.Cut(labels, "} ")
		for _, id := range s.buckets.ids {
			if !ok || !strings.Contains(labels, `bucket="`+id+`"`) {
				continue
			}
			n, err := strconv.ParseFloat(value, 64)
			if err != nil || math.IsNaN(n) {
				return 0, fmt.Errorf("size of a shard is %q", value)
			}
			total += n
			found = true
		}
	}
	if !found {
		return 0, fmt.Errorf("no size of a shard among its metrics")
	}
	return int64(total), nil
}

// databaseBytes reads the variables of 1.8.
func (s *Series) databaseBytes(ctx context.Context) (int64, error) {
	body, err := s.request(ctx, http.MethodGet, "/debug/vars", nil)
	if err != nil {
		return 0, err
	}
	var variables map[string]json.RawMessage
	if err := json.Unmarshal(body, &variables); err != nil {
		return 0, err
	}
	var total int64
	found := false
	for name, raw := range variables {
		if !strings.HasPrefix(name, "shard:") {
			continue
		}
		var shard struct {
			Tags   struct{ Database, RetentionPolicy string }
			Values struct{ DiskBytes float64 }
		}
		if err := json.Unmarshal(raw, &shard); err != nil {
			return 0, err
		}
		for p := range purposes {
			if shard.Tags.Database == s.layout.database && shard.Tags.RetentionPolicy == s.layout.policy(p) {
				total += int64(shard.Values.DiskBytes)
				found = true
			}
		}
	}
	if !found {
		return 0, fmt.Errorf("no size of a shard among its variables")
	}
	return total, nil
}
