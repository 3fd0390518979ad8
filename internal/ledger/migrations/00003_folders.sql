-- +goose Up
-- The folders that files went to, each with what it is known by: another folder under the same
-- name is not written to.
CREATE TABLE folders (
    dir      TEXT NOT NULL PRIMARY KEY, -- absolute
    identity TEXT NOT NULL
) STRICT;

-- The newest offer of a transfer that was taken: no older one is taken after it.
CREATE TABLE taken (
    server      TEXT    NOT NULL,
    transfer_no INTEGER NOT NULL,
    offer_no    INTEGER NOT NULL,
    PRIMARY KEY (server, transfer_no)
) STRICT, WITHOUT ROWID;
