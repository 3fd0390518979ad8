-- +goose Up
-- What administrators noted of devices.
CREATE TABLE labels (
    device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (device_id, name)
) STRICT, WITHOUT ROWID;

-- For whom of its group a transfer is, as it was asked for; '': for all.
ALTER TABLE transfers ADD COLUMN selection TEXT NOT NULL DEFAULT '';

-- The same, term by term: a device, or a label.
CREATE TABLE terms (
    transfer_no INTEGER NOT NULL REFERENCES transfers (no) ON DELETE CASCADE,
    side        TEXT    NOT NULL, -- only, except
    device_id   TEXT    NOT NULL, -- '': it is a label
    name        TEXT    NOT NULL,
    value       TEXT    NOT NULL,
    PRIMARY KEY (transfer_no, side, device_id, name, value)
) STRICT, WITHOUT ROWID;

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
