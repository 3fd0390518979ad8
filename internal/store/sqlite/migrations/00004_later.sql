-- +goose Up
-- A device that an administrator put off stays so when the server is started again.
ALTER TABLE deliveries ADD COLUMN later INTEGER NOT NULL DEFAULT 0;
