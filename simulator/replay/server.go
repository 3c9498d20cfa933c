package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/sensors"
)

// reasonNoPosition is the quarantine's name for observations without a place.
const reasonNoPosition = "no_position"

// pollEvery is how often a server that has not caught up is asked again.
const pollEvery = 300 * time.Millisecond

// Server asks an UrbanGrid server what it has taken in.
type Server struct {
	base   string
	client *http.Client
}

// NewServer returns a Server at base, e.g. http://127.0.0.1:8080.
func NewServer(base string, client *http.Client) *Server {
	return &Server{base: strings.TrimSuffix(base, "/"), client: client}
}

// Seen is what a server says about the time range of a file.
type Seen struct {
	Kinds      map[sensors.KindKey]int64 // in the series store
	NoPosition int64                     // in the quarantine, from all sources since it began
}

// Total returns the sum of Kinds.
func (s Seen) Total() int64 {
	var n int64
	for _, v := range s.Kinds {
		n += v
	}
	return n
}

// NoPosition returns how many observations without a position the quarantine
// has counted, from all sources.
func (s *Server) NoPosition(ctx context.Context) (int64, error) {
	var answer struct {
		Counts map[string]int64 `json:"counts"`
	}
	if err := s.get(ctx, "/api/v1/quarantine", &answer); err != nil {
		return 0, err
	}
	return answer.Counts[reasonNoPosition], nil
}

// Await asks until the server holds what t says was published, and returns what
// it has seen. quarantined is NoPosition from before the replay. When ctx ends
// first it returns what it saw last and the context's error.
func (s *Server) Await(ctx context.Context, t Tally, quarantined int64) (Seen, error) {
	ticks := time.NewTicker(pollEvery)
	defer ticks.Stop()
	var last Seen
	for {
		seen, err := s.look(ctx, t)
		if err != nil {
			if ctx.Err() != nil {
				return last, ctx.Err()
			}
			return last, err
		}
		last = seen
		if seen.covers(t, quarantined) {
			return seen, nil
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
}

func (s Seen) covers(t Tally, quarantined int64) bool {
	for kind, n := range t.Placed {
		if s.Kinds[kind] < n {
			return false
		}
	}
	return s.NoPosition >= quarantined+t.NoPosition
}

func (s *Server) look(ctx context.Context, t Tally) (Seen, error) {
	var seen Seen
	if !t.First.IsZero() {
		query := url.Values{
			"from": {t.First.Format(time.RFC3339Nano)},
			"to":   {t.Last.Add(time.Microsecond).Format(time.RFC3339Nano)},
		}
		var answer struct {
			Counts map[sensors.KindKey]int64 `json:"counts"`
		}
		if err := s.get(ctx, "/api/v1/counts?"+query.Encode(), &answer); err != nil {
			return seen, err
		}
		seen.Kinds = answer.Counts
	}
	var err error
	seen.NoPosition, err = s.NoPosition(ctx)
	return seen, err
}

func (s *Server) get(ctx context.Context, path string, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		return fmt.Errorf("ask server: %w", err)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("ask server: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ask server: GET %s%s answers %s", s.base, path, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(answer); err != nil {
		return fmt.Errorf("ask server: GET %s%s: %w", s.base, path, err)
	}
	return nil
}
