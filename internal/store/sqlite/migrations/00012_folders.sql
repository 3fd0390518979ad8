-- +goose Up
-- How many of a transfer's entries are folders; files counts all of them.
ALTER TABLE transfers ADD COLUMN folders INTEGER NOT NULL DEFAULT 0;
