-- +goose Up
-- Which devices were handed the key of which session. Names are copied, as in deliveries.
CREATE TABLE handouts (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    session     TEXT    NOT NULL,
    device_id   TEXT    NOT NULL,
    version     INTEGER NOT NULL, -- of the group's membership
    user_name   TEXT    NOT NULL,
    device_name TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    PRIMARY KEY (transfer_no, session, device_id)
) STRICT;
