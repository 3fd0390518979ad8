-- +goose Up
-- What a device that refused a transfer for want of space needs, has free and keeps: numbers, as JSON.
ALTER TABLE deliveries ADD COLUMN space TEXT NOT NULL DEFAULT '';
