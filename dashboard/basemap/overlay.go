package basemap

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/urbangrid/urbangrid/sensors"
)

// Bounds of overlays. What is beyond them is refused and said so.
const (
	MaxOverlays         = 32
	MaxOverlayBytes     = 20 << 20
	MaxOverlayPositions = 200_000
)

// settles is how old a file that cannot be read has to be before that is told:
// a younger one may still be on its way into the folder.
const settles = 2 * time.Second

// Overlay is a GeoJSON file of the folder, drawn over tiles and below the cells.
type Overlay struct {
	Name     string // of the file, with .geojson or .json
	Bytes    int64  // of the file
	Modified time.Time
	Title    sensors.Names // what people call it
	// Fault says why it is not drawn, nil when it is. With a fault all that follows
	// is zero.
	Fault       *OverlayFault
	Attribution string        // who made it, plain text; "" when the file does not say
	Datum       sensors.Datum // of the coordinates in the file; what is served is WGS-84
	Box         Box
	Features    int // that are drawn
	LeftOut     int // without a geometry that could be drawn
	Positions   int
	ETag        string // changes with what is served, and only then; without quotes
}

// Box is the extent of an overlay in degrees WGS-84.
type Box struct{ West, South, East, North float64 }

// Reason tells why an overlay is not drawn; people are told in their language.
type Reason string

// The reasons.
const (
	Unreadable   Reason = "unreadable"   // the file cannot be opened
	TooLarge     Reason = "too_large"    // more than MaxOverlayBytes or MaxOverlayPositions
	TooMany      Reason = "too_many"     // beyond the first MaxOverlays files
	NotUTF8      Reason = "not_utf8"     // text in another encoding, as GBK
	NotGeoJSON   Reason = "not_geojson"  // no JSON, or not of that form
	UnknownDatum Reason = "datum"        // it names a datum that is none, or two of them
	UnknownCRS   Reason = "crs"          // coordinates of another system, as a projected one
	OutOfRange   Reason = "out_of_range" // a position that is not longitude and latitude
	Empty        Reason = "empty"        // nothing to draw
)

// drawn is the outcome of an overlay without a fault.
const drawn = "drawn"

var reasons = []Reason{Unreadable, TooLarge, TooMany, NotUTF8, NotGeoJSON, UnknownDatum, UnknownCRS, OutOfRange, Empty}

// OverlayFault is why an overlay is not drawn.
type OverlayFault struct {
	Reason Reason
	Detail string // where and what, for who made the file
}

var _ error = (*OverlayFault)(nil)

// Error implements error.
func (f *OverlayFault) Error() string { return f.Detail }

func fault(r Reason, format string, args ...any) *OverlayFault {
	return &OverlayFault{Reason: r, Detail: fmt.Sprintf(format, args...)}
}

// readOverlay is an overlay with what is served of it.
type readOverlay struct {
	Overlay
	gzipped []byte // GeoJSON in WGS-84; nil with a fault
}

// overlays reads the GeoJSON files of a folder, each version of a file once.
type overlays struct {
	folder string
	now    func() time.Time
	log    *slog.Logger
	read   *prometheus.CounterVec // by outcome
	scans  singleflight.Group

	mu    sync.Mutex
	known map[string]*readOverlay // by name, as the last scan left them
}

func newOverlays(opts Options) (*overlays, error) {
	o := &overlays{folder: opts.Folder, now: opts.Now, log: opts.Logger}
	if o.log == nil {
		o.log = slog.New(slog.DiscardHandler)
	}
	o.log = o.log.With("component", "basemap")
	if o.now == nil {
		o.now = time.Now
	}
	o.read = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "urbangrid_basemap_overlays_read_total",
		Help: "Versions of GeoJSON files of the basemap that were read, by what came of it: drawn, or why not.",
	}, []string{"outcome"})
	o.read.WithLabelValues(drawn)
	for _, r := range reasons {
		o.read.WithLabelValues(string(r))
	}
	if opts.Registerer == nil {
		return o, nil
	}
	return o, opts.Registerer.Register(o.read)
}

// Overlays returns the GeoJSON files of the folder in the order of their names,
// which is that of drawing. It reads those that are new or have changed, which
// takes up to a second for one of MaxOverlayBytes, once however many ask.
func (b *Basemap) Overlays() ([]Overlay, error) {
	read, err := b.overlays.scan()
	list := make([]Overlay, len(read))
	for i, o := range read {
		list[i] = o.Overlay
	}
	return list, err
}

func (o *overlays) scan() ([]*readOverlay, error) {
	list, err, _ := o.scans.Do("", func() (any, error) { return o.look() })
	if err != nil {
		return nil, err
	}
	return list.([]*readOverlay), nil
}

// look brings what is known up to what is in the folder.
func (o *overlays) look() ([]*readOverlay, error) {
	infos, err := overlayFiles(o.folder)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	before := o.known
	o.mu.Unlock()
	after := make(map[string]*readOverlay, len(infos))
	list := []*readOverlay{}
	for i, info := range infos {
		was := before[info.Name()]
		var is *readOverlay
		switch {
		case i >= MaxOverlays:
			is = o.refused(was, info)
		case was != nil && was.isOf(info) && (was.Fault == nil || was.Fault.Reason != TooMany):
			is = was
		default:
			is = o.readAnew(was, info)
		}
		if is != nil {
			after[info.Name()] = is
			list = append(list, is)
		}
	}
	o.mu.Lock()
	o.known = after
	o.mu.Unlock()
	return list, nil
}

