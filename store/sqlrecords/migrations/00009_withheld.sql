-- Messages that are not to be sent any more, and the queue of each channel on its own.

-- +goose Up
CREATE TABLE deliveries_9 (
	id         BIGINT  NOT NULL PRIMARY KEY,
	channel    TEXT    NOT NULL,
	alert      TEXT    NOT NULL,
	revision   BIGINT  NOT NULL,
	event      TEXT    NOT NULL,
	payload    TEXT    NOT NULL,
	state      TEXT    NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead', 'withheld')),
	attempts   INTEGER NOT NULL,
	next_us    BIGINT  NOT NULL,
	fault      TEXT    NOT NULL,
	created_us BIGINT  NOT NULL,
	ended_us   BIGINT,
	UNIQUE (channel, alert, revision)
);
INSERT INTO deliveries_9 (id, channel, alert, revision, event, payload, state, attempts, next_us, fault, created_us, ended_us)
SELECT id, channel, alert, revision, event, payload, state, attempts, next_us, fault, created_us, ended_us FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_9 RENAME TO deliveries;
CREATE INDEX deliveries_due ON deliveries (state, channel, next_us);

-- +goose Down
CREATE TABLE deliveries_8 (
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
INSERT INTO deliveries_8 (id, channel, alert, revision, event, payload, state, attempts, next_us, fault, created_us, ended_us)
SELECT id, channel, alert, revision, event, payload, CASE state WHEN 'withheld' THEN 'dead' ELSE state END, attempts, next_us, fault, created_us, ended_us
FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_8 RENAME TO deliveries;
CREATE INDEX deliveries_due ON deliveries (state, next_us);
