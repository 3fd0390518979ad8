-- +goose Up
-- Which transfers hold every path of an older one of their group. It stays when a transfer is owed again.
CREATE TABLE replacements (
    older INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    newer INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    PRIMARY KEY (older, newer)
) STRICT, WITHOUT ROWID;
CREATE INDEX replacements_newer ON replacements (newer);
-- The newer transfer that is owed instead; 0: none.
ALTER TABLE transfers ADD COLUMN replaced_by INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN replaced_by INTEGER NOT NULL DEFAULT 0;
CREATE INDEX transfers_replaced ON transfers (replaced_by) WHERE replaced_by <> 0;
-- An administrator paused it: it is open, and nothing of it is sent.
ALTER TABLE transfers ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
