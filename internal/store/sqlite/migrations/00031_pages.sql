-- +goose Up
-- A transfer of format 2 has pages in place of a manifest: paged is its mode then, full.
ALTER TABLE transfers ADD COLUMN paged TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN transfer_id TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN edition INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN skeleton TEXT NOT NULL DEFAULT '';
ALTER TABLE transfers ADD COLUMN skeleton_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN pages INTEGER NOT NULL DEFAULT 0;
-- Of what is missing: what the server could not deliver.
ALTER TABLE deliveries ADD COLUMN void INTEGER NOT NULL DEFAULT 0;

-- The pages of a transfer's edition, from 0 without a gap; and the final pages of all its editions.
CREATE TABLE pages (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    edition     INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    page        BLOB    NOT NULL,
    PRIMARY KEY (transfer_no, edition, number)
) STRICT;
CREATE TABLE final_pages (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    edition     INTEGER NOT NULL,
    root        TEXT    NOT NULL,
    page        BLOB    NOT NULL,
    PRIMARY KEY (transfer_no, edition)
) STRICT;

-- Editions of one skeleton have offers of their own.
CREATE TABLE offers_by_edition (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    root        TEXT    NOT NULL,
    number      INTEGER NOT NULL,
    offer       BLOB    NOT NULL,
    signature   BLOB    NOT NULL,
    manifest    BLOB, -- if it is small and the content is gone
    edition     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (transfer_no, root, edition)
) STRICT;
INSERT INTO offers_by_edition (transfer_no, root, number, offer, signature, manifest)
SELECT transfer_no, root, number, offer, signature, manifest FROM signed_offers;
DROP TABLE signed_offers;
ALTER TABLE offers_by_edition RENAME TO signed_offers;
