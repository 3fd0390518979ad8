-- +goose Up
-- What devices told of packets that a member forged: how many of them, and of how many blocks.
ALTER TABLE transfers ADD COLUMN forged_devices INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfers ADD COLUMN forged_blocks INTEGER NOT NULL DEFAULT 0;
