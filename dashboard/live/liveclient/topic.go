package liveclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// topic is what is known of one topic.
type topic struct {
	name    string
	id      int64
	turn    int
	since   *Since // nil: nothing is known
	misfits int    // since the last frame that fitted
	table   []string
	alerts  map[string]told // by id; nil for a cells topic
	closed  []string        // alerts, as they were closed
}

// told is up to where an alert was told.
type told struct {
	revision, handling int64
	closed             bool
}

// closedKept is how many closed alerts are remembered so that none is told twice.
const closedKept = 4096

func newTopic(name string) *topic {
	t := &topic{name: name}
	if name == "alerts" {
		t.alerts = make(map[string]told)
	}
	return t
}

// ask subscribes, from where the topic is known to.
func (t *topic) ask(c *Client) error {
	t.turn++
	t.id = TopicID(t.name, t.turn)
	return c.Resume(t.id, t.name, t.since)
}

// askAgain gives the subscription up, whose frames do not fit, and subscribes anew:
// the second time without what is known.
func (t *topic) askAgain(c *Client) error {
	if err := c.Unsubscribe(t.id); err != nil {
		return err
	}
	if t.misfits++; t.misfits > 1 {
		t.since = nil
	}
	return t.ask(c)
}

func (f *follower) takeSnapshot(ctx context.Context, t *topic, frame Frame) error {
	table, err := f.tableOf(ctx, frame.Table)
	if err != nil {
		t.since = nil // the next connection begins anew
		return err
	}
	t.table = table
	return f.tellCells(t, frame, true)
}

func (f *follower) tellCells(t *topic, frame Frame, whole bool) error {
	cells, err := cellsOf(frame, t.table)
	if err != nil {
		return err
	}
	epoch := frame.Epoch // deltas do not name it
	if !whole {
		epoch = t.since.Epoch
	}
	t.since, t.misfits = &Since{Epoch: epoch, Seq: frame.Seq}, 0
	return f.tell(Update{Topic: t.name, At: frame.At(), Whole: whole, Cells: cells})
}

// errFrame says that a frame is not what was agreed.
var errFrame = errors.New("broken frame")

// cellsOf undoes the gap code of a frame's columns.
func cellsOf(frame Frame, table []string) ([]Cell, error) {
	if len(frame.Values) != len(frame.Indices) || len(frame.Counts) != len(frame.Indices) {
		return nil, fmt.Errorf("%w: columns of %d, %d and %d", errFrame, len(frame.Indices), len(frame.Values), len(frame.Counts))
	}
	cells := make([]Cell, len(frame.Indices))
	at := 0
	for i, gap := range frame.Indices {
		at += gap
		if gap < 0 || gap == 0 && i > 0 || at >= len(table) {
			return nil, fmt.Errorf("%w: index %d after a gap of %d, the table has %d cells", errFrame, at, gap, len(table))
		}
		cells[i] = Cell{Cell: table[at], Value: frame.Values[i], Count: frame.Counts[i]}
	}
	return cells, nil
}

// tablesKept bounds the tables that are kept.
const tablesKept = 256

func (f *follower) tableOf(ctx context.Context, hash string) ([]string, error) {
	if cells, ok := f.tables[hash]; ok {
		return cells, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"/api/v1/cells/tables/"+hash, nil)
	if err != nil {
		return nil, fmt.Errorf("cell table %s: %w", hash, err)
	}
	resp, err := f.opts.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("cell table %s: %w", hash, err)
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	var table struct{ Cells []string }
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("cell table %s: status %s", hash, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&table); err != nil {
		return nil, fmt.Errorf("cell table %s: %w", hash, err)
	}
	if len(f.tables) >= tablesKept {
		clear(f.tables)
	}
	f.tables[hash] = table.Cells
	return table.Cells, nil
}

// tellAlerts tells the revisions and handlings that were not known. The first snapshot of a log is
// told as a whole; what a later one has new is told as if it had come one by one.
func (f *follower) tellAlerts(t *topic, frame Frame, list []json.RawMessage, snapshot bool) error {
	u := Update{Topic: t.name, At: frame.At()}
	if snapshot && (t.since == nil || t.since.Epoch != frame.Epoch) {
		u.Whole, u.Open, t.closed = true, frame.Open, nil
		clear(t.alerts)
	}
	for _, raw := range list {
		var a Alert
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("alert: %w", err)
		}
		if k, known := t.alerts[a.ID]; known && (a.Revision < k.revision || a.Revision == k.revision && a.Handling.Version <= k.handling) {
			continue
		}
		a.Raw = raw
		t.note(a)
		u.Alerts = append(u.Alerts, a)
	}
	switch {
	case snapshot:
		t.since = &Since{Epoch: frame.Epoch, Seq: frame.Seq}
	case t.since != nil && frame.Seq > t.since.Seq:
		t.since.Seq = frame.Seq
	}
	if len(u.Alerts) == 0 && !u.Whole {
		return nil
	}
	return f.tell(u)
}

// note remembers what is told, and forgets the alerts that were closed longest ago.
func (t *topic) note(a Alert) {
	was := t.alerts[a.ID]
	t.alerts[a.ID] = told{revision: a.Revision, handling: a.Handling.Version, closed: a.State == "closed"}
	if a.State != "closed" || was.closed {
		return
	}
	if t.closed = append(t.closed, a.ID); len(t.closed) > closedKept {
		delete(t.alerts, t.closed[0])
		t.closed = t.closed[1:]
	}
}
