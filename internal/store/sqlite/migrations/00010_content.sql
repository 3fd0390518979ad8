-- +goose Up
-- Content has a name of its own: it is made before the transfer has its number, and a transfer
-- whose files changed gets new content. What was kept before bears the number.
ALTER TABLE transfers ADD COLUMN content TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
UPDATE transfers SET content = CAST(no AS TEXT);
CREATE INDEX transfers_content ON transfers (content);

-- What was asked for and is not in a transfer, and why.
CREATE TABLE left_out (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    path        TEXT    NOT NULL,
    why         TEXT    NOT NULL,
    detail      TEXT    NOT NULL,
    PRIMARY KEY (transfer_no, path)
) STRICT;

-- Manifests that a transfer had before files of it changed: receipts for them count.
CREATE TABLE editions (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    root        TEXT    NOT NULL,
    PRIMARY KEY (transfer_no, root)
) STRICT;
