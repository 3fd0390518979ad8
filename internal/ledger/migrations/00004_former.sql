-- +goose Up
-- What was delivered last under a path itself, while the newest delivery lies under another name:
-- who undoes their edit has that there again. No digest: nothing was, or it still lies there.
ALTER TABLE paths ADD COLUMN former_digest TEXT NOT NULL DEFAULT '';
ALTER TABLE paths ADD COLUMN former_size INTEGER NOT NULL DEFAULT 0;
