-- +goose Up
-- How large the disk is that receives files, and what the receiver keeps free of it; 0: it has not told.
ALTER TABLE devices ADD COLUMN disk_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE devices ADD COLUMN reserve INTEGER NOT NULL DEFAULT 0;
