-- +goose Up
ALTER TABLE tokens ADD COLUMN address TEXT NOT NULL DEFAULT '';

CREATE TABLE series (
    transfer_no INTEGER NOT NULL PRIMARY KEY REFERENCES transfers (no) ON DELETE CASCADE,
    points      BLOB    NOT NULL
) STRICT;
