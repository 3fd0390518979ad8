-- +goose Up
-- How each group was called last: its files lie in a folder of that name.
CREATE TABLE group_names (
    server   TEXT NOT NULL,
    group_id TEXT NOT NULL,
    name     TEXT NOT NULL,
    PRIMARY KEY (server, group_id)
) STRICT, WITHOUT ROWID;

INSERT INTO group_names (server, group_id, name)
SELECT server, group_id, group_name FROM inbox WHERE id IN (SELECT MAX(id) FROM inbox GROUP BY server, group_id);
