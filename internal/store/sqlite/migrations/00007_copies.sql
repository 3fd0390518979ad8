-- +goose Up
-- A device that was made because its home had been copied: of which device, on which machine.
ALTER TABLE devices ADD COLUMN copy_of TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN machine TEXT NOT NULL DEFAULT '';
CREATE INDEX devices_copies ON devices (copy_of) WHERE copy_of <> '';
