-- +goose Up
-- A relay sends in a site what it fetched from the server. It begins with a code that is used once.
CREATE TABLE relays (
    id           TEXT    NOT NULL PRIMARY KEY,
    site         TEXT    NOT NULL REFERENCES sites (id),
    name         TEXT    NOT NULL UNIQUE,
    code         TEXT    UNIQUE, -- SHA-256, as of all secrets here; NULL once it was used
    code_expires INTEGER NOT NULL,
    public_key   TEXT    NOT NULL DEFAULT '',
    token        TEXT    UNIQUE, -- NULL before the code was used
    created_at   INTEGER NOT NULL,
    revoked_at   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX relays_site ON relays (site);

-- The groups that are sent in a site by its relays.
CREATE TABLE site_groups (
    site     TEXT NOT NULL REFERENCES sites (id),
    group_id TEXT NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    PRIMARY KEY (site, group_id)
) STRICT, WITHOUT ROWID;

-- Sessions of relays that a lease was granted for: each may still be sealed for until it has run out.
CREATE TABLE leases (
    session  TEXT    NOT NULL PRIMARY KEY,
    site     TEXT    NOT NULL,
    epoch    INTEGER NOT NULL,
    relay    TEXT    NOT NULL,
    group_id TEXT    NOT NULL,
    version  INTEGER NOT NULL -- of the group's membership
) STRICT, WITHOUT ROWID;
