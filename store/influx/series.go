// Package influx keeps series in InfluxDB: 2.x, or 1.8 with Flux switched on.
//
// Everything is written so that writing it again changes nothing. An
// observation is the point of its measurement, tags and time. A roll-up row is
// an absolute value, not an increment, and says for each journal up to which
// entry it has counted, so that entries that are offered again are skipped row
// by row, whatever part of an earlier Write had arrived. The journal position
// is saved last.
//
// What is in the server, for those who look at it with other tools:
//
//	<bucket>_raw      observation: tags kind, device, cell, area; one point for
//	                  each observation
//	                  rollup_10s
//	<bucket>_minutes  rollup_1m
//	<bucket>_hours    rollup_1h
//	                  position: tag journal; field seq, of which the greatest counts
//	<bucket>_days     rollup_1d, and rollup_1d_area without the tag cell
//	                  calendar: tag zone; field from, the first day that is complete
//
// Roll-ups have the tags kind, cell, area, the window's start as time, and the
// fields count, sum, min, max, last, last_at and seq_<journal>. The server
// deletes what is older than each bucket keeps. In 1.8 the bucket is a database
// and the four are its retention policies raw, minutes, hours and days. They are
// created when they are missing. Days of a server that was in use without them
// are made from its hours, some with each Write, the newest first.
//
// Tag values and the text fields id and attrs are escaped with percent signs
// (see encodeTag), because line protocol cannot carry every text.
//
// What is older than the raw bucket keeps is rejected (Options.OnRejected) and
// counted nowhere; to keep replays of older files, let it keep them as long. What
// is older than ingest remembers is looked up among the points first, so that it
// counts once however often it comes.
package influx

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/store"
)

// Options tunes a Series. The zero Options works.
type Options struct {
	Token       string        // API token of 2.x, "user:password" for 1.8; "" when the server asks for none
	Timeout     time.Duration // of each request; 0 means 20s
	MaxLines    int           // points a write request; 0 means 5,000
	MaxRows     int           // roll-up rows that are kept in memory; 0 means 300,000
	Plain       bool          // do not gzip write requests
	Transport   http.RoundTripper
	Logger      *slog.Logger // nil means none
	Application string       // how the program names itself to the server; "" means urbangrid

	// Calendar is that of the roll-ups of days; the zero Calendar means that of
	// China. A server whose days are those of another zone is an error.
	Calendar grid.Calendar
	// Retention is for how long buckets that are created keep their points. Those
	// that exist are left as they are, and what they keep holds.
	Retention store.Retention
	// HistoryAfter is the age at which an observation that comes is looked up
	// among those that are held. It must be shorter than what ingest remembers, by
	// the five minutes that a clock may be ahead; 0 means 12h.
	HistoryAfter time.Duration
	// OnRejected is told of observations that the server does not keep and never
	// will, and why (one of store.RejectReasons), before the position that covers
	// them is saved. It is called by Write; nil means nobody asks.
	OnRejected store.Rejected
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 20 * time.Second
	}
	if o.MaxLines == 0 {
		o.MaxLines = 5_000
	}
	if o.MaxRows == 0 {
		o.MaxRows = 300_000
	}
	if o.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 16
		o.Transport = transport
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.HistoryAfter == 0 {
		o.HistoryAfter = store.DefaultHistoryAfter
	}
	if o.OnRejected == nil {
		o.OnRejected = func([]grid.Placed, string) {}
	}
	if o.Calendar == (grid.Calendar{}) {
		o.Calendar = grid.China()
	}
	o.Retention = o.Retention.WithDefaults()
	if o.Application == "" {
		o.Application = "urbangrid"
	}
	return o
}

// Series is a store.Series in a bucket. It is safe for concurrent use, but one
// process alone may write to a bucket: it keeps the roll-up rows it works on.
type Series struct {
	opts    Options
	log     *slog.Logger
	server  string
	layout  layout
	http    *http.Client
	client  influxdb2.Client
	writes  [purposes]api.WriteAPIBlocking
	buckets buckets
	days    days

	mu        sync.Mutex        // one Write at a time; guards what follows
	positions map[string]uint64 // what is known to be saved, by journal
	rows      *rows
}

