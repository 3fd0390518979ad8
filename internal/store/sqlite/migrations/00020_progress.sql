-- +goose Up
-- How far the devices of a running transfer were, all in one: it is written now and then, for a server that
-- starts again. What a delivery got in the end stands in deliveries.
CREATE TABLE progress (
    transfer_no INTEGER NOT NULL PRIMARY KEY REFERENCES transfers (no) ON DELETE CASCADE,
    devices     BLOB    NOT NULL
) STRICT;
