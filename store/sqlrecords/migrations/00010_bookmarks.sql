-- Questions for reports that people saved under a name, and who changed them.

-- +goose Up
CREATE TABLE bookmarks (
	id         TEXT   NOT NULL PRIMARY KEY,
	name       TEXT   NOT NULL,
	name_key   TEXT   NOT NULL UNIQUE,
	report     TEXT   NOT NULL,
	query      TEXT   NOT NULL,
	view       TEXT   NOT NULL,
	note       TEXT   NOT NULL,
	version    BIGINT NOT NULL,
	created_by TEXT   NOT NULL,
	created_us BIGINT NOT NULL,
	changed_by TEXT   NOT NULL,
	at_us      BIGINT NOT NULL
);

-- Append-only.
CREATE TABLE bookmark_changes (
	id         BIGINT  NOT NULL PRIMARY KEY,
	bookmark   TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	report     TEXT    NOT NULL,
	query      TEXT    NOT NULL,
	view       TEXT    NOT NULL,
	note       TEXT    NOT NULL,
	version    BIGINT  NOT NULL,
	removed    BOOLEAN NOT NULL,
	changed_by TEXT    NOT NULL,
	at_us      BIGINT  NOT NULL,
	UNIQUE (bookmark, version)
);
INSERT INTO numbers (name, last) VALUES ('bookmark_change', 0);

-- +goose Down
DROP TABLE bookmark_changes;
DROP TABLE bookmarks;
DELETE FROM numbers WHERE name = 'bookmark_change';
