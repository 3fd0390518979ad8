-- +goose Up
-- What each server delivered to each group under which path. A row stays when the file is
-- deleted here: an older transfer must not bring it back.
CREATE TABLE paths (
    server      TEXT    NOT NULL,
    group_id    TEXT    NOT NULL,
    path        TEXT    NOT NULL, -- the manifest's name
    transfer_no INTEGER NOT NULL,
    digest      TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL, -- as the file system kept it
    name        TEXT    NOT NULL, -- where it lies, if under another name
    PRIMARY KEY (server, group_id, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at          INTEGER NOT NULL,
    server      TEXT    NOT NULL,
    group_id    TEXT    NOT NULL,
    group_name  TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    size        INTEGER NOT NULL,
    digest      TEXT    NOT NULL,
    transfer_no INTEGER NOT NULL,
    outcome     TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    UNIQUE (server, transfer_no, path)
) STRICT;

CREATE TABLE servers (
    server   TEXT    NOT NULL PRIMARY KEY,
    floor    INTEGER NOT NULL,
    sequence INTEGER NOT NULL, -- of receipts
    offer_no INTEGER NOT NULL, -- the newest signed offer seen, with its bytes
    offer    BLOB,
    signature BLOB
) STRICT;

CREATE TABLE receipts (
    server      TEXT    NOT NULL,
    transfer_no INTEGER NOT NULL,
    receipt     TEXT    NOT NULL, -- JSON
    PRIMARY KEY (server, transfer_no)
) STRICT;
