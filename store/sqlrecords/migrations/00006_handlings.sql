-- What people do about alerts: how far they are stands beside the alert, each
-- thing that anyone did is a row of the log. State '' is that of an alert nobody
-- has looked at.

-- +goose Up
ALTER TABLE alerts ADD COLUMN handling         TEXT   NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN handling_version BIGINT NOT NULL DEFAULT 0;
ALTER TABLE alerts ADD COLUMN handled_by       TEXT   NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN handled_at_us    BIGINT;
ALTER TABLE alerts ADD COLUMN sent_area        TEXT   NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN sent_unit        TEXT   NOT NULL DEFAULT '';
ALTER TABLE alerts ADD COLUMN answer           TEXT   NOT NULL DEFAULT '';

CREATE TABLE alert_log (
	alert     TEXT   NOT NULL,
	seq       BIGINT NOT NULL,
	at_us     BIGINT NOT NULL,
	done_by   TEXT   NOT NULL,
	action    TEXT   NOT NULL,
	note      TEXT   NOT NULL,
	sent_area TEXT   NOT NULL,
	sent_unit TEXT   NOT NULL,
	handling  TEXT   NOT NULL,
	mute      TEXT   NOT NULL,
	command   TEXT   NOT NULL,
	PRIMARY KEY (alert, seq)
);
CREATE UNIQUE INDEX alert_log_commands ON alert_log (alert, command) WHERE command <> '';

-- Answers from before the log are its first entries.
INSERT INTO alert_log (alert, seq, at_us, done_by, action, note, sent_area, sent_unit, handling, mute, command)
	SELECT alert, 1, at_us, answered_by, answer, note, '', '',
		CASE answer WHEN 'false_alarm' THEN 'done' ELSE 'acknowledged' END, '', ''
	FROM verdicts;
UPDATE alerts SET
	handling         = (SELECT handling FROM alert_log WHERE alert_log.alert = alerts.id),
	handled_by       = (SELECT done_by FROM alert_log WHERE alert_log.alert = alerts.id),
	handled_at_us    = (SELECT at_us FROM alert_log WHERE alert_log.alert = alerts.id),
	answer           = (SELECT action FROM alert_log WHERE alert_log.alert = alerts.id),
	handling_version = 1
	WHERE id IN (SELECT alert FROM alert_log);

-- An alert is on the outbox once for each revision and each version of its
-- handling, which a constraint that cannot be dropped forbade.
ALTER TABLE outbox RENAME TO old_outbox;
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
	category      TEXT NOT NULL,
	phase         TEXT NOT NULL,
	cells         TEXT NOT NULL,
	devices       TEXT NOT NULL,
	evidence      TEXT NOT NULL,
	score         DOUBLE PRECISION NOT NULL,
	recurrence_us BIGINT NOT NULL,
	excess        DOUBLE PRECISION NOT NULL,
	flapping      BOOLEAN NOT NULL,
	muted         BOOLEAN NOT NULL,
	merged_into   TEXT NOT NULL,
	handling         TEXT   NOT NULL,
	handling_version BIGINT NOT NULL,
	handled_by       TEXT   NOT NULL,
	handled_at_us    BIGINT,
	sent_area        TEXT   NOT NULL,
	sent_unit        TEXT   NOT NULL,
	answer           TEXT   NOT NULL,
	UNIQUE (id, revision, handling_version)
);
INSERT INTO outbox (id, revision, rule, kind, place, state, severity, device, cell, area,
		lat_degrees, lon_degrees, value, baseline, p, window_us, reason_zh, reason_en,
		raised_at_us, updated_at_us, cleared_at_us, category, phase, cells, devices, evidence,
		score, recurrence_us, excess, flapping, muted, merged_into, number,
		handling, handling_version, handled_by, handled_at_us, sent_area, sent_unit, answer)
	SELECT id, revision, rule, kind, place, state, severity, device, cell, area,
		lat_degrees, lon_degrees, value, baseline, p, window_us, reason_zh, reason_en,
		raised_at_us, updated_at_us, cleared_at_us, category, phase, cells, devices, evidence,
		score, recurrence_us, excess, flapping, muted, merged_into, number,
		'', 0, '', NULL, '', '', ''
	FROM old_outbox;
DROP TABLE old_outbox;

-- +goose Down
ALTER TABLE outbox RENAME TO new_outbox;
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
	category      TEXT NOT NULL DEFAULT '',
	phase         TEXT NOT NULL DEFAULT '',
	cells         TEXT NOT NULL DEFAULT '',
	devices       TEXT NOT NULL DEFAULT '',
	evidence      TEXT NOT NULL DEFAULT '',
	score         DOUBLE PRECISION NOT NULL DEFAULT 0,
	recurrence_us BIGINT NOT NULL DEFAULT 0,
	excess        DOUBLE PRECISION NOT NULL DEFAULT 0,
	flapping      BOOLEAN NOT NULL DEFAULT FALSE,
	muted         BOOLEAN NOT NULL DEFAULT FALSE,
	merged_into   TEXT NOT NULL DEFAULT '',
	UNIQUE (id, revision)
);
INSERT INTO outbox (id, revision, rule, kind, place, state, severity, device, cell, area,
		lat_degrees, lon_degrees, value, baseline, p, window_us, reason_zh, reason_en,
		raised_at_us, updated_at_us, cleared_at_us, category, phase, cells, devices, evidence,
		score, recurrence_us, excess, flapping, muted, merged_into, number)
	SELECT id, revision, rule, kind, place, state, severity, device, cell, area,
		lat_degrees, lon_degrees, value, baseline, p, window_us, reason_zh, reason_en,
		raised_at_us, updated_at_us, cleared_at_us, category, phase, cells, devices, evidence,
		score, recurrence_us, excess, flapping, muted, merged_into, number
	FROM new_outbox WHERE number IN (SELECT MIN(number) FROM new_outbox GROUP BY id, revision);
DROP TABLE new_outbox;
DROP TABLE alert_log;
ALTER TABLE alerts DROP COLUMN answer;
ALTER TABLE alerts DROP COLUMN sent_unit;
ALTER TABLE alerts DROP COLUMN sent_area;
ALTER TABLE alerts DROP COLUMN handled_at_us;
ALTER TABLE alerts DROP COLUMN handled_by;
ALTER TABLE alerts DROP COLUMN handling_version;
ALTER TABLE alerts DROP COLUMN handling;
