-- Devices change by versions, with who did what; their last messages are kept as
-- they came; rejects say whose they are.

-- +goose Up
ALTER TABLE devices ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

CREATE TABLE device_changes (
	number     BIGINT NOT NULL PRIMARY KEY,
	device     TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	at_us      BIGINT NOT NULL,
	changed_by TEXT   NOT NULL,
	action     TEXT   NOT NULL,
	fields     TEXT   NOT NULL
);
CREATE INDEX device_changes_of ON device_changes (device, number);
INSERT INTO numbers (name, last) VALUES ('device_changes', 0);

-- Observations and faults are JSON, none is the empty text.
CREATE TABLE device_messages (
	device       TEXT     NOT NULL PRIMARY KEY,
	topic        TEXT     NOT NULL,
	qos          SMALLINT NOT NULL,
	received_us  BIGINT   NOT NULL,
	format       TEXT     NOT NULL,
	payload      BYTEA    NOT NULL,
	size         BIGINT   NOT NULL,
	private      BOOLEAN  NOT NULL,
	observations TEXT     NOT NULL,
	observed     BIGINT   NOT NULL,
	faults       TEXT     NOT NULL,
	refused      BIGINT   NOT NULL
);

ALTER TABLE rejects ADD COLUMN device TEXT NOT NULL DEFAULT '';
CREATE INDEX rejects_by_device ON rejects (device, number);
ALTER TABLE unknown_devices ADD COLUMN reason TEXT NOT NULL DEFAULT 'unknown_device';

-- +goose Down
ALTER TABLE unknown_devices DROP COLUMN reason;
DROP INDEX rejects_by_device;
ALTER TABLE rejects DROP COLUMN device;
DROP TABLE device_messages;
DROP INDEX device_changes_of;
DROP TABLE device_changes;
DELETE FROM numbers WHERE name = 'device_changes';
ALTER TABLE devices DROP COLUMN version;
