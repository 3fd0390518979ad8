-- +goose Up
CREATE TABLE users (
    id         TEXT    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    role       TEXT    NOT NULL,
    password   TEXT    NOT NULL,
    disabled   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE devices (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    public_key BLOB    NOT NULL,
    os         TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen  INTEGER NOT NULL,
    address    TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    free_bytes INTEGER NOT NULL,
    loss       REAL    NOT NULL,
    clock_off  INTEGER NOT NULL,
    UNIQUE (user_id, name)
) STRICT;

CREATE TABLE tokens (
    hash       TEXT    NOT NULL PRIMARY KEY,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id  TEXT    REFERENCES devices (id) ON DELETE CASCADE,
    scope      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    last_used  INTEGER NOT NULL,
    expires    INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_user ON tokens (user_id);
CREATE INDEX tokens_device ON tokens (device_id);

CREATE TABLE groups (
    id          TEXT    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    address     TEXT    NOT NULL,
    description TEXT    NOT NULL,
    unlisted    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    group_id TEXT    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id  TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    since    INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id)
) STRICT;
CREATE INDEX members_user ON members (user_id);

CREATE TABLE requests (
    id         TEXT    NOT NULL PRIMARY KEY,
    group_id   TEXT    NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    text       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    asked_at   INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    decided_by TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX requests_open ON requests (group_id, user_id) WHERE state = 'open';
CREATE INDEX requests_user ON requests (user_id, group_id);

-- The group's and everybody's names are copied: what was sent is told after they are gone.
CREATE TABLE transfers (
    no              INTEGER NOT NULL PRIMARY KEY,
    group_id        TEXT    NOT NULL,
    group_name      TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    files           INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    blocks          INTEGER NOT NULL,
    state           TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    created_by      TEXT    NOT NULL,
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    hold            INTEGER NOT NULL,
    via             TEXT    NOT NULL,
    rate_limit      INTEGER NOT NULL,
    in_place        INTEGER NOT NULL,
    root            TEXT    NOT NULL,
    wire_bytes      INTEGER NOT NULL,
    https_bytes     INTEGER NOT NULL,
    source          TEXT    NOT NULL,
    manifest_bytes  INTEGER NOT NULL,
    manifest_blocks INTEGER NOT NULL,
    content_gone    INTEGER NOT NULL,
    owed            INTEGER NOT NULL, -- counts of deliveries, kept by whoever changes them
    verified        INTEGER NOT NULL,
    failed          INTEGER NOT NULL
) STRICT;
CREATE INDEX transfers_group ON transfers (group_id, state);
CREATE INDEX transfers_state ON transfers (state);

CREATE TABLE deliveries (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    user_id     TEXT    NOT NULL,
    device_id   TEXT    NOT NULL, -- '': the member has no device yet
    user_name   TEXT    NOT NULL,
    device_name TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    path        TEXT    NOT NULL,
    blocks      INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    loss        REAL    NOT NULL,
    bar         BLOB,
    receipt     BLOB,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (transfer_no, user_id, device_id)
) STRICT;
CREATE INDEX deliveries_user ON deliveries (user_id, state);
CREATE INDEX deliveries_device ON deliveries (device_id, state);
CREATE INDEX deliveries_state ON deliveries (transfer_no, state);

CREATE TABLE counters (
    name  TEXT    NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO counters (name, value) VALUES ('offer', 0), ('transfer', 0);

CREATE TABLE open_offers (
    number      INTEGER NOT NULL PRIMARY KEY,
    transfer_no INTEGER NOT NULL,
    opened_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    object  TEXT    NOT NULL,
    detail  TEXT    NOT NULL,
    address TEXT    NOT NULL
) STRICT;

CREATE TABLE settings (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
