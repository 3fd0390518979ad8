-- +goose Up
-- What a transfer held, written when its content goes: stretches of its list of files, compressed.
CREATE TABLE held_files (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    first       INTEGER NOT NULL,
    files       INTEGER NOT NULL,
    entries     BLOB    NOT NULL,
    PRIMARY KEY (transfer_no, first)
) STRICT;
