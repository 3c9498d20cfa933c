package duckdb

import (
	"fmt"
	"strings"
	"time"

	"github.com/urbangrid/urbangrid/grid"
)

// level is one kept span and its table.
type level struct {
	span   grid.Span
	table  string
	bucket time.Duration // how much of the table one compaction step rewrites
}

// levels are in the order of grid.Spans: each is rolled up from the one before,
// the first from the observations.
var levels = [...]level{
	{grid.TenSeconds, "rollups_10s", 10 * time.Minute},
	{grid.OneMinute, "rollups_1m", time.Hour},
	{grid.OneHour, "rollups_1h", 24 * time.Hour},
}

func levelOf(s grid.Span) level {
	for _, l := range levels {
		if l.span == s {
			return l
		}
	}
	return levels[0]
}

// schemaVersion is raised when a file of an older program can no longer be read.
const schemaVersion = 1

// The observations are numbered in the order of writing (no); those up to
// state.rolled are in the roll-up tables, the others are still to be added. A
// roll-up table may hold several rows of one key, which add up; merged says
// that a row is the result of a compaction. The observations of closed_hours have
// been deleted while their roll-ups are kept, so nothing can be added to them any
// more: it could not be told from what they have counted.
func schema() string {
	var b strings.Builder
	b.WriteString(`
CREATE TABLE IF NOT EXISTS observations (
	no       BIGINT NOT NULL,
	observed TIMESTAMP NOT NULL,
	received TIMESTAMP NOT NULL,
	kind     VARCHAR NOT NULL,
	device   VARCHAR NOT NULL,
	value    DOUBLE NOT NULL,
	cell     UBIGINT NOT NULL,
	area     VARCHAR NOT NULL,
	lat      DOUBLE NOT NULL,
	lon      DOUBLE NOT NULL,
	raw_lat  DOUBLE NOT NULL,
	raw_lon  DOUBLE NOT NULL,
	datum    UTINYINT NOT NULL,
	id       VARCHAR NOT NULL,
	attrs    VARCHAR NOT NULL
);
CREATE TABLE IF NOT EXISTS positions (journal VARCHAR PRIMARY KEY, seq UBIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS state (key VARCHAR PRIMARY KEY, value BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS closed_hours (hour TIMESTAMP PRIMARY KEY);
INSERT OR IGNORE INTO state VALUES ('rolled', 0);
`)
	fmt.Fprintf(&b, "INSERT OR IGNORE INTO state VALUES ('schema', %d);\n", schemaVersion)
	for _, l := range levels {
		fmt.Fprintf(&b, `
CREATE TABLE IF NOT EXISTS %s (
	start   TIMESTAMP NOT NULL,
	kind    VARCHAR NOT NULL,
	cell    UBIGINT NOT NULL,
	area    VARCHAR NOT NULL,
	n       BIGINT NOT NULL,
	total   DOUBLE NOT NULL,
	low     DOUBLE NOT NULL,
	high    DOUBLE NOT NULL,
	last    DOUBLE NOT NULL,
	last_at TIMESTAMP NOT NULL,
	merged  BOOLEAN NOT NULL
);
`, l.table)
	}
	return b.String()
}

// micros returns an SQL literal for t.
func micros(t time.Time) string { return fmt.Sprintf("make_timestamp(%d)", t.UnixMicro()) }
