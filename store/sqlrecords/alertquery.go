package sqlrecords

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urbangrid/urbangrid/store"
)

// condition collects what a row must meet. The zero one is met by all.
type condition struct {
	where []string
	args  []any
}

// narrow adds a condition in which each ? stands for arg.
func (c *condition) narrow(text string, arg any) {
	c.where = append(c.where, strings.ReplaceAll(text, "?", c.placeholder(arg)))
}

// placeholder makes arg an argument and returns what stands for it.
func (c *condition) placeholder(arg any) string {
	c.args = append(c.args, arg)
	return "$" + strconv.Itoa(len(c.args))
}

// narrowToAny adds that column is one of words, unless there are none.
func narrowToAny[T ~string](c *condition, column string, words []T) {
	if len(words) == 0 {
		return
	}
	places := make([]string, len(words))
	for i, w := range words {
		places[i] = c.placeholder(string(w))
	}
	c.where = append(c.where, column+" IN ("+strings.Join(places, ", ")+")")
}

// standardLengths are those of the codes of the standard that lie within others.
var standardLengths = [...]int{6, 9, 12}

// narrowAlerts states what q asks of the place, the rule and the handling of
// alerts.
func narrowAlerts(c *condition, q store.AlertQuery) {
	if q.Area != "" {
		if slices.Contains(standardLengths[:], len(q.Area)) {
			c.narrow(`(area = ? OR area LIKE ? || '%' AND LENGTH(area) IN (9, 12, 15))`, string(q.Area))
		} else {
			c.narrow("area = ?", string(q.Area))
		}
	}
	if q.Rule != "" {
		c.narrow("rule = ?", q.Rule)
	}
	if q.By != "" {
		c.narrow("handled_by = ?", q.By)
	}
	if q.Muted != nil {
		c.narrow("muted = ?", *q.Muted)
	}
	narrowToAny(c, "severity", q.Severities)
	narrowToAny(c, "handling", q.Handling)
	if q.Text != "" {
		c.narrow(`LOWER(reason_zh || ' ' || reason_en || ' ' || place || ' ' || id) LIKE '%' || ? || '%' ESCAPE '!'`,
			likeEscapes.Replace(strings.ToLower(q.Text)))
	}
}

var likeEscapes = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// alertCondition is what q narrows alerts to, save the page. Errors:
// ErrInvalidQuery.
func alertCondition(q store.AlertQuery) (c condition, err error) {
	switch q.State {
	case "":
	case store.AlertOpen, store.AlertClosed:
		// Spelled out, so that the planner may use the index of open alerts.
		c.where = append(c.where, "state = '"+string(q.State)+"'")
	default:
		return c, fmt.Errorf("%w: no alert state is called %q", store.ErrInvalidQuery, q.State)
	}
	switch q.Category {
	case "":
	case store.AboutCity:
		c.where = append(c.where, "category IN ('', 'city')")
	case store.AboutQuality:
		c.where = append(c.where, "category = 'quality'")
	default:
		return c, fmt.Errorf("%w: no alert category is called %q", store.ErrInvalidQuery, q.Category)
	}
	if q.ID != "" {
		c.narrow("id = ?", q.ID)
	}
	if q.Kind != "" {
		c.narrow("kind = ?", string(q.Kind))
	}
	narrowAlerts(&c, q)
	if !q.RaisedBefore.IsZero() {
		c.narrow("raised_at_us < ?", q.RaisedBefore.UnixMicro())
	}
	if !q.ClearedFrom.IsZero() {
		c.narrow("(cleared_at_us IS NULL OR cleared_at_us >= ?)", q.ClearedFrom.UnixMicro())
	}
	return c, nil
}
