-- What people change at the dashboard, who changed what, and messages to channels.

-- +goose Up
CREATE TABLE settings (
	section    TEXT   NOT NULL,
	key        TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	value      TEXT,
	changed_by TEXT   NOT NULL,
	note       TEXT   NOT NULL,
	at_us      BIGINT NOT NULL,
	PRIMARY KEY (section, key)
);

-- Append-only.
CREATE TABLE setting_changes (
	id         BIGINT NOT NULL PRIMARY KEY,
	section    TEXT   NOT NULL,
	key        TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	value      TEXT,
	changed_by TEXT   NOT NULL,
	note       TEXT   NOT NULL,
	at_us      BIGINT NOT NULL,
	UNIQUE (section, key, version)
);
INSERT INTO numbers (name, last) VALUES ('setting_change', 0);

CREATE TABLE secrets (
	name   TEXT NOT NULL PRIMARY KEY,
	secret TEXT NOT NULL
);

CREATE TABLE deliveries (
	id         BIGINT  NOT NULL PRIMARY KEY,
	channel    TEXT    NOT NULL,
	alert      TEXT    NOT NULL,
	revision   BIGINT  NOT NULL,
	event      TEXT    NOT NULL,
	payload    TEXT    NOT NULL,
	state      TEXT    NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
	attempts   INTEGER NOT NULL,
	next_us    BIGINT  NOT NULL,
	fault      TEXT    NOT NULL,
	created_us BIGINT  NOT NULL,
	ended_us   BIGINT,
	UNIQUE (channel, alert, revision)
);
CREATE INDEX deliveries_due ON deliveries (state, next_us);
INSERT INTO numbers (name, last) VALUES ('delivery', 0);

-- +goose Down
DROP TABLE deliveries;
DROP TABLE secrets;
DROP TABLE setting_changes;
DROP TABLE settings;
DELETE FROM numbers WHERE name IN ('setting_change', 'delivery');
