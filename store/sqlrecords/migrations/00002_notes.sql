-- What programs want to find again after a restart.

-- +goose Up
CREATE TABLE notes (
	name TEXT  NOT NULL PRIMARY KEY,
	note BYTEA NOT NULL
);

-- +goose Down
DROP TABLE notes;
