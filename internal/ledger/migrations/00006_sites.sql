-- +goose Up
-- The highest epoch of each site of a server that an offer was acted on of.
CREATE TABLE sites (
    server TEXT    NOT NULL,
    site   TEXT    NOT NULL,
    epoch  INTEGER NOT NULL,
    PRIMARY KEY (server, site)
) STRICT, WITHOUT ROWID;
