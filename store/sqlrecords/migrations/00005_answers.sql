-- What people say of alerts, and what they want to hear nothing of.

-- +goose Up
CREATE TABLE verdicts (
	alert       TEXT   NOT NULL PRIMARY KEY,
	answer      TEXT   NOT NULL CHECK (answer IN ('confirmed', 'false_alarm')),
	answered_by TEXT   NOT NULL,
	note        TEXT   NOT NULL,
	at_us       BIGINT NOT NULL,
	version     BIGINT NOT NULL
);

CREATE TABLE mutes (
	id         TEXT    NOT NULL PRIMARY KEY,
	purpose    TEXT    NOT NULL CHECK (purpose IN ('mute', 'maintenance')),
	kind       TEXT    NOT NULL,
	area       TEXT    NOT NULL,
	device     TEXT    NOT NULL,
	cell       BIGINT  NOT NULL,
	rule       TEXT    NOT NULL,
	everything BOOLEAN NOT NULL,
	from_us    BIGINT  NOT NULL,
	to_us      BIGINT  NOT NULL,
	reason     TEXT    NOT NULL,
	asked_by   TEXT    NOT NULL,
	created_us BIGINT  NOT NULL
);
CREATE INDEX mutes_by_end ON mutes (to_us);

-- +goose Down
DROP TABLE mutes;
DROP TABLE verdicts;
