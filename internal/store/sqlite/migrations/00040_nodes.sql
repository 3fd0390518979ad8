-- +goose Up
-- The servers that share a database, and which of them is the active one: with PostgreSQL. A file has one server.
CREATE TABLE nodes (
    id      TEXT    NOT NULL PRIMARY KEY,
    name    TEXT    NOT NULL,
    address TEXT    NOT NULL,
    version TEXT    NOT NULL,
    beat    INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE active_node (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    node  TEXT    NOT NULL,
    epoch INTEGER NOT NULL,
    since INTEGER NOT NULL,
    free  INTEGER NOT NULL
) STRICT;
INSERT INTO active_node (one, node, epoch, since, free) VALUES (1, '', 0, 0, 0);
