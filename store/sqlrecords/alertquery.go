package sqlrecords

import (
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