var _ store.Series = (*Series)(nil)

// openTimeout bounds how long Open waits for a server that does not answer.
const openTimeout = 5 * time.Second

// Open returns a Series in the buckets that are named after that of address, such
// as influx+http://host:8086?org=putuo&bucket=urbangrid, and creates those that
// are missing. An address without org is one of 1.8, and its bucket a database.
// The server need not be there yet: until it is, calls end in ErrUnavailable. A
// token that may not do what is needed is an error that says what to put in order.
func Open(ctx context.Context, address string, opts Options) (*Series, error) {
	opts = opts.withDefaults()
	server, org, bucket, err := parseAddress(address)
	if err != nil {
		return nil, fmt.Errorf("open series: %w", err)
	}
	s := &Series{
		opts:      opts,
		log:       opts.Logger.With("component", "influx"),
		server:    strings.TrimSuffix(server, "/"),
		layout:    newLayout(org, bucket),
		http:      &http.Client{Transport: opts.Transport, Timeout: opts.Timeout},
		positions: make(map[string]uint64),
		rows:      newRows(),
	}
	s.client = influxdb2.NewClientWithOptions(server, opts.Token, influxdb2.DefaultOptions().
		SetHTTPClient(s.http).
		SetPrecision(time.Nanosecond).
		SetUseGZip(!opts.Plain).
		SetApplicationName(opts.Application).
		SetLogLevel(0))
	for p := range purposes {
		s.writes[p] = s.client.WriteAPIBlocking(org, s.layout.names[p])
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if _, err = s.ensure(ctx); err == nil {
		_, err = s.daysFrom(ctx)
	}
	if setup := (*setupError)(nil); errors.As(err, &setup) {
		s.client.Close()
		return nil, fmt.Errorf("open series: %w", err)
	}
	if err != nil {
		s.log.Warn("series store is away", "server", s.server, "error", err)
	}
	return s, nil
}

func parseAddress(address string) (server, org, bucket string, err error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", "", "", fmt.Errorf("address of InfluxDB: %w", err)
	}
	scheme, ok := strings.CutPrefix(u.Scheme, "influx+")
	if !ok || scheme != "http" && scheme != "https" || u.Host == "" {
		return "", "", "", errors.New("address of InfluxDB: want influx+http://host:port?org=…&bucket=… or influx+https")
	}
	if u.User != nil {
		return "", "", "", errors.New("address of InfluxDB: it must not hold a user or password, give a token apart from it")
	}
	q := u.Query()
	org, bucket = q.Get("org"), q.Get("bucket")
	if bucket == "" {
		return "", "", "", errors.New("address of InfluxDB: bucket is missing")
	}
	for key := range q {
		if key != "org" && key != "bucket" {
			return "", "", "", fmt.Errorf("address of InfluxDB: %q is none of org, bucket", key)
		}
	}
	return (&url.URL{Scheme: scheme, Host: u.Host, Path: u.Path}).String(), org, bucket, nil
}

// Ping implements store.Series. It asks the bucket, so that a wrong token or a
// missing bucket is found too.
func (s *Series) Ping(ctx context.Context) error {
	now := time.Now()
	flux := s.from(forHours, now.Add(-time.Second), now) + ` |> filter(fn: (r) => r._measurement == "position")`
	if err := s.query(ctx, flux, func(record) error { return nil }); err != nil {
		return fmt.Errorf("ping series: %w", err)
	}
	return nil
}

// Close implements store.Series. It waits for a Write that runs.
func (s *Series) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.client.Close()
	return nil
}

// unavailable adds store.ErrUnavailable to err when the same request may pass
// later: all but what the server finds wrong with the request itself. A missing
// bucket or right is put in order at the server, without a restart here.
func unavailable(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	var failure *influxhttp.Error
	if errors.As(err, &failure) {
		switch failure.StatusCode {
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
			return err
		}
		if after := retryAfter(failure); after > 0 {
			return &store.Away{After: after, Err: err}
		}
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

// retryAfter returns the pause that the server asks for, 0 when it does not.
func retryAfter(failure *influxhttp.Error) time.Duration {
	text := failure.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
