-- +goose Up
-- What a device signed of each delivery, byte for byte, with the key that it had then. It stays
-- when the delivery is owed again: its sequence number is the one that the next must exceed.
CREATE TABLE receipts (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    device_id   TEXT    NOT NULL,
    sequence    INTEGER NOT NULL,
    signed      BLOB    NOT NULL,
    signature   BLOB    NOT NULL,
    public_key  BLOB    NOT NULL,
    since       INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    PRIMARY KEY (transfer_no, device_id)
) STRICT;

-- The newest signed offer of each manifest that a transfer had.
CREATE TABLE signed_offers (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    root        TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    offer       BLOB    NOT NULL,
    signature   BLOB    NOT NULL,
    manifest    BLOB, -- if it is small and the content is gone
    PRIMARY KEY (transfer_no, root)
) STRICT;

-- What of a closed delivery its device signed: '' nothing, 'outcome', 'counts' or 'all'. The
-- receipts that came before cover no more than their outcome.
ALTER TABLE deliveries ADD COLUMN signed TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET signed = 'outcome'
WHERE receipt IS NOT NULL AND state IN ('verified', 'already-had', 'superseded', 'incomplete', 'failed');
