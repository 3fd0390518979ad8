-- +goose Up
-- By which hash the digest of what came is: 0 SHA-256, 1 BLAKE3, as format 2 has it.
ALTER TABLE inbox ADD COLUMN blake3 INTEGER NOT NULL DEFAULT 0;
