-- +goose Up
-- A device may have all of a transfer but some entries: they are counted, and named.
ALTER TABLE transfers ADD COLUMN incomplete INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN beside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN entry_bytes INTEGER NOT NULL DEFAULT 0; -- of the entries kept, for their bound
CREATE TABLE delivery_entries (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    device_id   TEXT    NOT NULL,
    n           INTEGER NOT NULL, -- in the device's order
    path        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    result      TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (transfer_no, device_id, n)
) STRICT, WITHOUT ROWID;
