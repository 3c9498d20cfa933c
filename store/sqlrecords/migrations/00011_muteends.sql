-- Who ended a mute before its time, and which request asked for it.

-- +goose Up
ALTER TABLE mutes ADD COLUMN ended_by TEXT NOT NULL DEFAULT '';
ALTER TABLE mutes ADD COLUMN ended_us BIGINT;
ALTER TABLE mutes ADD COLUMN request_key TEXT NOT NULL DEFAULT '';
ALTER TABLE mutes ADD COLUMN request_wish TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX mutes_by_request ON mutes (request_key) WHERE request_key <> '';

-- +goose Down
DROP INDEX mutes_by_request;
ALTER TABLE mutes DROP COLUMN request_wish;
ALTER TABLE mutes DROP COLUMN request_key;
ALTER TABLE mutes DROP COLUMN ended_us;
ALTER TABLE mutes DROP COLUMN ended_by;
