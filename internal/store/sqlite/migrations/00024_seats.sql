-- +goose Up
-- Where the devices of a group stand in their room: the size of the grid, and the seats that are taken.
CREATE TABLE seat_maps (
    group_id     TEXT    NOT NULL PRIMARY KEY REFERENCES groups (id) ON DELETE CASCADE,
    seat_rows    INTEGER NOT NULL,
    seat_columns INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    changed_by   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE seats (
    group_id    TEXT    NOT NULL REFERENCES seat_maps (group_id) ON DELETE CASCADE,
    device_id   TEXT    NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    seat_row    INTEGER NOT NULL,
    seat_column INTEGER NOT NULL,
    PRIMARY KEY (group_id, device_id),
    UNIQUE (group_id, seat_row, seat_column)
) STRICT, WITHOUT ROWID;
CREATE INDEX seats_device ON seats (device_id);
