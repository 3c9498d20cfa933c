// Package saved keeps reports that were made on a schedule in a folder, so that
// people find them in the morning and after a restart. How many are kept is
// bounded.
package saved

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urbangrid/urbangrid/analytics/report"
	"github.com/urbangrid/urbangrid/grid"
	"github.com/urbangrid/urbangrid/sensors"
)

// ErrNotFound says that no such report is kept, or no longer.
var ErrNotFound = errors.New("no such saved report")

// Item is one saved report, or one book of several.
type Item struct {
	ID          string          `json:"id" example:"nightly-20261122T1830Z-emerging-smoke"`
	Schedule    string          `json:"schedule" doc:"What it was made by" example:"nightly"`
	DueAt       time.Time       `json:"due_at" doc:"When it was to be made; a missed one is made later"`
	Title       sensors.Names   `json:"title"`
	Report      report.Name     `json:"report,omitempty" doc:"Left out for a book of several reports" example:"emerging"`
	Kind        sensors.KindKey `json:"kind,omitempty" doc:"Left out where it is of several kinds" example:"smoke"`
	From        time.Time       `json:"from" doc:"Start of the period, included"`
	To          time.Time       `json:"to" doc:"End of the period, not included"`
	GeneratedAt time.Time       `json:"generated_at"`
	Results     int             `json:"results" doc:"How many reports it has" example:"1"`
	Bytes       int64           `json:"bytes" doc:"Size as it is kept, compressed"`
}

// Run says how a schedule stands.
type Run struct {
	DueAt    time.Time `json:"due_at"`
	Attempts int       `json:"attempts"`
	Done     bool      `json:"done"`
}

// Options bound what is kept.
type Options struct {
	// Runs is how many runs of each schedule are kept, the newest; of a schedule
	// that is not there 100.
	Runs map[string]int
	// MaxBytes bounds the reports altogether, as they are kept: the oldest make
	// room. 0 means 1 GiB.
	MaxBytes int64
}

const otherRuns = 100

// Library is the folder. It is safe for concurrent use; one Library at a time may
// write to a folder.
type Library struct {
	dir   string
	areas []grid.Area
	opts  Options

	mu    sync.Mutex // guards what follows, and the index in the folder
	items []Item     // newest first
	runs  map[string]Run
}

// Open makes the folder if need be and reads what it has. What an interrupted Save
// left behind is removed. areas give saved reports the shapes of areas.
func Open(dir string, areas []grid.Area, opts Options) (*Library, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 1 << 30
	}
	l := &Library{dir: dir, areas: areas, opts: opts, runs: map[string]Run{}}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("folder of saved reports: %w", err)
	}
	if err := l.readIndex(); err != nil {
		return nil, fmt.Errorf("saved reports in %s: %w", dir, err)
	}
	if err := l.tidy(); err != nil {
		return nil, fmt.Errorf("saved reports in %s: %w", dir, err)
	}
	return l, nil
}

// tidy removes files that the index does not name, and forgets what has no file.
func (l *Library) tidy() error {
	names, err := os.ReadDir(l.dir)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, n := range names {
		there[n.Name()] = true
	}
	l.items = slices.DeleteFunc(l.items, func(i Item) bool { return !there[fileName(i.ID)] })
	known := map[string]bool{}
	for _, i := range l.items {
		known[fileName(i.ID)] = true
	}
	for name := range there {
		if name != indexName && (strings.HasSuffix(name, fileEnd) && !known[name] || strings.HasSuffix(name, partEnd)) {
			if err := os.Remove(filepath.Join(l.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// idPattern is what an ID is made of: it is a part of a file's name.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,150}$`)

// Save keeps results under the ID of the item, in the place of what had it. The
// time of generation, the size and the number of results are filled in. What is
// beyond the bounds is removed. A nil error means that it is on disk.
func (l *Library) Save(item Item, results []*report.Result) error {
	if !idPattern.MatchString(item.ID) || len(results) == 0 {
		return fmt.Errorf("save report %q: an identity and a result are needed", item.ID)
	}
	item.Results = len(results)
	for _, r := range results {
		if r.GeneratedAt.After(item.GeneratedAt) {
			item.GeneratedAt = r.GeneratedAt
		}
	}
	size, err := l.write(item.ID, results)
	if err != nil {
		return fmt.Errorf("save report %s: %w", item.ID, err)
	}
	item.Bytes = size
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = slices.DeleteFunc(l.items, func(i Item) bool { return i.ID == item.ID })
	l.items = append(l.items, item)
	slices.SortFunc(l.items, func(a, b Item) int { return cmp.Or(b.DueAt.Compare(a.DueAt), cmp.Compare(a.ID, b.ID)) })
	dropped := l.trim()
	if err := l.writeIndex(); err != nil {
		return fmt.Errorf("save report %s: %w", item.ID, err)
	}
	for _, id := range dropped {
		if err := os.Remove(filepath.Join(l.dir, fileName(id))); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove saved report %s: %w", id, err)
		}
	}
	return nil
}

// trim takes what is beyond the bounds off the list and returns its IDs. The caller
// holds mu.
func (l *Library) trim() (dropped []string) {
	seen := map[string][]time.Time{} // the runs of each schedule, newest first
	var bytes int64
	l.items = slices.DeleteFunc(l.items, func(i Item) bool {
		most, ok := l.opts.Runs[i.Schedule]
		if !ok {
			most = otherRuns
		}
		runs := seen[i.Schedule]
		if len(runs) == 0 || !runs[len(runs)-1].Equal(i.DueAt) {
			runs = append(runs, i.DueAt)
			seen[i.Schedule] = runs
		}
		bytes += i.Bytes
		gone := len(runs) > most || bytes > l.opts.MaxBytes
		if gone {
			dropped = append(dropped, i.ID)
		}
		return gone
	})
	return dropped
}

// Query narrows a list. Zero fields do not.
type Query struct {
	Schedule string
	Report   report.Name
	Kind     sensors.KindKey
	Limit    int // 0 means all
}

// List returns what is kept, the newest run first.
func (l *Library) List(q Query) []Item {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []Item{}
	for _, i := range l.items {
		if (q.Schedule == "" || i.Schedule == q.Schedule) && (q.Report == "" || i.Report == q.Report) && (q.Kind == "" || i.Kind == q.Kind) {
			out = append(out, i)
		}
		if q.Limit > 0 && len(out) == q.Limit {
			break
		}
	}
	return out
}

// Load reads what is kept under an ID. Errors: ErrNotFound.
func (l *Library) Load(id string) (Item, []*report.Result, error) {
	item, ok := l.find(id)
	if !ok {
		return Item{}, nil, ErrNotFound
	}
	results, err := l.read(id)
	if errors.Is(err, os.ErrNotExist) {
		return Item{}, nil, ErrNotFound // it made room meanwhile
	}
	if err != nil {
		return Item{}, nil, fmt.Errorf("saved report %s: %w", id, err)
	}
	return item, results, nil
}

func (l *Library) find(id string) (Item, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.items, func(i Item) bool { return i.ID == id })
	if i < 0 {
		return Item{}, false
	}
	return l.items[i], true
}

// Run returns how a schedule stands, false when it never ran.
func (l *Library) Run(schedule string) (Run, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r, ok := l.runs[schedule]
	return r, ok
}

// SetRun keeps how a schedule stands.
func (l *Library) SetRun(schedule string, r Run) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs[schedule] = r
	if err := l.writeIndex(); err != nil {
		return fmt.Errorf("keep how the schedule %s stands: %w", schedule, err)
	}
	return nil
}
