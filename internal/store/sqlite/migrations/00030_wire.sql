-- +goose Up
-- The newest version of the wire that the device's receiver spoke when it connected last; 0: it did not say.
ALTER TABLE devices ADD COLUMN wire INTEGER NOT NULL DEFAULT 0;
