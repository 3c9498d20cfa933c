// Package live pushes what the map and the alert list show to browsers over
// WebSocket: docs/PROTOCOL.md says how.
package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/urbangrid/urbangrid/analytics"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// Subprotocol is the WebSocket subprotocol of the live view.
const Subprotocol = "urbangrid.v1"

// Deps are what a Hub stands on. All are required.
type Deps struct {
	Kinds      []sensors.Kind
	District   []grid.Cell // at grid.Resolution, in any order
	Alerts     AlertFinder
	Log        AlertLog // of events that analytics.EncodeAlert wrote
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	Now        func() time.Time
}

// Options tune a Hub.
type Options struct {
	Server         string                     // what hello says of the server; "" means "urbangrid"
	SameOrigin     func(*http.Request) bool   // decides whether a page may connect; nil compares Origin with Host
	Caller         func(*http.Request) string // for whom a connection counts, "" for nobody; nil means its address, and nobody on this machine
	Heartbeat      time.Duration              // between hb frames; 0 means 5s
	Ping           time.Duration              // between protocol pings; 0 means 15s
	PongWait       time.Duration              // silence after which a connection is given up; 0 means 40s
	WriteWait      time.Duration              // longest one write may take; 0 means 10s
	RetrySpread    time.Duration              // over which browsers come back after a restart; 0 means 10s
	MaxConnections int                        // 0 means 5,000
	MaxPerCaller   int                        // connections of one caller; 0 means 256
	SendBytes      int                        // bytes that the system holds for a connection that reads slowly; 0 means 128 KiB
	MaxOutside     int                        // cells outside the district kept per kind; 0 means 50,000
	AlertEvents    int                        // alert events at hand for slow and returning browsers; 0 means 2,048
	AlertBytes     int                        // bound on their size; 0 means 4 MiB
	AlertPatience  time.Duration              // how long the log may take to answer a returning browser; 0 means 3s
}

func (o Options) withDefaults() Options {
	def(&o.Server, "urbangrid")
	def(&o.Heartbeat, 5*time.Second)
	def(&o.Ping, 15*time.Second)
	def(&o.PongWait, 40*time.Second)
	def(&o.WriteWait, 10*time.Second)
	def(&o.RetrySpread, 10*time.Second)
	def(&o.MaxConnections, 5000)
	def(&o.MaxPerCaller, 256)
	def(&o.SendBytes, 128<<10)
	def(&o.MaxOutside, 50_000)
	def(&o.AlertEvents, 2048)
	def(&o.AlertBytes, 4<<20)
	def(&o.AlertPatience, 3*time.Second)
	if o.Caller == nil {
		o.Caller = callerAddress
	}
	return o
}

func def[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

var _ analytics.Watcher = (*Hub)(nil)

// Hub holds what is shown now and serves the browsers that watch it. It is safe
// for concurrent use.
type Hub struct {
	opts     Options
	now      func() time.Time
	log      *slog.Logger
	epoch    string
	levels   map[sensors.KindKey]*board // of cells and count topics
	heat     map[sensors.KindKey]*board
	excess   map[sensors.KindKey]*board
	district map[string]int // how many cells it has at each resolution, as hello says it
	tables   *tableSet
	feed     *feed
	metrics  *metrics
	upgrader websocket.Upgrader
	newest   atomic.Int64 // epoch milliseconds of the newest observation judged live, 0 before the first

	closing chan struct{} // closed when no connection is accepted any more

	mu      sync.Mutex // guards conns, callers and closed
	conns   map[*conn]struct{}
	callers map[string]int // connections
	closed  bool
	wg      sync.WaitGroup // of conns
}

// New returns a Hub that shows nothing yet. Alerts are served once Run has
// reached the log.
func New(deps Deps, opts Options) (*Hub, error) {
	opts = opts.withDefaults()
	m, err := newMetrics(deps.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register live metrics: %w", err)
	}
	h := &Hub{
		opts:    opts,
		now:     deps.Now,
		log:     deps.Logger.With("component", "live"),
		epoch:   newEpoch(),
		levels:  make(map[sensors.KindKey]*board, len(deps.Kinds)),
		heat:    make(map[sensors.KindKey]*board, len(deps.Kinds)),
		excess:  make(map[sensors.KindKey]*board, len(deps.Kinds)),
		tables:  newTableSet(),
		metrics: m,
		feed: &feed{log: deps.Log, find: deps.Alerts,
			maxEvents: opts.AlertEvents, maxBytes: opts.AlertBytes, metrics: m, now: deps.Now},
		closing: make(chan struct{}),
		conns:   make(map[*conn]struct{}),
		callers: make(map[string]int),
	}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout:  10 * time.Second,
		ReadBufferSize:    1024,
		WriteBufferSize:   4096,
		WriteBufferPool:   &sync.Pool{},
		Subprotocols:      []string{Subprotocol},
		CheckOrigin:       opts.SameOrigin,
		EnableCompression: true,
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			m.refused.WithLabelValues("handshake").Inc()
			http.Error(w, reason.Error(), status)
		},
	}
	bases, err := districtTables(deps.District)
	if err != nil {
		return nil, err
	}
	for _, k := range deps.Kinds {
		h.levels[k.Key] = newBoard(showLevels(k), bases, h.tables, opts.MaxOutside)
		h.heat[k.Key] = newBoard(showHeat, bases, h.tables, opts.MaxOutside)
		h.excess[k.Key] = newBoard(showExcess(k), bases, h.tables, opts.MaxOutside)
	}
	h.district = make(map[string]int, len(bases))
	for _, t := range bases {
		h.district[strconv.Itoa(t.Resolution)] = len(t.Cells)
	}
	return h, nil
}

