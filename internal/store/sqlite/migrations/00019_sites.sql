-- +goose Up
-- A site is a part of the network that one sender reaches by multicast. '' is the server's own.
CREATE TABLE sites (
    id    TEXT    NOT NULL PRIMARY KEY,
    name  TEXT    NOT NULL UNIQUE,
    epoch INTEGER NOT NULL -- how often somebody took it over: who took it before writes nothing for it any more
) STRICT;
INSERT INTO sites (id, name, epoch) VALUES ('', 'here', 0);

-- Which site a device is in, and how often it was moved.
ALTER TABLE devices ADD COLUMN site TEXT NOT NULL DEFAULT '';
ALTER TABLE devices ADD COLUMN site_epoch INTEGER NOT NULL DEFAULT 0;
DROP VIEW admitted;
CREATE VIEW admitted AS
SELECT m.group_id, m.user_id, u.name AS user_name, d.id AS device_id, d.name AS device_name, d.site
FROM members m JOIN users u ON u.id = m.user_id JOIN devices d ON d.user_id = m.user_id
WHERE NOT EXISTS (SELECT 1 FROM requests r
    WHERE r.device_id = d.id AND r.group_id = m.group_id AND r.state <> 'approved');

-- Where the device was when it was owed the transfer last: there it is counted.
ALTER TABLE deliveries ADD COLUMN site TEXT NOT NULL DEFAULT '';
DROP INDEX deliveries_state;
CREATE INDEX deliveries_state ON deliveries (transfer_no, state, site);

ALTER TABLE handouts ADD COLUMN site TEXT NOT NULL DEFAULT '';
ALTER TABLE open_offers ADD COLUMN site TEXT NOT NULL DEFAULT '';
ALTER TABLE open_offers ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0; -- of the site, when it was opened

-- What is counted of a transfer in each site. The transfer's own figures are sums of these.
CREATE TABLE transfer_sites (
    transfer_no    INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    site           TEXT    NOT NULL REFERENCES sites (id),
    wire_bytes     INTEGER NOT NULL DEFAULT 0,
    https_bytes    INTEGER NOT NULL DEFAULT 0,
    forged_devices INTEGER NOT NULL DEFAULT 0,
    forged_blocks  INTEGER NOT NULL DEFAULT 0,
    owed           INTEGER NOT NULL DEFAULT 0, -- counts of deliveries, kept by whoever changes them
    verified       INTEGER NOT NULL DEFAULT 0,
    failed         INTEGER NOT NULL DEFAULT 0,
    incomplete     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (transfer_no, site)
) STRICT, WITHOUT ROWID;
INSERT INTO transfer_sites (transfer_no, site, wire_bytes, https_bytes, forged_devices, forged_blocks,
    owed, verified, failed, incomplete)
SELECT no, '', wire_bytes, https_bytes, forged_devices, forged_blocks, owed, verified, failed, incomplete
FROM transfers;
ALTER TABLE transfers DROP COLUMN wire_bytes;
ALTER TABLE transfers DROP COLUMN https_bytes;
ALTER TABLE transfers DROP COLUMN forged_devices;
ALTER TABLE transfers DROP COLUMN forged_blocks;
ALTER TABLE transfers DROP COLUMN owed;
ALTER TABLE transfers DROP COLUMN verified;
ALTER TABLE transfers DROP COLUMN failed;
ALTER TABLE transfers DROP COLUMN incomplete;

-- A transfer with its figures over all sites. Devices are in one site each, so that those who tell of
-- forged packets add up; the blocks may be the same in each.
CREATE VIEW counted_transfers AS
SELECT t.*,
    (SELECT COALESCE(SUM(s.wire_bytes), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS wire_bytes,
    (SELECT COALESCE(SUM(s.https_bytes), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS https_bytes,
    (SELECT COALESCE(SUM(s.forged_devices), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS forged_devices,
    (SELECT COALESCE(MAX(s.forged_blocks), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS forged_blocks,
    (SELECT COALESCE(SUM(s.owed), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS owed,
    (SELECT COALESCE(SUM(s.verified), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS verified,
    (SELECT COALESCE(SUM(s.failed), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS failed,
    (SELECT COALESCE(SUM(s.incomplete), 0) FROM transfer_sites s WHERE s.transfer_no = t.no) AS incomplete
FROM transfers t;
