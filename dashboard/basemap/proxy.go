package basemap

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"
)

const (
	maxTileBytes = 2 << 20
	fetchWait    = 10 * time.Second
	// fetchesAtOnce bounds what the service is asked at once. Who comes beyond
	// waits, up to fetchWait, and is then told to come again.
	fetchesAtOnce = 8
	// fresh is how long a kept tile is given without asking again; an older one is
	// given when the service does not answer.
	fresh = 30 * 24 * time.Hour
)

// errBusy says that the service is asked too much at the moment.
var errBusy = errors.New("too many tiles are being fetched")

type tileKey struct{ z, x, y int }

func (k tileKey) String() string { return fmt.Sprintf("%d/%d/%d", k.z, k.x, k.y) }

type tile struct {
	contentType string
	body        []byte
}

// proxy fetches tiles, each once however many ask for it.
type proxy struct {
	tiles   Tiles
	client  *http.Client
	cache   *cache // nil keeps none
	slots   chan struct{}
	flights singleflight.Group
	served  *prometheus.CounterVec // by outcome
	log     *slog.Logger
}

// Outcomes of a tile.
const (
	fromCache = "cache"
	fetched   = "fetched"
	stale     = "stale"
	absent    = "absent"
	failed    = "failed"
)

func newProxy(t Tiles, opts Options) (*proxy, error) {
	p := &proxy{tiles: t, client: opts.Client, slots: make(chan struct{}, fetchesAtOnce), log: opts.Logger}
	if p.log == nil {
		p.log = slog.New(slog.DiscardHandler)
	}
	if p.client == nil {
		p.client = &http.Client{Timeout: fetchWait, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	p.served = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_basemap_tiles_total", Help: "Tiles of the basemap that were asked for, by what they were answered with.",
	}, []string{"outcome"})
	for _, o := range []string{fromCache, fetched, stale, absent, failed} {
		p.served.WithLabelValues(o)
	}
	if opts.Registerer != nil {
		if err := opts.Registerer.Register(p.served); err != nil {
			return nil, err
		}
	}
	if opts.Cache == "" {
		return p, nil
	}
	var err error
	p.cache, err = openCache(opts.Cache, t.identity(), opts.CacheBytes, opts.Now)
	return p, err
}

// identity names a service by its address and datum, without the key: tiles of
// another one must not be shown in its place.
func (t Tiles) identity() string {
	sum := sha256.Sum256([]byte(t.URL + "\n" + t.Datum.String()))
	return hex.EncodeToString(sum[:8])
}

func (p *proxy) serve(w http.ResponseWriter, r *http.Request, k tileKey) {
	t, outcome, err := p.get(r.Context(), k)
	p.served.WithLabelValues(outcome).Inc()
	switch {
	case err == nil && outcome == absent:
		w.Header().Set("Cache-Control", "private, max-age=3600")
		http.NotFound(w, r)
	case err == nil:
		w.Header().Set("Content-Type", t.contentType)
		w.Header().Set("Cache-Control", "private, max-age=86400")
		// A client that has gone is no error of ours.
		_, _ = w.Write(t.body)
	case errors.Is(err, errBusy):
		w.Header().Set("Retry-After", "2")
		http.Error(w, "the map service is asked too much at the moment", http.StatusServiceUnavailable)
	default:
		http.Error(w, "the map service did not give this tile", http.StatusBadGateway)
	}
}

// get returns a tile from the cache while it is fresh, else from the service,
// else from the cache however old.
func (p *proxy) get(ctx context.Context, k tileKey) (t tile, outcome string, err error) {
	var old *tile
	if p.cache != nil {
		kept, age, ok := p.cache.get(k)
		if ok && age < fresh {
			return kept, fromCache, nil
		}
		if ok {
			old = &kept
		}
	}
	type result struct {
		tile
		found bool
	}
	// One who goes must not take the tile from those who wait for the same one.
	shared := context.WithoutCancel(ctx)
	got, err, _ := p.flights.Do(k.String(), func() (any, error) {
		// Another flight may have ended since this caller looked.
		if p.cache != nil {
			if kept, age, ok := p.cache.get(k); ok && age < fresh {
				return result{kept, true}, nil
			}
		}
		t, found, err := p.fetch(shared, k)
		if err == nil && found && p.cache != nil {
			if err := p.cache.put(k, t); err != nil {
				p.log.Warn("a tile of the basemap was not kept", "error", err)
			}
		}
		return result{t, found}, err
	})
	switch {
	case err != nil && old != nil:
		return *old, stale, nil
	case err != nil:
		p.log.Warn("a tile of the basemap could not be fetched", "tile", k.String(), "error", err)
		return tile{}, failed, err
	}
	if r := got.(result); r.found {
		return r.tile, fetched, nil
	}
	return tile{}, absent, nil
}

// fetch asks the service. found is false when it has no such tile.
func (p *proxy) fetch(ctx context.Context, k tileKey) (t tile, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return t, false, errBusy
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.tiles.address(k.z, k.x, k.y), nil)
	if err != nil {
		return t, false, p.withoutKey(err)
	}
	req.Header.Set("User-Agent", "UrbanGrid")
	resp, err := p.client.Do(req)
	if err != nil {
		return t, false, p.withoutKey(err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	switch {
	case resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusNoContent:
		return t, false, nil
	case resp.StatusCode != http.StatusOK:
		return t, false, fmt.Errorf("the service answered %s", resp.Status)
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "image/") || kind == "image/svg+xml" {
		return t, false, fmt.Errorf("the service answered with %q, not with a picture", resp.Header.Get("Content-Type"))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxTileBytes+1))
	if err != nil {
		return t, false, p.withoutKey(err)
	}
	if len(body) > maxTileBytes {
		return t, false, fmt.Errorf("the tile has more than %d bytes", maxTileBytes)
	}
	return tile{contentType: kind, body: body}, true, nil
}

// withoutKey takes the address, and so the key, out of an error.
func (p *proxy) withoutKey(err error) error {
	var u interface{ Unwrap() error }
	if errors.As(err, &u) && u.Unwrap() != nil {
		err = u.Unwrap()
	}
	if p.tiles.Key != "" && strings.Contains(err.Error(), p.tiles.Key) {
		return errors.New("the service cannot be asked")
	}
	return err
}
