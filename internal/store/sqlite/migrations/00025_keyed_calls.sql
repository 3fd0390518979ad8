-- +goose Up
-- Calls that came with an idempotency key. Of the key there is a hash, of the request a code that only who has the
-- key can make; the answer is '' as long as it is not known.
CREATE TABLE keyed_calls (
    account  TEXT    NOT NULL,
    key_hash TEXT    NOT NULL,
    request  TEXT    NOT NULL,
    began_at INTEGER NOT NULL,
    answer   TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (account, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX keyed_calls_began ON keyed_calls (began_at);
