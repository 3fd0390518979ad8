-- +goose Up
-- The numbers of offers that each start leaves out. A signed offer with such a number was made by
-- another life of this server: one of the two began from a copy of the other's home.
CREATE TABLE offer_gaps (
    first INTEGER NOT NULL PRIMARY KEY,
    last  INTEGER NOT NULL
) STRICT;
