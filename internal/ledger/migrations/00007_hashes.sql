-- +goose Up
-- By which hash a path's content is known: 0 SHA-256, 1 BLAKE3, as format 2 has it.
ALTER TABLE paths ADD COLUMN blake3 INTEGER NOT NULL DEFAULT 0;