// districtTables returns the tables of the district, as grid.DisplayResolutions.
func districtTables(district []grid.Cell) ([]*Table, error) {
	bases := make([]*Table, len(grid.DisplayResolutions))
	for i, res := range grid.DisplayResolutions {
		cells := make([]grid.Cell, 0, len(district))
		for _, c := range district {
			p, err := c.Parent(res)
			if err != nil {
				return nil, fmt.Errorf("cells of the district: %w", err)
			}
			cells = append(cells, p)
		}
		slices.Sort(cells)
		bases[i] = newTable(res, slices.Clip(slices.Compact(cells)))
	}
	return bases, nil
}

func newEpoch() string {
	var b [8]byte
	// crypto/rand.Read never returns an error.
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}

// Epoch names this run of the hub: numbers of cells topics belong to it.
func (h *Hub) Epoch() string { return h.epoch }

// CellsChanged takes in one second of changes and wakes those who watch them.
func (h *Hub) CellsChanged(now, newest time.Time, changed []analytics.CellState) {
	if !newest.IsZero() {
		h.newest.Store(newest.UnixMilli())
	}
	h.apply(h.levels, now, groupByKind(changed, func(s *analytics.CellState) (sensors.KindKey, cellChange) {
		return s.Kind, cellChange{s.Cell, s.Rollup}
	}))
}

// HeatChanged takes in where cells stand out now and wakes those who watch it.
func (h *Hub) HeatChanged(now time.Time, changed []analytics.HeatState) {
	h.apply(h.heat, now, groupByKind(changed, func(s *analytics.HeatState) (sensors.KindKey, cellChange) {
		return s.Kind, cellChange{s.Cell, heatRollup(*s)}
	}))
}

// ExcessChanged takes in by how much cells exceed what is usual now and wakes those
// who watch it.
func (h *Hub) ExcessChanged(now time.Time, changed []analytics.ExcessState) {
	h.apply(h.excess, now, groupByKind(changed, func(s *analytics.ExcessState) (sensors.KindKey, cellChange) {
		return s.Kind, cellChange{s.Cell, excessRollup(*s)}
	}))
}

func groupByKind[S any](states []S, change func(*S) (sensors.KindKey, cellChange)) map[sensors.KindKey][]cellChange {
	byKind := make(map[sensors.KindKey][]cellChange)
	for i := range states {
		kind, c := change(&states[i])
		byKind[kind] = append(byKind[kind], c)
	}
	return byKind
}

func (h *Hub) apply(boards map[sensors.KindKey]*board, now time.Time, byKind map[sensors.KindKey][]cellChange) {
	refused := 0
	for kind, changes := range byKind {
		if b := boards[kind]; b != nil {
			refused += b.apply(now, changes)
		} else {
			refused += len(changes)
		}
	}
	h.metrics.errors.WithLabelValues("unusable_cell").Add(float64(refused))
}

// Cells returns the live cells of a kind at one of grid.DisplayResolutions in
// ascending order, false when there is no such kind or resolution.
func (h *Hub) Cells(kind sensors.KindKey, resolution int) ([]CellNow, bool) {
	return cellsOf(h.levels, kind, resolution)
}

// Heat returns where cells of a kind stand out, as Cells does: Min and Max of a
// roll-up are scores, Sum is how many of its cells are significant.
func (h *Hub) Heat(kind sensors.KindKey, resolution int) ([]CellNow, bool) {
	return cellsOf(h.heat, kind, resolution)
}

// Excess returns by how much cells of a kind exceed what is usual, as Cells does:
// Sum, Min and Max of a roll-up are of the excess of its cells, Count is how many
// they are.
func (h *Hub) Excess(kind sensors.KindKey, resolution int) ([]CellNow, bool) {
	return cellsOf(h.excess, kind, resolution)
}

func cellsOf(boards map[sensors.KindKey]*board, kind sensors.KindKey, resolution int) ([]CellNow, bool) {
	b := boards[kind]
	i := slices.Index(grid.DisplayResolutions[:], resolution)
	if b == nil || i < 0 {
		return nil, false
	}
	return b.now(i), true
}

// Table returns the cell table of that hash, if a browser may still need it.
func (h *Hub) Table(hash string) (*Table, bool) { return h.tables.find(hash) }

// Run follows the alert log until ctx ends. Then it says goodbye to every
// browser, takes no new ones and returns when all connections have ended.
func (h *Hub) Run(ctx context.Context) error {
	h.feed.run(ctx, h.wakeAll)
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.closing)
	}
	h.mu.Unlock()
	h.wg.Wait()
	if err := ctx.Err(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (h *Hub) wakeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.conns {
		c.wakeUp()
	}
}
