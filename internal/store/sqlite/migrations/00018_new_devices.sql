-- +goose Up
-- A new device of a member may have to wait until an administrator lets it into the group.
ALTER TABLE groups ADD COLUMN new_devices TEXT NOT NULL DEFAULT 'allow';
-- '': the user asks to become a member.
ALTER TABLE requests ADD COLUMN device_id TEXT NOT NULL DEFAULT '';
DROP INDEX requests_open;
CREATE UNIQUE INDEX requests_open ON requests (group_id, user_id, device_id) WHERE state = 'open';
CREATE INDEX requests_device ON requests (device_id, group_id) WHERE device_id <> '';
-- Which devices may have what of a group: all that decide it read it here.
CREATE VIEW admitted AS
SELECT m.group_id, m.user_id, u.name AS user_name, d.id AS device_id, d.name AS device_name
FROM members m JOIN users u ON u.id = m.user_id JOIN devices d ON d.user_id = m.user_id
WHERE NOT EXISTS (SELECT 1 FROM requests r
    WHERE r.device_id = d.id AND r.group_id = m.group_id AND r.state <> 'approved');
