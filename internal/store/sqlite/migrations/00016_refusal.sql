-- +goose Up
-- What a device refused a transfer for, in one word; empty of those that say nothing.
ALTER TABLE deliveries ADD COLUMN refusal TEXT NOT NULL DEFAULT '';
