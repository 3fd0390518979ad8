-- +goose Up
-- The servers that share this database, and which of them is the active one.
CREATE TABLE nodes (
    id      TEXT COLLATE "C" NOT NULL PRIMARY KEY, -- of a home
    name    TEXT COLLATE "C" NOT NULL,
    address TEXT COLLATE "C" NOT NULL, -- where the others reach it
    version TEXT COLLATE "C" NOT NULL, -- of its program
    beat    BIGINT NOT NULL,
    seen_at BIGINT NOT NULL -- the last beat, by the database's clock
);

-- One row. Every transaction of the active node looks at its epoch.
CREATE TABLE active_node (
    one   BIGINT NOT NULL PRIMARY KEY CHECK (one = 1),
    node  TEXT COLLATE "C" NOT NULL, -- empty: none so far
    epoch BIGINT NOT NULL,
    since BIGINT NOT NULL,
    free  BOOLEAN NOT NULL -- it has given its place back
);
INSERT INTO active_node (one, node, epoch, since, free) VALUES (1, '', 0, 0, false);
DELETE FROM settings WHERE name = 'holder';