func (r *readOverlay) isOf(info fs.FileInfo) bool {
	return r.Bytes == info.Size() && r.Modified.Equal(info.ModTime())
}

func unread(info fs.FileInfo) *readOverlay {
	name := info.Name()
	return &readOverlay{Overlay: Overlay{Name: name, Bytes: info.Size(), Modified: info.ModTime(), Title: sensors.Names{ZH: name, EN: name}}}
}

// readAnew reads a new version of a file. A fault of a file that was written a
// moment ago waits: what was known before stands in, nil for nothing.
func (o *overlays) readAnew(was *readOverlay, info fs.FileInfo) *readOverlay {
	is := unread(info)
	err := is.fill(o.folder)
	if err == nil {
		o.read.WithLabelValues(drawn).Inc()
		o.log.Info("basemap file read", "file", is.Name, "features", is.Features, "positions", is.Positions,
			"left_out", is.LeftOut, "datum", is.Datum.String())
		return is
	}
	if age := o.now().Sub(info.ModTime()); age >= 0 && age < settles {
		return was
	}
	is.Fault = asFault(err)
	o.tell(is)
	return is
}

// refused returns the overlay of a file beyond MaxOverlays.
func (o *overlays) refused(was *readOverlay, info fs.FileInfo) *readOverlay {
	if was != nil && was.Fault != nil && was.Fault.Reason == TooMany {
		return was
	}
	is := unread(info)
	is.Fault = fault(TooMany, "there are more than %d GeoJSON files, and this one comes later in the order of names", MaxOverlays)
	o.tell(is)
	return is
}

func (o *overlays) tell(is *readOverlay) {
	o.read.WithLabelValues(string(is.Fault.Reason)).Inc()
	o.log.Warn("a file of the basemap is not drawn", "file", is.Name, "reason", string(is.Fault.Reason), "error", is.Fault.Detail)
}

func asFault(err error) *OverlayFault {
	var f *OverlayFault
	if errors.As(err, &f) {
		return f
	}
	return fault(Unreadable, "%v", err)
}

// fill reads the file and what it draws.
func (r *readOverlay) fill(folder string) error {
	if r.Bytes > MaxOverlayBytes {
		return fault(TooLarge, "the file has %d bytes, more than %d", r.Bytes, MaxOverlayBytes)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // it was only read
	f, err := root.Open(r.Name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, MaxOverlayBytes+1))
	if err != nil {
		return err
	}
	if len(text) > MaxOverlayBytes {
		return fault(TooLarge, "the file has more than %d bytes", MaxOverlayBytes)
	}
	d, err := readDrawing(r.Name, text)
	if err != nil {
		return err
	}
	r.Title, r.Attribution, r.Datum = d.title, d.attribution, d.datum
	r.Box, r.Features, r.LeftOut, r.Positions = d.box, d.drawn, d.leftOut, d.positions
	r.gzipped, r.ETag, err = d.encode()
	return err
}

// overlayFiles lists the GeoJSON files of a folder, which need not exist.
func overlayFiles(folder string) ([]fs.FileInfo, error) {
	if folder == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("basemap folder: %w", err)
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !isOverlayName(e.Name()) {
			continue // it is no overlay, or went away meanwhile
		}
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return cmp.Compare(a.Name(), b.Name()) })
	return infos, nil
}

// isOverlayName leaves hidden files out: some systems put one beside each file.
func isOverlayName(name string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	return (ext == ".geojson" || ext == ".json") && !strings.HasPrefix(name, ".")
}

// serve answers with an overlay as GeoJSON in WGS-84.
func (o *overlays) serve(w http.ResponseWriter, r *http.Request, name string) {
	list, err := o.scan()
	if err != nil {
		http.Error(w, "the basemap folder cannot be read", http.StatusInternalServerError)
		return
	}
	at := slices.IndexFunc(list, func(is *readOverlay) bool { return is.Name == name && is.Fault == nil })
	if at < 0 {
		http.NotFound(w, r)
		return
	}
	is := list[at]
	h := w.Header()
	h.Set("Content-Type", "application/geo+json")
	h.Set("Cache-Control", "no-cache")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", `W/"`+is.ETag+`"`)
	body := is.gzipped
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
	} else if body, err = unzipped(body); err != nil {
		http.Error(w, "the file was not kept whole", http.StatusInternalServerError)
		return
	}
	http.ServeContent(w, r, name, is.Modified, bytes.NewReader(body))
}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, quality, weighed := strings.Cut(strings.TrimSpace(part), ";q=")
		if coding != "gzip" {
			continue
		}
		q, err := strconv.ParseFloat(quality, 64)
		return !weighed || err == nil && q > 0
	}
	return false
}

func unzipped(gzipped []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}
