-- The register knows more of a device: what people state, where it stood, how it
-- does, who may speak for it, and who spoke without being in it.

-- +goose Up
ALTER TABLE devices ADD COLUMN profile         TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN kinds           TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN owner           TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN area            TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN installed_us    BIGINT;
ALTER TABLE devices ADD COLUMN maintenance     TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN interval_us     BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN tags            TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN first_seen_us   BIGINT;
ALTER TABLE devices ADD COLUMN presence        SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN presence_at_us  BIGINT;
ALTER TABLE devices ADD COLUMN battery_percent DOUBLE PRECISION;
ALTER TABLE devices ADD COLUMN battery_at_us   BIGINT;
ALTER TABLE devices ADD COLUMN signal_dbm      DOUBLE PRECISION;
ALTER TABLE devices ADD COLUMN signal_at_us    BIGINT;
ALTER TABLE devices ADD COLUMN reported_lat_degrees DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN reported_lon_degrees DOUBLE PRECISION NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN reported_datum  SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN reported_at_us  BIGINT;
ALTER TABLE devices ADD COLUMN note            TEXT   NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN note_at_us      BIGINT;
ALTER TABLE devices ADD COLUMN observations    BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN bad             BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN hour_us         BIGINT;
ALTER TABLE devices ADD COLUMN this_hour       BIGINT NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN last_hour       BIGINT NOT NULL DEFAULT 0;
UPDATE devices SET first_seen_us = last_seen_us;

CREATE TABLE device_places (
	device      TEXT     NOT NULL,
	number      BIGINT   NOT NULL,
	from_us     BIGINT   NOT NULL,
	lat_degrees DOUBLE PRECISION NOT NULL,
	lon_degrees DOUBLE PRECISION NOT NULL,
	datum       SMALLINT NOT NULL,
	PRIMARY KEY (device, number)
);
-- Where a device stood before this table was made, it stood for ever.
INSERT INTO device_places (device, number, from_us, lat_degrees, lon_degrees, datum)
	SELECT id, 0, 0, lat_degrees, lon_degrees, datum FROM devices WHERE datum <> 0;

CREATE TABLE unknown_devices (
	device        TEXT   NOT NULL PRIMARY KEY,
	rejects       BIGINT NOT NULL,
	first_seen_us BIGINT NOT NULL,
	last_seen_us  BIGINT NOT NULL,
	topic         TEXT   NOT NULL
);
CREATE INDEX unknown_devices_oldest ON unknown_devices (last_seen_us);

CREATE TABLE credentials (
	user_name TEXT NOT NULL PRIMARY KEY,
	hash      TEXT NOT NULL,
	device    TEXT NOT NULL,
	prefixes  TEXT NOT NULL
);

ALTER TABLE rejects ADD COLUMN message BYTEA;

-- +goose Down
ALTER TABLE rejects DROP COLUMN message;
DROP TABLE credentials;
DROP TABLE unknown_devices;
DROP TABLE device_places;
ALTER TABLE devices DROP COLUMN last_hour;
ALTER TABLE devices DROP COLUMN this_hour;
ALTER TABLE devices DROP COLUMN hour_us;
ALTER TABLE devices DROP COLUMN bad;
ALTER TABLE devices DROP COLUMN observations;
ALTER TABLE devices DROP COLUMN note_at_us;
ALTER TABLE devices DROP COLUMN note;
ALTER TABLE devices DROP COLUMN reported_at_us;
ALTER TABLE devices DROP COLUMN reported_datum;
ALTER TABLE devices DROP COLUMN reported_lon_degrees;
ALTER TABLE devices DROP COLUMN reported_lat_degrees;
ALTER TABLE devices DROP COLUMN signal_at_us;
ALTER TABLE devices DROP COLUMN signal_dbm;
ALTER TABLE devices DROP COLUMN battery_at_us;
ALTER TABLE devices DROP COLUMN battery_percent;
ALTER TABLE devices DROP COLUMN presence_at_us;
ALTER TABLE devices DROP COLUMN presence;
ALTER TABLE devices DROP COLUMN first_seen_us;
ALTER TABLE devices DROP COLUMN tags;
ALTER TABLE devices DROP COLUMN interval_us;
ALTER TABLE devices DROP COLUMN maintenance;
ALTER TABLE devices DROP COLUMN installed_us;
ALTER TABLE devices DROP COLUMN area;
ALTER TABLE devices DROP COLUMN owner;
ALTER TABLE devices DROP COLUMN kinds;
ALTER TABLE devices DROP COLUMN profile;
