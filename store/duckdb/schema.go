package duckdb

import (
	"fmt"
	"slices"
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
// the first from the observations. Days come after them.
var levels = [...]level{
	{grid.TenSeconds, "rollups_10s", 10 * time.Minute},
	{grid.OneMinute, "rollups_1m", time.Hour},
	{grid.OneHour, "rollups_1h", 24 * time.Hour},
}

// daily are the roll-ups of calendar days: their windows are not those of a span.
var daily = level{span: grid.OneDay, table: "rollups_1d"}

func allLevels() []level { return append(slices.Clone(levels[:]), daily) }

func levelOf(s grid.Span) level {
	for _, l := range allLevels() {
		if l.span == s {
			return l
		}
	}
	return levels[0]
}

// schemaVersion is raised when a file can no longer be read by the programs before.
// A file of schema 1 has no days; they are made when it is opened.
const schemaVersion = 2

// The observations are numbered in the order of writing (no); those up to
// state.rolled are in the roll-up tables, the others are still to be added. A
// roll-up table may hold several rows of one key, which add up; merged says
// that a row is the result of a compaction. The observations of closed_hours have
// been deleted while their roll-ups are kept, so nothing can be added to them any
// more: it could not be told from what they have counted. The one row of calendar
// is the zone of the days; without it they are still to be made from the hours.
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
CREATE TABLE IF NOT EXISTS calendar (zone VARCHAR NOT NULL);
INSERT OR IGNORE INTO state VALUES ('rolled', 0);
`)
	fmt.Fprintf(&b, "INSERT OR IGNORE INTO state VALUES ('schema', %d);\n", schemaVersion)
	for _, l := range allLevels() {
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
