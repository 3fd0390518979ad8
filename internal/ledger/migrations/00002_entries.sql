-- +goose Up
-- What did not come to lie under its name, until the server has the receipt that counts it.
CREATE TABLE entries (
    server      TEXT    NOT NULL,
    transfer_no INTEGER NOT NULL,
    n           INTEGER NOT NULL,
    entry       TEXT    NOT NULL, -- JSON
    PRIMARY KEY (server, transfer_no, n)
) STRICT, WITHOUT ROWID;
