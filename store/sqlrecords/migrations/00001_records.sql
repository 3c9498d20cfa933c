-- Times are microseconds since the Unix epoch. Every statement is understood by
-- SQLite and by PostgreSQL; a PostgreSQL database is created with the C
-- collation, so that device ids sort by their bytes in both.

-- +goose Up
CREATE TABLE positions (
	consumer TEXT   NOT NULL,
	journal  TEXT   NOT NULL,
	seq      BIGINT NOT NULL,
	PRIMARY KEY (consumer, journal)
);

-- The last number given out; numbers are never used twice.
CREATE TABLE numbers (
	name TEXT   NOT NULL PRIMARY KEY,
	last BIGINT NOT NULL
);
INSERT INTO numbers (name, last) VALUES ('outbox', 0), ('rejects', 0);

CREATE TABLE alerts (
	id            TEXT   NOT NULL PRIMARY KEY,
	revision      BIGINT NOT NULL,
	rule          TEXT   NOT NULL,
	kind          TEXT   NOT NULL,
	place         TEXT   NOT NULL,
	state         TEXT   NOT NULL CHECK (state IN ('open', 'closed')),
	severity      TEXT   NOT NULL,
	device        TEXT   NOT NULL,
	cell          BIGINT NOT NULL,
	area          TEXT   NOT NULL,
	lat_degrees   DOUBLE PRECISION NOT NULL,
	lon_degrees   DOUBLE PRECISION NOT NULL,
	value         DOUBLE PRECISION NOT NULL,
	baseline      DOUBLE PRECISION NOT NULL,
	p             DOUBLE PRECISION NOT NULL,
	window_us     BIGINT NOT NULL,
	reason_zh     TEXT   NOT NULL,
	reason_en     TEXT   NOT NULL,
	raised_at_us  BIGINT NOT NULL,
	updated_at_us BIGINT NOT NULL,
	cleared_at_us BIGINT
);
CREATE UNIQUE INDEX alerts_one_open ON alerts (rule, kind, place) WHERE state = 'open';
CREATE INDEX alerts_newest ON alerts (raised_at_us, id);
CREATE INDEX alerts_open_newest ON alerts (raised_at_us, id) WHERE state = 'open';

CREATE TABLE outbox (
	number        BIGINT NOT NULL PRIMARY KEY,
	id            TEXT   NOT NULL,
	revision      BIGINT NOT NULL,
	rule          TEXT   NOT NULL,
	kind          TEXT   NOT NULL,
	place         TEXT   NOT NULL,
	state         TEXT   NOT NULL,
	severity      TEXT   NOT NULL,
	device        TEXT   NOT NULL,
	cell          BIGINT NOT NULL,
	area          TEXT   NOT NULL,
	lat_degrees   DOUBLE PRECISION NOT NULL,
	lon_degrees   DOUBLE PRECISION NOT NULL,
	value         DOUBLE PRECISION NOT NULL,
	baseline      DOUBLE PRECISION NOT NULL,
	p             DOUBLE PRECISION NOT NULL,
	window_us     BIGINT NOT NULL,
	reason_zh     TEXT   NOT NULL,
	reason_en     TEXT   NOT NULL,
	raised_at_us  BIGINT NOT NULL,
	updated_at_us BIGINT NOT NULL,
	cleared_at_us BIGINT,
	UNIQUE (id, revision)
);

CREATE TABLE rejects (
	number  BIGINT NOT NULL PRIMARY KEY,
	at_us   BIGINT NOT NULL,
	reason  TEXT   NOT NULL,
	detail  TEXT   NOT NULL,
	topic   TEXT   NOT NULL,
	payload BYTEA  NOT NULL,
	size    BIGINT NOT NULL
);
CREATE INDEX rejects_by_reason ON rejects (reason, number);

CREATE TABLE reject_counts (
	reason TEXT   NOT NULL PRIMARY KEY,
	total  BIGINT NOT NULL
);

CREATE TABLE devices (
	id           TEXT     NOT NULL PRIMARY KEY,
	name         TEXT     NOT NULL,
	lat_degrees  DOUBLE PRECISION NOT NULL,
	lon_degrees  DOUBLE PRECISION NOT NULL,
	datum        SMALLINT NOT NULL,
	auto_entered BOOLEAN  NOT NULL,
	last_seen_us BIGINT
);

-- +goose Down
DROP TABLE devices;
DROP TABLE reject_counts;
DROP TABLE rejects;
DROP TABLE outbox;
DROP TABLE alerts;
DROP TABLE numbers;
DROP TABLE positions;
