-- +goose Up
-- The tables as SQLite's migrations up to this number make them. From here on each change has a file here and one
-- there, with one number; a test holds the tables and columns against each other. sqlc reads the files here.
-- COLLATE "C": texts sort by their bytes, as in SQLite, whatever the locale of the database is.
CREATE TABLE users (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name       TEXT COLLATE "C" NOT NULL UNIQUE,
    role       TEXT COLLATE "C" NOT NULL,
    password   TEXT COLLATE "C" NOT NULL,
    disabled   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- A site is a part of the network that one sender reaches by multicast. '' is the server's own.
CREATE TABLE sites (
    id    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name  TEXT COLLATE "C" NOT NULL UNIQUE,
    epoch BIGINT NOT NULL -- how often somebody took it over: who took it before writes nothing for it any more
);
INSERT INTO sites (id, name, epoch) VALUES ('', 'here', 0);

CREATE TABLE devices (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT COLLATE "C" NOT NULL,
    public_key BYTEA NOT NULL,
    os         TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen  BIGINT NOT NULL,
    address    TEXT COLLATE "C" NOT NULL,
    path       TEXT COLLATE "C" NOT NULL,
    free_bytes BIGINT NOT NULL,
    loss       DOUBLE PRECISION NOT NULL,
    clock_off  BIGINT NOT NULL,
    copy_of    TEXT COLLATE "C" NOT NULL DEFAULT '', -- the device whose home was copied
    machine    TEXT COLLATE "C" NOT NULL DEFAULT '',
    site       TEXT COLLATE "C" NOT NULL DEFAULT '',
    site_epoch BIGINT NOT NULL DEFAULT 0, -- how often it was moved
    disk_bytes BIGINT NOT NULL DEFAULT 0, -- of the disk that receives files; 0: not told
    reserve    BIGINT NOT NULL DEFAULT 0, -- bytes that it keeps free of it
    wire       BIGINT NOT NULL DEFAULT 0, -- newest version of the wire that its receiver spoke last; 0: not told
    UNIQUE (user_id, name)
);
CREATE INDEX devices_copies ON devices (copy_of) WHERE copy_of <> '';

-- What administrators noted of devices.
CREATE TABLE labels (
    device_id TEXT COLLATE "C" NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    name      TEXT COLLATE "C" NOT NULL,
    value     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (device_id, name)
);

CREATE TABLE tokens (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id  TEXT COLLATE "C" REFERENCES devices (id) ON DELETE CASCADE,
    scope      TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    last_used  BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    address    TEXT COLLATE "C" NOT NULL DEFAULT ''
);
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_device ON tokens (device_id);

CREATE TABLE groups (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL UNIQUE,
    address     TEXT COLLATE "C" NOT NULL,
    description TEXT COLLATE "C" NOT NULL,
    unlisted    BOOLEAN NOT NULL,
    created_at  BIGINT NOT NULL,
    version     BIGINT NOT NULL,
    new_devices TEXT COLLATE "C" NOT NULL DEFAULT 'allow'
);

CREATE TABLE members (
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    since    BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE requests (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    group_id   TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id    TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text       TEXT COLLATE "C" NOT NULL,
    state      TEXT COLLATE "C" NOT NULL,
    asked_at   BIGINT NOT NULL,
    decided_at BIGINT NOT NULL,
    decided_by TEXT COLLATE "C" NOT NULL,
    device_id  TEXT COLLATE "C" NOT NULL DEFAULT '' -- '': the user asks to become a member
);
CREATE UNIQUE INDEX requests_open ON requests (group_id, user_id, device_id) WHERE state = 'open';
CREATE INDEX requests_user ON requests (user_id, group_id);
CREATE INDEX requests_device ON requests (device_id, group_id) WHERE device_id <> '';

-- Which devices may have what of a group: all that decide it read it here.
CREATE VIEW admitted AS
SELECT m.group_id, m.user_id, u.name AS user_name, d.id AS device_id, d.name AS device_name, d.site
FROM members m JOIN users u ON u.id = m.user_id JOIN devices d ON d.user_id = m.user_id
WHERE NOT EXISTS (SELECT 1 FROM requests r
    WHERE r.device_id = d.id AND r.group_id = m.group_id AND r.state <> 'approved');

-- The group's and everybody's names are copied: what was sent is told after they are gone.
CREATE TABLE transfers (
    no              BIGINT NOT NULL PRIMARY KEY,
    group_id        TEXT COLLATE "C" NOT NULL,
    group_name      TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    files           BIGINT NOT NULL,
    bytes           BIGINT NOT NULL,
    blocks          BIGINT NOT NULL,
    state           TEXT COLLATE "C" NOT NULL,
    reason          TEXT COLLATE "C" NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    started_at      BIGINT NOT NULL,
    ended_at        BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    hold            BOOLEAN NOT NULL,
    via             TEXT COLLATE "C" NOT NULL,
    rate_limit      BIGINT NOT NULL,
    in_place        BOOLEAN NOT NULL,
    root            TEXT COLLATE "C" NOT NULL,
    source          TEXT COLLATE "C" NOT NULL,
    manifest_bytes  BIGINT NOT NULL,
    manifest_blocks BIGINT NOT NULL,
    content_gone    BOOLEAN NOT NULL,
    content         TEXT COLLATE "C" NOT NULL DEFAULT '',
    left_out        BIGINT NOT NULL DEFAULT 0,
    lost            BIGINT NOT NULL DEFAULT 0,
    folders         BIGINT NOT NULL DEFAULT 0,
    replaced_by     BIGINT NOT NULL DEFAULT 0, -- the newer transfer that took over all that was owed; 0: none
    paused          BOOLEAN NOT NULL DEFAULT FALSE, -- by an administrator: it is open, and nothing of it is sent
    selection       TEXT COLLATE "C" NOT NULL DEFAULT '', -- for whom of its group it is; '': for all
    paged           TEXT COLLATE "C" NOT NULL DEFAULT '', -- full or delta, if it is paged (format 2)
    transfer_id     TEXT COLLATE "C" NOT NULL DEFAULT '',
    edition         BIGINT NOT NULL DEFAULT 0,
    skeleton        TEXT COLLATE "C" NOT NULL DEFAULT '',
    skeleton_bytes  BIGINT NOT NULL DEFAULT 0,
    pages           BIGINT NOT NULL DEFAULT 0 -- page numbers that offers reserve
);
CREATE INDEX transfers_group ON transfers (group_id, state);
CREATE INDEX transfers_state ON transfers (state);
CREATE INDEX transfers_content ON transfers (content);

-- For whom of its group a transfer is, term by term: a device, or a label.
CREATE TABLE terms (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    side        TEXT COLLATE "C" NOT NULL, -- only, except
    device_id   TEXT COLLATE "C" NOT NULL, -- '': it is a label
    name        TEXT COLLATE "C" NOT NULL,
    value       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (transfer_no, side, device_id, name, value)
);

-- Which devices belong to a transfer: they are admitted to its group, and its selection takes them. All that owe
-- something to somebody who comes read it here. What is owed already stays as it is when labels change.
CREATE VIEW addressed AS
SELECT t.no AS transfer_no, t.state, a.group_id, a.user_id, a.user_name, a.device_id, a.device_name, a.site
FROM transfers t JOIN admitted a ON a.group_id = t.group_id
WHERE NOT EXISTS (SELECT 1 FROM terms x WHERE x.transfer_no = t.no AND x.side = 'except'
        AND (x.device_id = a.device_id OR EXISTS (SELECT 1 FROM labels l
            WHERE l.device_id = a.device_id AND l.name = x.name AND l.value = x.value)))
    AND (NOT EXISTS (SELECT 1 FROM terms o WHERE o.transfer_no = t.no AND o.side = 'only')
        OR EXISTS (SELECT 1 FROM terms o WHERE o.transfer_no = t.no AND o.side = 'only' AND o.device_id = a.device_id)
        OR (EXISTS (SELECT 1 FROM terms o WHERE o.transfer_no = t.no AND o.side = 'only' AND o.device_id = '')
            AND NOT EXISTS (SELECT 1 FROM terms o
                WHERE o.transfer_no = t.no AND o.side = 'only' AND o.device_id = ''
                    AND NOT EXISTS (SELECT 1 FROM terms s JOIN labels l ON l.name = s.name AND l.value = s.value
                        WHERE s.transfer_no = t.no AND s.side = 'only' AND s.device_id = '' AND s.name = o.name
                            AND l.device_id = a.device_id))));

-- What is counted of a transfer in each site. The transfer's own figures are sums of these.
CREATE TABLE transfer_sites (
    transfer_no    BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    site           TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    wire_bytes     BIGINT NOT NULL DEFAULT 0,
    https_bytes    BIGINT NOT NULL DEFAULT 0,
    forged_devices BIGINT NOT NULL DEFAULT 0,
    forged_blocks  BIGINT NOT NULL DEFAULT 0,
    owed           BIGINT NOT NULL DEFAULT 0, -- counts of deliveries, kept by whoever changes them
    verified       BIGINT NOT NULL DEFAULT 0,
    failed         BIGINT NOT NULL DEFAULT 0,
    incomplete     BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (transfer_no, site)
);

-- A transfer with its figures over all sites. Devices are in one site each, so that those who tell of
-- forged packets add up; the blocks may be the same in each.
CREATE VIEW counted_transfers AS
SELECT t.*,
    CAST((SELECT COALESCE(SUM(s.wire_bytes), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS wire_bytes,
    CAST((SELECT COALESCE(SUM(s.https_bytes), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS https_bytes,
    CAST((SELECT COALESCE(SUM(s.forged_devices), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS forged_devices,
    CAST((SELECT COALESCE(MAX(s.forged_blocks), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS forged_blocks,
    CAST((SELECT COALESCE(SUM(s.owed), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS owed,
    CAST((SELECT COALESCE(SUM(s.verified), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS verified,
    CAST((SELECT COALESCE(SUM(s.failed), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS failed,
    CAST((SELECT COALESCE(SUM(s.incomplete), 0) FROM transfer_sites s
        WHERE s.transfer_no = t.no) AS BIGINT) AS incomplete
FROM transfers t;

-- Which transfers hold every path of an older one of their group. It stays when a transfer is owed again.
CREATE TABLE replacements (
    older BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    newer BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    PRIMARY KEY (older, newer)
);
CREATE INDEX replacements_newer ON replacements (newer);
CREATE INDEX transfers_replaced ON transfers (replaced_by) WHERE replaced_by <> 0;

CREATE TABLE left_out (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    path        TEXT COLLATE "C" NOT NULL,
    why         TEXT COLLATE "C" NOT NULL,
    detail      TEXT COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX left_out_path ON left_out (transfer_no, md5(path)); -- a path may be too long for a key
CREATE INDEX left_out_paths ON left_out USING hash (path);

CREATE TABLE editions (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    root        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (transfer_no, root)
);

CREATE TABLE deliveries (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    user_id     TEXT COLLATE "C" NOT NULL,
    device_id   TEXT COLLATE "C" NOT NULL, -- '': the member has no device yet
    user_name   TEXT COLLATE "C" NOT NULL,
    device_name TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    path        TEXT COLLATE "C" NOT NULL,
    blocks      BIGINT NOT NULL,
    bytes       BIGINT NOT NULL,
    loss        DOUBLE PRECISION NOT NULL,
    bar         BYTEA,
    receipt     BYTEA,
    updated_at  BIGINT NOT NULL,
    later       BOOLEAN NOT NULL DEFAULT FALSE, -- an administrator put it off
    entries     BIGINT NOT NULL DEFAULT 0,
    missing     BIGINT NOT NULL DEFAULT 0,
    void        BIGINT NOT NULL DEFAULT 0, -- of those: what the server could not deliver, of a paged transfer
    beside      BIGINT NOT NULL DEFAULT 0,
    entry_bytes BIGINT NOT NULL DEFAULT 0, -- of the entries kept, for their bound
    signed      TEXT COLLATE "C" NOT NULL DEFAULT '', -- what of it the device signed
    refusal     TEXT COLLATE "C" NOT NULL DEFAULT '', -- what the device refused it for, in one word
    site        TEXT COLLATE "C" NOT NULL DEFAULT '', -- where the device was when it was owed last: there it is counted
    replaced_by BIGINT NOT NULL DEFAULT 0, -- of one that is cancelled: the newer transfer that is owed instead
    space       TEXT COLLATE "C" NOT NULL DEFAULT '', -- of one that was refused for want of space: its numbers, JSON
    PRIMARY KEY (transfer_no, user_id, device_id)
);
CREATE INDEX deliveries_user ON deliveries (user_id, state);
CREATE INDEX deliveries_device ON deliveries (device_id, state);
CREATE INDEX deliveries_state ON deliveries (transfer_no, state, site);
CREATE INDEX deliveries_one ON deliveries (transfer_no, device_id);

CREATE TABLE counters (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('offer', 0), ('transfer', 0);

CREATE TABLE open_offers (
    number      BIGINT NOT NULL PRIMARY KEY,
    transfer_no BIGINT NOT NULL,
    opened_at   BIGINT NOT NULL,
    site        TEXT COLLATE "C" NOT NULL DEFAULT '',
    epoch       BIGINT NOT NULL DEFAULT 0 -- of the site, when it was opened
);

CREATE TABLE offer_gaps (
    first BIGINT NOT NULL PRIMARY KEY, -- the numbers from first to last were never drawn
    last  BIGINT NOT NULL
);

CREATE TABLE audit (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      BIGINT NOT NULL,
    actor   TEXT COLLATE "C" NOT NULL,
    action  TEXT COLLATE "C" NOT NULL,
    object  TEXT COLLATE "C" NOT NULL,
    detail  TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL
);

CREATE TABLE settings (
    name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL
);

CREATE TABLE series (
    transfer_no BIGINT NOT NULL PRIMARY KEY REFERENCES transfers (no) ON DELETE CASCADE,
    points      BYTEA NOT NULL
);

-- How far the devices of a running transfer were, all in one: it is written now and then, for a server that
-- starts again. What a delivery got in the end stands in deliveries.
CREATE TABLE progress (
    transfer_no BIGINT NOT NULL PRIMARY KEY REFERENCES transfers (no) ON DELETE CASCADE,
    devices     BYTEA NOT NULL
);

CREATE TABLE handouts (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    session     TEXT COLLATE "C" NOT NULL,
    device_id   TEXT COLLATE "C" NOT NULL,
    version     BIGINT NOT NULL,
    user_name   TEXT COLLATE "C" NOT NULL,
    device_name TEXT COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    site        TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (transfer_no, session, device_id)
);

CREATE TABLE delivery_entries (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    device_id   TEXT COLLATE "C" NOT NULL,
    n           BIGINT NOT NULL, -- in the device's order
    path        TEXT COLLATE "C" NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    result      TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (transfer_no, device_id, n)
);

CREATE TABLE held_files (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    first       BIGINT NOT NULL,
    files       BIGINT NOT NULL,
    entries     BYTEA NOT NULL,
    PRIMARY KEY (transfer_no, first)
);

CREATE TABLE receipts (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    device_id   TEXT COLLATE "C" NOT NULL,
    sequence    BIGINT NOT NULL,
    signed      BYTEA NOT NULL,
    signature   BYTEA NOT NULL,
    public_key  BYTEA NOT NULL,
    since       BIGINT NOT NULL,
    reason      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (transfer_no, device_id)
);

CREATE TABLE signed_offers (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    root        TEXT COLLATE "C" NOT NULL,
    number      BIGINT NOT NULL,
    offer       BYTEA NOT NULL,
    signature   BYTEA NOT NULL,
    manifest    BYTEA, -- if it is small and the content is gone
    edition     BIGINT NOT NULL DEFAULT 0, -- of a paged transfer, whose skeleton root is
    PRIMARY KEY (transfer_no, root, edition)
);

-- The pages of a paged transfer's edition, from 0 without a gap; and the final pages of all its editions.
CREATE TABLE pages (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    edition     BIGINT NOT NULL,
    number      BIGINT NOT NULL,
    page        BYTEA NOT NULL,
    PRIMARY KEY (transfer_no, edition, number)
);
CREATE TABLE final_pages (
    transfer_no BIGINT NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    edition     BIGINT NOT NULL,
    root        TEXT COLLATE "C" NOT NULL,
    page        BYTEA NOT NULL,
    PRIMARY KEY (transfer_no, edition)
);

-- Where the devices of a group stand in their room: the size of the grid, and the seats that are taken.
CREATE TABLE seat_maps (
    group_id     TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES groups (id) ON DELETE CASCADE,
    seat_rows    BIGINT NOT NULL,
    seat_columns BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    changed_by   TEXT COLLATE "C" NOT NULL
);
CREATE TABLE seats (
    group_id    TEXT COLLATE "C" NOT NULL REFERENCES seat_maps (group_id) ON DELETE CASCADE,
    device_id   TEXT COLLATE "C" NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    seat_row    BIGINT NOT NULL,
    seat_column BIGINT NOT NULL,
    PRIMARY KEY (group_id, device_id),
    UNIQUE (group_id, seat_row, seat_column)
);
CREATE INDEX seats_device ON seats (device_id);

CREATE TABLE keyed_calls (
    account  TEXT COLLATE "C" NOT NULL,
    key_hash TEXT COLLATE "C" NOT NULL,
    request  TEXT COLLATE "C" NOT NULL,
    began_at BIGINT NOT NULL,
    answer   TEXT COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (account, key_hash)
);

-- A relay sends in a site what it fetched from the server. It begins with a code that is used once.
CREATE TABLE relays (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site         TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    name         TEXT COLLATE "C" NOT NULL UNIQUE,
    code         TEXT COLLATE "C" UNIQUE, -- SHA-256, as of all secrets here; NULL once it was used
    code_expires BIGINT NOT NULL,
    public_key   TEXT COLLATE "C" NOT NULL DEFAULT '',
    token        TEXT COLLATE "C" UNIQUE, -- NULL before the code was used
    created_at   BIGINT NOT NULL,
    revoked_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX relays_site ON relays (site);

-- The groups that are sent in a site by its relays.
CREATE TABLE site_groups (
    site     TEXT COLLATE "C" NOT NULL REFERENCES sites (id),
    group_id TEXT COLLATE "C" NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (site, group_id)
);

-- Sessions of relays that a lease was granted for: each may still be sealed for until it has run out.
CREATE TABLE leases (
    session  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site     TEXT COLLATE "C" NOT NULL,
    epoch    BIGINT NOT NULL,
    relay    TEXT COLLATE "C" NOT NULL,
    group_id TEXT COLLATE "C" NOT NULL,
    version  BIGINT NOT NULL -- of the group's membership
);
