-- name: AddUser :exec
INSERT INTO users (id, name, role, password, disabled, created_at)
VALUES (@id, @name, @role, @password, @disabled, @created_at);

-- name: UserByName :one
SELECT * FROM users WHERE name = @name;

-- name: UserByID :one
SELECT * FROM users WHERE id = @id;

-- name: Users :many
SELECT * FROM users ORDER BY name LIMIT @most OFFSET @skip;

-- name: CountUsers :one
SELECT COUNT(*) FROM users;

-- name: SetPassword :execrows
UPDATE users SET password = @password WHERE id = @id;

-- name: SetRole :execrows
UPDATE users SET role = @role WHERE id = @id;

-- name: SetDisabled :execrows
UPDATE users SET disabled = @disabled WHERE id = @id;

-- name: DeleteUser :execrows
DELETE FROM users WHERE id = @id;

-- name: Administrators :one
SELECT COUNT(*) FROM users WHERE role = 'admin' AND NOT disabled;

-- name: AddToken :exec
INSERT INTO tokens (hash, user_id, device_id, scope, created_at, last_used, expires, address)
VALUES (@hash, @user_id, @device_id, @scope, @created_at, @last_used, @expires, @address);

-- name: TrimTokens :exec
DELETE FROM tokens WHERE tokens.user_id = @user_id AND tokens.scope = @scope
    AND COALESCE(tokens.device_id, '') = CAST(@device AS TEXT) AND tokens.hash NOT IN (SELECT k.hash FROM tokens k
        WHERE k.user_id = @user_id AND k.scope = @scope AND COALESCE(k.device_id, '') = CAST(@device AS TEXT)
        ORDER BY k.created_at DESC, k.hash LIMIT @most);

-- name: TokensOfUser :many
SELECT sqlc.embed(t), COALESCE(d.name, '') AS device_name FROM tokens t
LEFT JOIN devices d ON d.id = t.device_id
WHERE t.user_id = @user_id AND (t.expires = 0 OR t.expires > @now)
ORDER BY t.last_used DESC;

-- name: FindToken :one
SELECT sqlc.embed(t), sqlc.embed(u) FROM tokens t
JOIN users u ON u.id = t.user_id
WHERE t.hash = @hash AND (t.expires = 0 OR t.expires > @now);

-- name: TouchToken :exec
UPDATE tokens SET last_used = @last_used WHERE hash = @hash AND last_used < @last_used;

-- name: DeleteToken :execrows
DELETE FROM tokens WHERE hash = @hash;

-- name: DeleteTokens :exec
DELETE FROM tokens
WHERE user_id = @user_id AND (CAST(@scope AS TEXT) = '' OR scope = @scope) AND hash <> @except_hash;

-- A receiver's login outlives what its device is owed.
-- name: PruneTokens :execrows
DELETE FROM tokens WHERE (expires <> 0 AND expires <= @now)
    OR (scope <> 'agent' AND last_used < @unused_since)
    OR (scope = 'agent' AND last_used < @quiet_since AND NOT EXISTS (
        SELECT 1 FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
        WHERE d.device_id = tokens.device_id AND d.state IN ('queued', 'receiving', 'refused')
            AND t.state IN ('held', 'waiting', 'gathering', 'sending')));

-- name: AddDevice :exec
INSERT INTO devices (id, user_id, name, public_key, os, version, created_at, last_seen,
    address, path, free_bytes, loss, clock_off, copy_of, machine)
VALUES (@id, @user_id, @name, @public_key, @os, @version, @created_at, @last_seen,
    @address, @path, @free_bytes, @loss, @clock_off, @copy_of, @machine);

-- name: DeviceNames :many
SELECT name FROM devices WHERE user_id = @user_id;

-- name: Device :one
SELECT sqlc.embed(d), u.name AS user_name FROM devices d JOIN users u ON u.id = d.user_id
WHERE d.id = @id;

-- name: DeviceByKey :one
SELECT sqlc.embed(d), u.name AS user_name FROM devices d JOIN users u ON u.id = d.user_id
WHERE d.user_id = @user_id AND d.public_key = @public_key;

-- CROSS JOIN makes SQLite go through the users by name and stop at the end of the window, in place of sorting all.
-- name: Devices :many
SELECT sqlc.embed(d), u.name AS user_name FROM users u CROSS JOIN devices d
WHERE d.user_id = u.id AND (CAST(@user_id AS TEXT) = '' OR u.id = @user_id)
ORDER BY u.name, d.name LIMIT @most OFFSET @skip;

-- name: CountDevices :one
SELECT COUNT(*) FROM devices d WHERE CAST(@user_id AS TEXT) = '' OR d.user_id = @user_id;

-- name: DeviceLogins :many
SELECT d.id, COALESCE(o.name, '') AS copy_of,
    CAST(COALESCE((SELECT MAX(k.last_used) FROM tokens k WHERE k.device_id = d.id AND k.scope = 'agent'), 0) AS BIGINT) AS last_used,
    CAST(COALESCE((SELECT MAX(t.expires_at) FROM deliveries l JOIN transfers t ON t.no = l.transfer_no
        WHERE l.device_id = d.id AND l.state IN ('queued', 'receiving', 'refused')
            AND t.state IN ('held', 'waiting', 'gathering', 'sending')
            AND (NOT t.hold OR CAST(@held AS BOOLEAN))), 0) AS BIGINT) AS owed_until,
    CAST((SELECT COUNT(*) FROM deliveries l JOIN transfers t ON t.no = l.transfer_no
        WHERE l.device_id = d.id AND l.state IN ('queued', 'receiving', 'refused')
            AND t.state IN ('held', 'waiting', 'gathering', 'sending')
            AND (NOT t.hold OR CAST(@held AS BOOLEAN))) AS BIGINT) AS owed
FROM users u CROSS JOIN devices d LEFT JOIN devices o ON o.id = d.copy_of
WHERE d.user_id = u.id AND (CAST(@user_id AS TEXT) = '' OR u.id = @user_id)
ORDER BY u.name, d.name LIMIT @most OFFSET @skip;

-- name: DeviceGroups :many
SELECT a.device_id, g.name FROM admitted a JOIN groups g ON g.id = a.group_id
WHERE a.device_id IN (SELECT d.id FROM users u CROSS JOIN devices d
    WHERE d.user_id = u.id AND (CAST(@user_id AS TEXT) = '' OR u.id = @user_id)
    ORDER BY u.name, d.name LIMIT @most OFFSET @skip)
ORDER BY g.name;

-- name: LabelsOfDevices :many
SELECT l.* FROM labels l
WHERE l.device_id IN (SELECT d.id FROM users u CROSS JOIN devices d
    WHERE d.user_id = u.id AND (CAST(@user_id AS TEXT) = '' OR u.id = @user_id)
    ORDER BY u.name, d.name LIMIT @most OFFSET @skip);

-- name: LabelsOfDevice :many
SELECT l.name, l.value FROM labels l WHERE l.device_id = @device_id;

-- name: SetLabel :exec
INSERT INTO labels (device_id, name, value) VALUES (@device_id, @name, @value)
ON CONFLICT (device_id, name) DO UPDATE SET value = excluded.value;

-- name: RemoveLabel :exec
DELETE FROM labels WHERE device_id = @device_id AND name = @name;

-- name: CopyOnMachine :many
SELECT sqlc.embed(d), u.name AS user_name FROM devices d JOIN users u ON u.id = d.user_id
WHERE d.copy_of = @copy_of AND d.machine = @machine AND d.machine <> '' ORDER BY d.name;

-- name: RekeyDevice :exec
UPDATE devices SET public_key = @public_key, last_seen = @last_seen WHERE id = @id;

-- name: DeleteTokensOfDevice :exec
DELETE FROM tokens WHERE device_id = @device_id;

-- name: UpdateDevice :exec
UPDATE devices SET last_seen = @last_seen, address = @address, path = @path,
    free_bytes = @free_bytes, disk_bytes = @disk_bytes, reserve = @reserve, loss = @loss, clock_off = @clock_off,
    os = @os, version = @version, wire = @wire
WHERE id = @id;

-- name: DeleteDevice :exec
DELETE FROM devices WHERE id = @id;

-- name: AddGroup :exec
INSERT INTO groups (id, name, address, description, unlisted, created_at, version, new_devices)
VALUES (@id, @name, @address, @description, @unlisted, @created_at, 1, @new_devices);

-- name: SetNewDevices :execrows
UPDATE groups SET new_devices = @new_devices WHERE id = @id;

-- name: GroupsOfDevice :many
SELECT g.* FROM groups g JOIN admitted e ON e.group_id = g.id
WHERE e.device_id = @device_id ORDER BY g.name;

-- name: Withheld :many
SELECT g.name, r.state FROM requests r JOIN groups g ON g.id = r.group_id
JOIN members m ON m.group_id = r.group_id AND m.user_id = r.user_id
WHERE r.device_id = @device_id AND r.device_id <> '' AND r.state <> 'approved' ORDER BY g.name;

-- name: GroupByName :one
SELECT sqlc.embed(g),
    (SELECT COUNT(*) FROM members m WHERE m.group_id = g.id) AS members,
    CAST((SELECT COALESCE(SUM(s.owed), 0) FROM transfers t JOIN transfer_sites s ON s.transfer_no = t.no
        WHERE t.group_id = g.id AND t.state IN ('held', 'waiting', 'gathering', 'sending')) AS BIGINT) AS pending
FROM groups g WHERE g.name = @name;

-- name: GroupByID :one
SELECT sqlc.embed(g),
    (SELECT COUNT(*) FROM members m WHERE m.group_id = g.id) AS members,
    CAST((SELECT COALESCE(SUM(s.owed), 0) FROM transfers t JOIN transfer_sites s ON s.transfer_no = t.no
        WHERE t.group_id = g.id AND t.state IN ('held', 'waiting', 'gathering', 'sending')) AS BIGINT) AS pending
FROM groups g WHERE g.id = @id;

-- name: Groups :many
SELECT sqlc.embed(g),
    (SELECT COUNT(*) FROM members m WHERE m.group_id = g.id) AS members,
    CAST((SELECT COALESCE(SUM(s.owed), 0) FROM transfers t JOIN transfer_sites s ON s.transfer_no = t.no
        WHERE t.group_id = g.id AND t.state IN ('held', 'waiting', 'gathering', 'sending')) AS BIGINT) AS pending
FROM groups g ORDER BY g.name;

-- name: GroupsOfUser :many
SELECT sqlc.embed(g),
    (SELECT COUNT(*) FROM members m WHERE m.group_id = g.id) AS members,
    CAST((SELECT COALESCE(SUM(s.owed), 0) FROM transfers t JOIN transfer_sites s ON s.transfer_no = t.no
        WHERE t.group_id = g.id AND t.state IN ('held', 'waiting', 'gathering', 'sending')) AS BIGINT) AS pending
FROM groups g JOIN members me ON me.group_id = g.id AND me.user_id = @user_id
ORDER BY g.name;

-- name: RaiseVersion :execrows
UPDATE groups SET version = version + 1 WHERE id = @id;

-- name: DeleteGroup :execrows
DELETE FROM groups WHERE id = @id;

-- name: AddMember :exec
INSERT INTO members (group_id, user_id, since) VALUES (@group_id, @user_id, @since);

-- name: RemoveMember :execrows
DELETE FROM members WHERE group_id = @group_id AND user_id = @user_id;

-- name: IsMember :one
SELECT COUNT(*) FROM members WHERE group_id = @group_id AND user_id = @user_id;

-- name: Members :many
SELECT m.group_id, g.name AS group_name, m.user_id, u.name AS user_name, m.since,
    (SELECT COUNT(*) FROM devices d WHERE d.user_id = m.user_id) AS devices
FROM members m JOIN groups g ON g.id = m.group_id JOIN users u ON u.id = m.user_id
WHERE m.group_id = @group_id ORDER BY u.name LIMIT @most OFFSET @skip;

-- name: Memberships :many
SELECT group_id, user_id FROM members;

-- name: CountMembers :one
SELECT COUNT(*) FROM members WHERE group_id = @group_id;

-- name: Member :one
SELECT m.group_id, g.name AS group_name, m.user_id, u.name AS user_name, m.since,
    (SELECT COUNT(*) FROM devices d WHERE d.user_id = m.user_id) AS devices
FROM members m JOIN groups g ON g.id = m.group_id JOIN users u ON u.id = m.user_id
WHERE m.group_id = @group_id AND m.user_id = @user_id;

-- name: MembershipsOfUser :many
SELECT group_id, since FROM members WHERE user_id = @user_id;

-- name: AddRequest :exec
INSERT INTO requests (id, group_id, user_id, text, state, asked_at, decided_at, decided_by, device_id)
VALUES (@id, @group_id, @user_id, @text, 'open', @asked_at, 0, '', @device_id);

-- name: ForgetDevice :exec
DELETE FROM requests WHERE device_id = @device_id AND device_id <> '';

-- name: DecideDevice :execrows
UPDATE requests SET state = @state, decided_at = @decided_at, decided_by = @decided_by
WHERE group_id = @group_id AND device_id = @device_id AND device_id <> '' AND state <> @state;

-- name: DeviceRequest :one
SELECT id FROM requests WHERE group_id = @group_id AND device_id = @device_id AND device_id <> '';

-- name: WaitingDevices :many
SELECT device_id FROM requests WHERE group_id = @group_id AND device_id <> '' AND state = 'open';

-- name: ForgetDecided :exec
DELETE FROM requests WHERE group_id = @group_id AND user_id = @user_id AND device_id = '' AND state <> 'open';

-- name: OpenRequestsOfUser :one
SELECT COUNT(*) FROM requests WHERE user_id = @user_id AND device_id = '' AND state = 'open';

-- A device of somebody who is no member waits for nothing.
-- name: Requests :many
SELECT sqlc.embed(r), g.name AS group_name, u.name AS user_name,
    COALESCE(d.name, '') AS device_name, COALESCE(d.address, '') AS address,
    (SELECT COUNT(*) FROM devices o WHERE o.user_id = r.user_id) AS devices
FROM requests r JOIN groups g ON g.id = r.group_id JOIN users u ON u.id = r.user_id
LEFT JOIN devices d ON d.id = r.device_id
WHERE (CAST(@state AS TEXT) = '' OR r.state = @state)
    AND (r.device_id = '' OR EXISTS (SELECT 1 FROM members m WHERE m.group_id = r.group_id AND m.user_id = r.user_id))
ORDER BY r.asked_at, r.id LIMIT @most OFFSET @skip;

-- name: CountRequests :one
SELECT COUNT(*) FROM requests r
WHERE (CAST(@state AS TEXT) = '' OR r.state = @state)
    AND (r.device_id = '' OR EXISTS (SELECT 1 FROM members m WHERE m.group_id = r.group_id AND m.user_id = r.user_id));

-- name: Request :one
SELECT sqlc.embed(r), g.name AS group_name, u.name AS user_name,
    COALESCE(d.name, '') AS device_name, COALESCE(d.address, '') AS address,
    (SELECT COUNT(*) FROM devices o WHERE o.user_id = r.user_id) AS devices
FROM requests r JOIN groups g ON g.id = r.group_id JOIN users u ON u.id = r.user_id
LEFT JOIN devices d ON d.id = r.device_id
WHERE r.id = @id;

-- name: RequestsOfUser :many
SELECT * FROM requests WHERE user_id = @user_id AND device_id = '' ORDER BY asked_at;

-- name: OpenRequest :one
SELECT id FROM requests WHERE group_id = @group_id AND user_id = @user_id AND device_id = '' AND state = 'open';

-- name: DecideRequest :execrows
UPDATE requests SET state = @state, decided_at = @decided_at, decided_by = @decided_by
WHERE group_id = @group_id AND user_id = @user_id AND device_id = '' AND state = 'open';

-- name: WithdrawRequest :execrows
DELETE FROM requests WHERE group_id = @group_id AND user_id = @user_id AND device_id = '' AND state = 'open';

-- name: Count :one
UPDATE counters SET value = value + 1 WHERE name = @name RETURNING value;

-- name: Counter :one
SELECT value FROM counters WHERE name = @name;

-- name: SkipPast :exec
UPDATE counters SET value = @value WHERE name = @name AND value < @value;

-- name: AddSite :exec
INSERT INTO sites (id, name, epoch) VALUES (@id, @name, 0);

-- name: Sites :many
SELECT * FROM sites ORDER BY id;

-- name: Site :one
SELECT * FROM sites WHERE id = @id;

-- name: TakeSite :one
UPDATE sites SET epoch = epoch + 1 WHERE id = @id RETURNING epoch;

-- name: SkipSitesPast :exec
UPDATE sites SET epoch = @epoch WHERE epoch < @epoch;

-- name: MoveDevice :execrows
UPDATE devices SET site = @site, site_epoch = site_epoch + 1
WHERE devices.id = @id AND devices.site_epoch = @site_epoch AND EXISTS (SELECT 1 FROM sites s WHERE s.id = @site);

-- name: Placed :many
SELECT id, site FROM devices WHERE site <> '';

-- name: CountInSite :one
SELECT CAST((SELECT COUNT(*) FROM devices d WHERE d.site = @site) AS BIGINT) AS devices,
    CAST((SELECT COUNT(*) FROM relays r WHERE r.site = @site) AS BIGINT) AS relays;

-- name: TakeInDeliveries :exec
UPDATE deliveries SET site = '' WHERE site = @site;

-- name: TakeInCounts :exec
INSERT INTO transfer_sites (transfer_no, site, wire_bytes, https_bytes, forged_devices, forged_blocks,
    owed, verified, failed, incomplete)
SELECT f.transfer_no, '', f.wire_bytes, f.https_bytes, f.forged_devices, f.forged_blocks,
    f.owed, f.verified, f.failed, f.incomplete
FROM transfer_sites f WHERE f.site = @site
ON CONFLICT (transfer_no, site) DO UPDATE SET wire_bytes = transfer_sites.wire_bytes + excluded.wire_bytes,
    https_bytes = transfer_sites.https_bytes + excluded.https_bytes,
    forged_devices = transfer_sites.forged_devices + excluded.forged_devices,
    forged_blocks = CASE WHEN transfer_sites.forged_blocks < excluded.forged_blocks
        THEN excluded.forged_blocks ELSE transfer_sites.forged_blocks END,
    owed = transfer_sites.owed + excluded.owed, verified = transfer_sites.verified + excluded.verified,
    failed = transfer_sites.failed + excluded.failed, incomplete = transfer_sites.incomplete + excluded.incomplete;

-- name: DropSiteCounts :exec
DELETE FROM transfer_sites WHERE site = @site;

-- name: DropSiteGroups :exec
DELETE FROM site_groups WHERE site = @site;

-- name: RemoveSite :execrows
DELETE FROM sites WHERE id = @id;

-- name: MoveDeliveries :exec
UPDATE deliveries SET site = @site WHERE device_id = @device_id AND state IN ('queued', 'receiving', 'refused');

-- name: AddTransfer :exec
INSERT INTO transfers (no, group_id, group_name, name, files, bytes, blocks, state, reason,
    created_at, created_by, started_at, ended_at, expires_at, hold, via, rate_limit, in_place,
    root, source, manifest_bytes, manifest_blocks, content_gone, content, left_out, lost, folders, selection,
    paged, transfer_id, edition, skeleton, skeleton_bytes, pages)
VALUES (@no, @group_id, @group_name, @name, @files, @bytes, @blocks, @state, @reason,
    @created_at, @created_by, @started_at, @ended_at, @expires_at, @hold, @via, @rate_limit,
    @in_place, @root, @source, @manifest_bytes, @manifest_blocks, FALSE, @content, @left_out, 0, @folders,
    @selection, @paged, @transfer_id, @edition, @skeleton, @skeleton_bytes, @pages);

-- name: Transfer :one
SELECT * FROM counted_transfers WHERE no = @no;

-- name: TransferOfContent :one
SELECT * FROM counted_transfers WHERE content = @content;

-- name: ReplaceContent :execrows
UPDATE transfers SET files = @files, folders = @folders, bytes = @bytes, blocks = @blocks, root = @root,
    manifest_bytes = @manifest_bytes, manifest_blocks = @manifest_blocks, content = @content,
    edition = @edition, skeleton = @skeleton, skeleton_bytes = @skeleton_bytes, pages = @pages,
    lost = (SELECT COUNT(*) FROM left_out x WHERE x.transfer_no = transfers.no AND x.why IN ('changed', 'gone', 'unread'))
WHERE no = @no AND content = @was AND CASE WHEN CAST(@paged AS BOOLEAN)
    THEN transfers.paged <> '' AND transfers.edition + 1 = @edition ELSE transfers.paged = '' END;

-- name: AddEdition :exec
INSERT INTO editions (transfer_no, root) SELECT t.no, t.root FROM transfers t
WHERE t.no = @no AND t.lost = 0 AND t.paged = ''
ON CONFLICT (transfer_no, root) DO NOTHING;

-- name: ForgetEditions :exec
DELETE FROM editions WHERE transfer_no = @transfer_no;

-- name: IsEdition :one
SELECT COUNT(*) FROM editions WHERE transfer_no = @transfer_no AND root = @root;

-- name: AddLeftOut :exec
INSERT INTO left_out (transfer_no, path, why, detail) VALUES (@transfer_no, @path, @why, @detail);

-- name: DropLeftOut :exec
DELETE FROM left_out WHERE transfer_no = @transfer_no AND path = @path;

-- name: ForgetLost :exec
DELETE FROM left_out WHERE transfer_no = @transfer_no AND why IN ('changed', 'gone', 'unread');

-- name: CountLeftOut :one
SELECT COUNT(*) FROM left_out WHERE transfer_no = @transfer_no;

-- name: LeftOut :many
SELECT path, why, detail FROM left_out WHERE transfer_no = @transfer_no
ORDER BY path LIMIT @most OFFSET @skip;

-- name: Transfers :many
SELECT * FROM counted_transfers
WHERE (CAST(@group_name AS TEXT) = '' OR group_name = @group_name)
ORDER BY no DESC LIMIT @most OFFSET @skip;

-- name: TransfersBefore :many
SELECT * FROM counted_transfers WHERE no < @before ORDER BY no DESC LIMIT @most;

-- name: CountTransfers :one
SELECT COUNT(*) FROM transfers
WHERE (NOT CAST(@open AS BOOLEAN) OR state IN ('held', 'waiting', 'gathering', 'sending'))
    AND (CAST(@group_name AS TEXT) = '' OR group_name = @group_name);

-- name: OpenTransfers :many
SELECT * FROM counted_transfers
WHERE state IN ('held', 'waiting', 'gathering', 'sending')
    AND (CAST(@group_name AS TEXT) = '' OR group_name = @group_name)
ORDER BY no DESC LIMIT @most OFFSET @skip;

-- name: OldestOpenTransfers :many
SELECT * FROM counted_transfers
WHERE state IN ('held', 'waiting', 'gathering', 'sending')
    AND (CAST(@group_name AS TEXT) = '' OR group_name = @group_name)
ORDER BY no LIMIT @most OFFSET @skip;

-- name: OpenTransfersOfGroup :many
SELECT no FROM transfers
WHERE group_id = @group_id AND state IN ('held', 'waiting', 'gathering', 'sending')
ORDER BY no;

-- name: SetTransferState :execrows
UPDATE transfers SET state = @state, reason = @reason,
    started_at = CASE WHEN CAST(@starts AS BOOLEAN) AND started_at = 0 THEN @at ELSE started_at END,
    ended_at = CASE WHEN CAST(@ends AS BOOLEAN) THEN @at ELSE ended_at END
WHERE no = @no AND state IN ('held', 'waiting', 'gathering', 'sending');

-- name: ReleaseTransfer :execrows
UPDATE transfers SET hold = FALSE, paused = FALSE, state = CASE WHEN state = 'held' THEN 'waiting' ELSE state END
WHERE no = @no AND state IN ('held', 'waiting', 'gathering', 'sending');

-- name: SetPaused :execrows
UPDATE transfers SET paused = @paused WHERE no = @no AND state IN ('held', 'waiting', 'gathering', 'sending');

-- name: SetRateLimit :execrows
UPDATE transfers SET rate_limit = @rate_limit WHERE no = @no AND state IN ('held', 'waiting', 'gathering', 'sending');

-- name: ReopenTransfer :execrows
UPDATE transfers SET state = CASE WHEN state = 'held' THEN 'held' ELSE 'waiting' END, hold = hold AND state = 'held',
    reason = '', ended_at = 0, expires_at = @expires_at, replaced_by = 0,
    paused = FALSE
WHERE no = @no AND NOT content_gone;

-- name: SendLacks :exec
UPDATE transfers SET paged = 'delta'
WHERE no = @no AND paged = 'full' AND (root <> @unread
    OR ended_at <> 0 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.transfer_no = @no AND d.bytes > 0));

-- name: AddReplacement :exec
INSERT INTO replacements (older, newer)
SELECT CAST(@older AS BIGINT), CAST(@newer AS BIGINT)
UNION SELECT r.older, CAST(@newer AS BIGINT) FROM replacements r WHERE r.newer = @older
ON CONFLICT (older, newer) DO NOTHING;

-- name: AddTerm :exec
INSERT INTO terms (transfer_no, side, device_id, name, value) VALUES (@transfer_no, @side, @device_id, @name, @value)
ON CONFLICT (transfer_no, side, device_id, name, value) DO NOTHING;

-- name: Replacements :many
SELECT r.older, r.newer FROM replacements r JOIN transfers a ON a.no = r.older JOIN transfers b ON b.no = r.newer
WHERE a.state IN ('held', 'waiting', 'gathering', 'sending') AND b.state IN ('held', 'waiting', 'gathering', 'sending')
ORDER BY r.older, r.newer;

-- name: Replaced :many
SELECT no FROM transfers WHERE replaced_by = @newer AND replaced_by <> 0 ORDER BY no;

-- name: ReplaceDeliveries :exec
UPDATE deliveries SET state = 'cancelled', reason = @reason, replaced_by = @newer, later = FALSE, updated_at = @updated_at
WHERE deliveries.transfer_no = @older AND deliveries.state IN ('queued', 'receiving', 'refused')
    AND EXISTS (SELECT 1 FROM deliveries n WHERE n.transfer_no = @newer AND n.user_id = deliveries.user_id
        AND n.device_id = deliveries.device_id AND n.state IN ('queued', 'receiving', 'refused'));

-- name: SetReplaced :exec
UPDATE transfers SET replaced_by = @newer WHERE no = @older;

-- name: SetSeries :exec
INSERT INTO series (transfer_no, points) VALUES (@transfer_no, @points)
ON CONFLICT (transfer_no) DO UPDATE SET points = excluded.points;

-- name: Series :one
SELECT points FROM series WHERE transfer_no = @transfer_no;

-- name: ForgetHeldFiles :exec
DELETE FROM held_files WHERE transfer_no = @transfer_no;

-- name: AddHeldFiles :exec
INSERT INTO held_files (transfer_no, first, files, entries) VALUES (@transfer_no, @first, @files, @entries);

-- name: HeldFiles :many
SELECT * FROM held_files
WHERE transfer_no = @transfer_no AND first < @before AND first + files > @after ORDER BY first;

-- name: CountHeldFiles :one
SELECT CAST(COALESCE(SUM(files), 0) AS BIGINT) FROM held_files WHERE transfer_no = @transfer_no;

-- name: AddHandout :execrows
INSERT INTO handouts (transfer_no, session, device_id, version, user_name, device_name, at, site)
SELECT @transfer_no, @session, d.id, @version, u.name, d.name, @at, s.id
FROM devices d JOIN users u ON u.id = d.user_id JOIN sites s ON s.id = d.site
WHERE d.id = @device_id AND s.id = @site AND s.epoch = @epoch
ON CONFLICT (transfer_no, session, device_id) DO NOTHING;

-- name: Handouts :many
SELECT * FROM handouts WHERE transfer_no = @transfer_no
ORDER BY session, user_name, device_name LIMIT @most;

-- name: SessionsOfGroup :many
SELECT h.transfer_no, t.name, h.session, CAST(MIN(h.version) AS BIGINT) AS version,
    CAST(MIN(h.at) AS BIGINT) AS first_at, COUNT(*) AS devices
FROM handouts h JOIN transfers t ON t.no = h.transfer_no
WHERE t.group_id = @group_id
GROUP BY h.transfer_no, t.name, h.session
ORDER BY first_at DESC LIMIT @most;

-- name: Traffic :one
SELECT COUNT(*) AS transfers, CAST(COALESCE(SUM(x.delivered), 0) AS BIGINT) AS delivered,
    CAST(COALESCE(SUM(x.sent), 0) AS BIGINT) AS sent,
    CAST(COALESCE(SUM(CASE WHEN x.delivered > x.sent THEN x.delivered - x.sent ELSE 0 END), 0) AS BIGINT) AS saved
FROM (
    SELECT t.wire_bytes + t.https_bytes AS sent, t.bytes * (t.verified - (
        SELECT COUNT(*) FROM deliveries d
        WHERE d.transfer_no = t.no AND d.state IN ('already-had', 'superseded'))) AS delivered
    FROM counted_transfers t WHERE t.started_at >= @since
) x;

-- name: NoteForged :execrows
INSERT INTO transfer_sites (transfer_no, site, forged_devices, forged_blocks)
SELECT t.no, s.id, CAST(@devices AS BIGINT), CAST(@blocks AS BIGINT)
FROM transfers t JOIN sites s ON s.id = @site AND s.epoch = @epoch WHERE t.no = @no
ON CONFLICT (transfer_no, site) DO UPDATE SET
    forged_devices = CASE WHEN transfer_sites.forged_devices < excluded.forged_devices
        THEN excluded.forged_devices ELSE transfer_sites.forged_devices END,
    forged_blocks = CASE WHEN transfer_sites.forged_blocks < excluded.forged_blocks
        THEN excluded.forged_blocks ELSE transfer_sites.forged_blocks END;

-- name: ForgedLately :one
SELECT CAST(COUNT(*) AS BIGINT) FROM transfer_sites s JOIN transfers t ON t.no = s.transfer_no
WHERE t.group_id = @group_id AND t.started_at >= @since AND s.forged_blocks >= @blocks;

-- name: AddTransferBytes :execrows
INSERT INTO transfer_sites (transfer_no, site, wire_bytes, https_bytes)
SELECT t.no, s.id, CAST(@wire AS BIGINT), CAST(@https AS BIGINT)
FROM transfers t JOIN sites s ON s.id = @site AND s.epoch = @epoch WHERE t.no = @no
ON CONFLICT (transfer_no, site) DO UPDATE SET wire_bytes = transfer_sites.wire_bytes + excluded.wire_bytes,
    https_bytes = transfer_sites.https_bytes + excluded.https_bytes;

-- name: TransferSites :many
SELECT * FROM transfer_sites WHERE transfer_no = @transfer_no ORDER BY site;

-- name: SetContentGone :execrows
UPDATE transfers SET content_gone = TRUE WHERE no = @no;

-- A site is counted from the first delivery on that somebody there is owed.
-- name: CountSites :exec
INSERT INTO transfer_sites (transfer_no, site)
SELECT DISTINCT d.transfer_no, d.site FROM deliveries d WHERE d.transfer_no = @transfer_no
ON CONFLICT (transfer_no, site) DO NOTHING;

-- name: RecountTransfer :exec
UPDATE transfer_sites SET
    owed = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state IN ('queued', 'receiving', 'refused')),
    verified = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state IN ('verified', 'already-had', 'superseded')),
    failed = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state IN ('failed', 'expired')),
    incomplete = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state = 'incomplete')
WHERE transfer_sites.transfer_no = @transfer_no;

-- name: CountSitesOfUser :exec
INSERT INTO transfer_sites (transfer_no, site)
SELECT DISTINCT d.transfer_no, d.site FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.user_id = @user_id AND t.state IN ('held', 'waiting', 'gathering', 'sending')
ON CONFLICT (transfer_no, site) DO NOTHING;

-- name: RecountOfUser :exec
UPDATE transfer_sites SET
    owed = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state IN ('queued', 'receiving', 'refused')),
    verified = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state IN ('verified', 'already-had', 'superseded')),
    failed = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state IN ('failed', 'expired')),
    incomplete = (SELECT COUNT(*) FROM deliveries d WHERE d.transfer_no = transfer_sites.transfer_no
        AND d.site = transfer_sites.site AND d.state = 'incomplete')
WHERE transfer_sites.transfer_no IN (SELECT o.transfer_no FROM deliveries o JOIN transfers t ON t.no = o.transfer_no
    WHERE o.user_id = @user_id AND t.state IN ('held', 'waiting', 'gathering', 'sending'));

-- name: CountClosed :exec
UPDATE transfer_sites SET owed = owed - @closed, verified = verified + @verified, failed = failed + @failed,
    incomplete = incomplete + @incomplete
WHERE transfer_no = @transfer_no AND site = @site;

-- name: StillOwed :one
SELECT CAST(COALESCE(SUM(owed), 0) AS BIGINT) AS owed FROM transfer_sites WHERE transfer_no = @transfer_no;

-- name: OweGroup :exec
INSERT INTO deliveries (transfer_no, user_id, device_id, user_name, device_name, state, reason,
    path, blocks, bytes, loss, updated_at, site)
SELECT a.transfer_no, a.user_id, a.device_id, a.user_name, a.device_name, 'queued', '', 'unknown', 0, 0, 0,
    CAST(@updated_at AS BIGINT), a.site
FROM addressed a WHERE a.transfer_no = @transfer_no;

-- Members who have no device get the first that comes, unless the transfer is only for some that are there.
-- name: OweGroupWithoutDevice :exec
INSERT INTO deliveries (transfer_no, user_id, device_id, user_name, device_name, state, reason,
    path, blocks, bytes, loss, updated_at, site)
SELECT t.no, m.user_id, '', u.name, '', 'queued', '', 'unknown', 0, 0, 0, CAST(@updated_at AS BIGINT), ''
FROM transfers t JOIN members m ON m.group_id = t.group_id JOIN users u ON u.id = m.user_id
WHERE t.no = @transfer_no
    AND NOT EXISTS (SELECT 1 FROM admitted a WHERE a.user_id = m.user_id AND a.group_id = m.group_id)
    AND NOT EXISTS (SELECT 1 FROM terms o WHERE o.transfer_no = t.no AND o.side = 'only');

-- What a newer transfer took over stays with that one.
-- name: OweMember :exec
INSERT INTO deliveries (transfer_no, user_id, device_id, user_name, device_name, state, reason,
    path, blocks, bytes, loss, updated_at, site)
SELECT a.transfer_no, a.user_id, a.device_id, a.user_name, a.device_name, 'queued', '', 'unknown', 0, 0, 0,
    CAST(@updated_at AS BIGINT), a.site
FROM addressed a
WHERE a.user_id = @user_id AND a.group_id = @group_id AND a.state IN ('held', 'waiting', 'gathering', 'sending')
ON CONFLICT (transfer_no, user_id, device_id) DO UPDATE
SET state = 'queued', reason = '', later = FALSE, updated_at = excluded.updated_at, site = excluded.site
WHERE deliveries.state = 'cancelled' AND deliveries.replaced_by = 0;

-- name: OweMemberWithoutDevice :exec
INSERT INTO deliveries (transfer_no, user_id, device_id, user_name, device_name, state, reason,
    path, blocks, bytes, loss, updated_at, site)
SELECT t.no, u.id, '', u.name, '', 'queued', '', 'unknown', 0, 0, 0, CAST(@updated_at AS BIGINT), ''
FROM transfers t JOIN users u ON u.id = @user_id
WHERE t.group_id = @group_id AND t.state IN ('held', 'waiting', 'gathering', 'sending')
    AND NOT EXISTS (SELECT 1 FROM admitted a WHERE a.user_id = u.id AND a.group_id = t.group_id)
    AND NOT EXISTS (SELECT 1 FROM terms o WHERE o.transfer_no = t.no AND o.side = 'only')
ON CONFLICT (transfer_no, user_id, device_id) DO UPDATE
SET state = 'queued', reason = '', later = FALSE, updated_at = excluded.updated_at, site = excluded.site
WHERE deliveries.state = 'cancelled' AND deliveries.replaced_by = 0;

-- name: OweDevice :exec
INSERT INTO deliveries (transfer_no, user_id, device_id, user_name, device_name, state, reason,
    path, blocks, bytes, loss, updated_at, site)
SELECT a.transfer_no, a.user_id, a.device_id, a.user_name, a.device_name, 'queued', '', 'unknown', 0, 0, 0,
    CAST(@updated_at AS BIGINT), a.site
FROM addressed a
WHERE a.device_id = @device_id AND a.state IN ('held', 'waiting', 'gathering', 'sending')
ON CONFLICT (transfer_no, user_id, device_id) DO NOTHING;

-- name: TakeOver :exec
UPDATE deliveries SET device_id = @device_id, device_name = @device_name, updated_at = @updated_at,
    site = (SELECT v.site FROM devices v WHERE v.id = @device_id)
WHERE deliveries.user_id = @user_id AND deliveries.device_id = ''
    AND deliveries.state IN ('queued', 'receiving', 'refused', 'cancelled')
    AND NOT EXISTS (SELECT 1 FROM transfers t JOIN requests r ON r.group_id = t.group_id
        WHERE t.no = deliveries.transfer_no AND r.device_id = @device_id AND r.state <> 'approved')
    AND NOT EXISTS (SELECT 1 FROM terms x LEFT JOIN labels l
            ON l.device_id = @device_id AND l.name = x.name AND l.value = x.value
        WHERE x.transfer_no = deliveries.transfer_no AND x.side = 'except'
            AND (x.device_id = @device_id OR l.device_id IS NOT NULL));

-- name: ForgetClosedWithoutDevice :exec
DELETE FROM deliveries
WHERE user_id = @user_id AND device_id = '' AND state NOT IN ('queued', 'receiving', 'refused');

-- A transfer that is only for some devices waits for no other of their user.
-- name: CancelSelected :exec
UPDATE deliveries SET state = 'cancelled', reason = @reason, updated_at = @updated_at
WHERE deliveries.device_id = @device_id AND state IN ('queued', 'receiving', 'refused')
    AND EXISTS (SELECT 1 FROM terms o WHERE o.transfer_no = deliveries.transfer_no AND o.side = 'only');

-- name: GiveBack :exec
UPDATE deliveries SET device_id = '', device_name = '', state = 'queued', reason = '',
    blocks = 0, bytes = 0, loss = 0, bar = NULL, later = FALSE, updated_at = @updated_at, site = ''
WHERE deliveries.device_id = @device_id AND state IN ('queued', 'receiving', 'refused');

-- name: CancelOfDevice :exec
UPDATE deliveries SET state = 'cancelled', reason = @reason, updated_at = @updated_at
WHERE device_id = @device_id AND state IN ('queued', 'receiving', 'refused');

-- name: CancelOfUser :exec
UPDATE deliveries SET state = 'cancelled', reason = @reason, updated_at = @updated_at
WHERE user_id = @user_id AND state IN ('queued', 'receiving', 'refused');

-- name: CancelOfMember :exec
UPDATE deliveries SET state = 'cancelled', reason = @reason, updated_at = @updated_at
WHERE user_id = @user_id AND state IN ('queued', 'receiving', 'refused')
    AND transfer_no IN (SELECT no FROM transfers t WHERE t.group_id = @group_id);

-- name: CloseAllDeliveries :exec
UPDATE deliveries SET state = @state, reason = @reason, updated_at = @updated_at
WHERE transfer_no = @transfer_no AND state IN ('queued', 'receiving', 'refused');

-- name: ForgetRefusals :exec
UPDATE deliveries SET refusal = '' WHERE transfer_no = @transfer_no;

-- name: RetryDeliveries :execrows
UPDATE deliveries SET state = 'queued', reason = '', refusal = '', later = FALSE, updated_at = @updated_at,
    entries = 0, missing = 0, void = 0, beside = 0, entry_bytes = 0, signed = '', replaced_by = 0
WHERE deliveries.transfer_no = @transfer_no
    AND deliveries.state IN ('incomplete', 'failed', 'refused', 'expired', 'cancelled')
    AND NOT EXISTS (SELECT 1 FROM replacements r JOIN deliveries n ON n.transfer_no = r.newer
        WHERE r.older = @transfer_no AND n.device_id = deliveries.device_id AND n.device_id <> ''
            AND n.state IN ('verified', 'already-had', 'superseded'))
    AND deliveries.user_id IN (SELECT m.user_id FROM members m JOIN transfers t ON t.group_id = m.group_id
        WHERE t.no = @transfer_no)
    AND (deliveries.device_id IN (SELECT e.device_id FROM admitted e JOIN transfers x ON x.group_id = e.group_id
            WHERE x.no = @transfer_no)
        OR (deliveries.device_id = '' AND deliveries.user_id NOT IN (SELECT e.user_id FROM admitted e JOIN transfers x ON x.group_id = e.group_id
            WHERE x.no = @transfer_no)));

-- name: Deliveries :many
SELECT sqlc.embed(d), t.group_name FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.transfer_no = @transfer_no ORDER BY d.user_name, d.device_name LIMIT @most OFFSET @skip;

-- name: CountDeliveries :one
SELECT COUNT(*) FROM deliveries WHERE transfer_no = @transfer_no;

-- name: OwedOf :many
SELECT sqlc.embed(d), t.group_name FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.transfer_no = @transfer_no AND d.state IN ('queued', 'receiving', 'refused')
ORDER BY d.user_name, d.device_name LIMIT @most OFFSET @skip;

-- name: DeliveriesOfUser :many
SELECT sqlc.embed(d), t.group_name, t.name, t.bytes FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.user_id = @user_id AND NOT t.hold ORDER BY d.transfer_no DESC, d.device_name LIMIT @most;

-- name: DeliveriesOfDevice :many
SELECT sqlc.embed(d), t.group_name, t.name, t.bytes FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.device_id = @device_id AND (NOT t.hold OR CAST(@held AS BOOLEAN))
ORDER BY d.transfer_no DESC LIMIT @most OFFSET @skip;

-- name: CountDeliveriesOfDevice :one
SELECT COUNT(*) FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.device_id = @device_id AND (NOT t.hold OR CAST(@held AS BOOLEAN));

-- name: Delivery :one
SELECT sqlc.embed(d), t.group_name FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.transfer_no = @transfer_no AND d.device_id = @device_id
    AND (d.device_id <> '' OR d.user_id = @user_id);

-- name: Owed :many
SELECT sqlc.embed(d), t.group_name FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.device_id = @device_id AND d.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('held', 'waiting', 'gathering', 'sending')
ORDER BY d.transfer_no;

-- name: OwedReleased :many
SELECT d.transfer_no FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.device_id = @device_id AND d.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('waiting', 'gathering', 'sending') AND NOT t.hold
ORDER BY d.transfer_no LIMIT @most;

-- name: OwedAll :many
SELECT sqlc.embed(d), t.group_name FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('held', 'waiting', 'gathering', 'sending')
ORDER BY d.transfer_no, d.user_name, d.device_name;

-- name: OwedToMember :many
SELECT sqlc.embed(d), t.group_name FROM deliveries d JOIN transfers t ON t.no = d.transfer_no
WHERE d.user_id = @user_id AND t.group_id = @group_id
    AND d.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('held', 'waiting', 'gathering', 'sending')
ORDER BY d.transfer_no, d.device_name;

-- name: UpdateDelivery :exec
UPDATE deliveries SET state = @state, reason = @reason, 
    refusal = CASE WHEN @state = 'refused' AND state = 'refused' AND @refusal = '' THEN refusal ELSE @refusal END,
    space = CASE WHEN @state = 'refused' AND state = 'refused' AND @refusal = '' THEN space ELSE @space END,
    path = @path, blocks = @blocks,
    bytes = @bytes, loss = @loss, bar = @bar, updated_at = @updated_at,
    later = later AND CAST(@state AS TEXT) <> 'receiving'
WHERE transfer_no = @transfer_no AND user_id = @user_id AND device_id = @device_id
    AND state IN ('queued', 'receiving', 'refused');

-- What a delivery had when it was given up. One that came to a good end has its own figures.
-- name: NoteProgress :exec
UPDATE deliveries SET path = CASE WHEN CAST(@path AS TEXT) = '' THEN path ELSE @path END,
    blocks = @blocks, bytes = @bytes, loss = @loss, bar = @bar
WHERE transfer_no = @transfer_no AND device_id = @device_id AND device_id <> ''
    AND state NOT IN ('verified', 'already-had', 'superseded', 'incomplete');

-- name: KeepProgress :exec
INSERT INTO progress (transfer_no, devices)
SELECT t.no, @devices FROM transfers t
WHERE t.no = @no AND t.state IN ('held', 'waiting', 'gathering', 'sending')
ON CONFLICT (transfer_no) DO UPDATE SET devices = excluded.devices;

-- name: KeptProgress :many
SELECT p.* FROM progress p JOIN transfers t ON t.no = p.transfer_no
WHERE t.state IN ('held', 'waiting', 'gathering', 'sending') ORDER BY p.transfer_no;

-- name: ForgetProgress :exec
DELETE FROM progress WHERE transfer_no = @transfer_no;

-- name: CloseDelivery :one
UPDATE deliveries SET state = @state, reason = @reason,
    path = CASE WHEN CAST(@path AS TEXT) = '' THEN path ELSE @path END,
    blocks = CASE WHEN CAST(@whole AS BOOLEAN) THEN (SELECT t.blocks FROM transfers t WHERE t.no = @transfer_no)
        WHEN CAST(@told AS BOOLEAN) THEN @blocks ELSE blocks END,
    bytes = CASE WHEN CAST(@whole AS BOOLEAN) THEN (SELECT t.bytes FROM transfers t WHERE t.no = @transfer_no)
        WHEN CAST(@told AS BOOLEAN) THEN @bytes ELSE bytes END,
    loss = CASE WHEN CAST(@told AS BOOLEAN) THEN @loss ELSE loss END,
    bar = CASE WHEN CAST(@whole AS BOOLEAN) THEN NULL WHEN CAST(@told AS BOOLEAN) THEN @bar ELSE bar END,
    receipt = @receipt, entries = @entries, missing = @missing, void = @void, beside = @beside, updated_at = @updated_at,
    signed = @signed
WHERE transfer_no = @transfer_no AND device_id = @device_id
    AND (device_id <> '' OR user_id = @user_id)
    AND state IN ('queued', 'receiving', 'refused')
RETURNING site;

-- name: EntryBytes :one
SELECT entry_bytes FROM deliveries
WHERE transfer_no = @transfer_no AND device_id = @device_id AND state IN ('queued', 'receiving', 'refused');

-- name: SetEntryBytes :exec
UPDATE deliveries SET entry_bytes = @entry_bytes WHERE transfer_no = @transfer_no AND device_id = @device_id;

-- name: AddEntry :exec
INSERT INTO delivery_entries (transfer_no, device_id, n, path, kind, result, name, reason)
VALUES (@transfer_no, @device_id, @n, @path, @kind, @result, @name, @reason)
ON CONFLICT (transfer_no, device_id, n) DO UPDATE SET path = excluded.path, kind = excluded.kind,
    result = excluded.result, name = excluded.name, reason = excluded.reason;

-- name: DropEntries :exec
DELETE FROM delivery_entries WHERE transfer_no = @transfer_no AND device_id = @device_id AND n >= @from_n;

-- name: DropEntriesOfOwed :exec
DELETE FROM delivery_entries WHERE delivery_entries.transfer_no = @transfer_no
    AND delivery_entries.device_id IN (SELECT d.device_id FROM deliveries d WHERE d.transfer_no = @transfer_no
        AND d.state IN ('queued', 'receiving', 'refused'));

-- name: Entries :many
SELECT * FROM delivery_entries WHERE transfer_no = @transfer_no AND device_id = @device_id
ORDER BY n LIMIT @most OFFSET @skip;

-- name: CountEntries :one
SELECT COUNT(*) FROM delivery_entries WHERE transfer_no = @transfer_no AND device_id = @device_id;

-- name: SetLater :exec
UPDATE deliveries SET later = @later, updated_at = @updated_at
WHERE transfer_no = @transfer_no AND device_id = @device_id
    AND state IN ('queued', 'receiving', 'refused');

-- name: TakeUp :exec
UPDATE deliveries SET later = FALSE WHERE transfer_no = @transfer_no AND later;

-- name: Entitled :one
SELECT sqlc.embed(dl), t.group_name, t.group_id, g.version
FROM deliveries dl
JOIN transfers t ON t.no = dl.transfer_no
JOIN groups g ON g.id = t.group_id
JOIN admitted e ON e.group_id = g.id AND e.device_id = dl.device_id
JOIN users u ON u.id = e.user_id
WHERE dl.transfer_no = @transfer_no AND dl.device_id = @device_id AND NOT u.disabled
    AND dl.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('waiting', 'gathering', 'sending') AND NOT t.hold;

-- name: AddOffer :execrows
INSERT INTO open_offers (number, transfer_no, opened_at, site, epoch)
SELECT @number, @transfer_no, @opened_at, s.id, s.epoch FROM sites s WHERE s.id = @site AND s.epoch = @epoch;

-- name: LowestOffer :one
SELECT CAST(COALESCE(MIN(number), 0) AS BIGINT) AS lowest FROM open_offers;

-- name: CloseOffer :exec
DELETE FROM open_offers WHERE number = @number;

-- name: CloseOlderOffers :exec
DELETE FROM open_offers WHERE site = @site AND epoch < @epoch;

-- name: AddOfferGap :exec
INSERT INTO offer_gaps (first, last) VALUES (@first, @last);

-- name: OfferGaps :one
SELECT COUNT(*) FROM offer_gaps WHERE first <= @number AND last >= @number;

-- name: ForgetOfferGaps :exec
DELETE FROM offer_gaps WHERE last < @before;

-- name: AppendAudit :exec
INSERT INTO audit (at, actor, action, object, detail, address)
VALUES (@at, @actor, @action, @object, @detail, @address);

-- name: Audit :many
SELECT * FROM audit
WHERE (CAST(@before AS BIGINT) = 0 OR id < @before)
    AND (CAST(@actor AS TEXT) = '' OR actor = @actor)
    AND (CAST(@action AS TEXT) = '' OR action = @action
        OR SUBSTR(action, 1, LENGTH(CAST(@action AS TEXT)) + 1) = CAST(@action AS TEXT) || '.')
    AND (CAST(@object AS TEXT) = '' OR object = @object)
    AND (CAST(@since AS BIGINT) = 0 OR at >= @since) AND (CAST(@until AS BIGINT) = 0 OR at < @until)
ORDER BY id DESC LIMIT @most;

-- name: CountAuditOf :one
SELECT COUNT(*) FROM audit
WHERE (CAST(@actor AS TEXT) = '' OR actor = @actor)
    AND (CAST(@action AS TEXT) = '' OR action = @action
        OR SUBSTR(action, 1, LENGTH(CAST(@action AS TEXT)) + 1) = CAST(@action AS TEXT) || '.')
    AND (CAST(@object AS TEXT) = '' OR object = @object)
    AND (CAST(@since AS BIGINT) = 0 OR at >= @since) AND (CAST(@until AS BIGINT) = 0 OR at < @until);

-- name: CountAudit :one
SELECT COUNT(*) FROM audit;

-- name: OldestAudit :many
SELECT * FROM audit ORDER BY id LIMIT @most;

-- name: DeleteAudit :execrows
DELETE FROM audit WHERE id <= @id;

-- name: Setting :one
SELECT value FROM settings WHERE name = @name;

-- name: SetSetting :exec
INSERT INTO settings (name, value) VALUES (@name, @value)
ON CONFLICT (name) DO UPDATE SET value = excluded.value;

-- name: PutReceipt :execrows
INSERT INTO receipts (transfer_no, device_id, sequence, signed, signature, public_key, since, reason)
VALUES (@transfer_no, @device_id, @sequence, @signed, @signature, @public_key, @since, @reason)
ON CONFLICT (transfer_no, device_id) DO UPDATE SET sequence = excluded.sequence, signed = excluded.signed,
    signature = excluded.signature, public_key = excluded.public_key, since = excluded.since, reason = excluded.reason
WHERE receipts.sequence < excluded.sequence;

-- name: Receipts :many
SELECT r.* FROM receipts r JOIN deliveries d ON d.transfer_no = r.transfer_no AND d.device_id = r.device_id
WHERE r.transfer_no = @transfer_no AND d.signed <> '' AND d.state NOT IN ('queued', 'receiving', 'refused')
ORDER BY r.device_id;

-- name: PutSignedOffer :exec
INSERT INTO signed_offers (transfer_no, root, number, offer, signature, edition)
VALUES (@transfer_no, @root, @number, @offer, @signature, @edition)
ON CONFLICT (transfer_no, root, edition) DO UPDATE SET number = excluded.number, offer = excluded.offer,
    signature = excluded.signature
WHERE signed_offers.number < excluded.number;

-- name: SignedOffers :many
SELECT * FROM signed_offers WHERE transfer_no = @transfer_no ORDER BY number DESC;

-- name: SetOfferedManifest :exec
UPDATE signed_offers SET manifest = @manifest WHERE transfer_no = @transfer_no AND root = @root;

-- name: Page :one
SELECT page FROM pages WHERE transfer_no = @transfer_no AND edition = @edition AND number = @number;

-- name: AddPage :exec
INSERT INTO pages (transfer_no, edition, number, page) VALUES (@transfer_no, @edition, @number, @page);

-- name: NextPage :one
SELECT CAST(COALESCE(MAX(number) + 1, 0) AS BIGINT) FROM pages WHERE transfer_no = @transfer_no AND edition = @edition;

-- name: Pages :many
SELECT page FROM pages WHERE transfer_no = @transfer_no AND edition = @edition AND number >= @first
ORDER BY number LIMIT @most;

-- name: NewestPage :one
SELECT page FROM pages WHERE transfer_no = @transfer_no AND edition = @edition ORDER BY number DESC LIMIT 1;

-- name: ForgetPages :exec
DELETE FROM pages WHERE transfer_no = @transfer_no;

-- name: ForgetEarlierPages :exec
DELETE FROM pages WHERE pages.transfer_no = @transfer_no
    AND pages.edition < (SELECT t.edition FROM transfers t WHERE t.no = pages.transfer_no);

-- name: ForgetOpenPages :exec
DELETE FROM pages WHERE transfer_no IN (SELECT t.no FROM transfers t
    WHERE t.paged <> '' AND t.state IN ('held', 'waiting', 'gathering', 'sending'));

-- name: ForgetOpenLost :exec
DELETE FROM left_out WHERE why IN ('changed', 'gone', 'unread') AND transfer_no IN (SELECT t.no FROM transfers t
    WHERE t.paged <> '' AND t.state IN ('held', 'waiting', 'gathering', 'sending'));

-- name: SkipEditions :exec
UPDATE transfers SET edition = edition + @by, root = @root, lost = 0
WHERE paged <> '' AND state IN ('held', 'waiting', 'gathering', 'sending');

-- name: AddFinalPage :exec
INSERT INTO final_pages (transfer_no, edition, root, page) VALUES (@transfer_no, @edition, @root, @page);

-- name: FinalPages :many
SELECT * FROM final_pages WHERE transfer_no = @transfer_no ORDER BY edition DESC;

-- name: SetRoot :exec
UPDATE transfers SET root = @root WHERE no = @no;

-- name: CountLost :exec
UPDATE transfers SET lost = (SELECT COUNT(*) FROM left_out x
    WHERE x.transfer_no = transfers.no AND x.why IN ('changed', 'gone', 'unread'))
WHERE no = @no;

-- name: SeatMap :one
SELECT * FROM seat_maps WHERE group_id = @group_id;

-- name: Seats :many
SELECT s.device_id, s.seat_row, s.seat_column, a.device_name, a.user_name
FROM seats s JOIN admitted a ON a.group_id = s.group_id AND a.device_id = s.device_id
WHERE s.group_id = @group_id ORDER BY s.seat_row, s.seat_column;

-- name: SetSeatMap :exec
INSERT INTO seat_maps (group_id, seat_rows, seat_columns, version, changed_at, changed_by)
VALUES (@group_id, @seat_rows, @seat_columns, @version, @changed_at, @changed_by)
ON CONFLICT (group_id) DO UPDATE SET seat_rows = excluded.seat_rows, seat_columns = excluded.seat_columns,
    version = excluded.version, changed_at = excluded.changed_at, changed_by = excluded.changed_by;

-- name: EmptySeats :exec
DELETE FROM seats WHERE group_id = @group_id;

-- name: TakeSeat :execrows
INSERT INTO seats (group_id, device_id, seat_row, seat_column)
SELECT a.group_id, a.device_id, CAST(@seat_row AS BIGINT), CAST(@seat_column AS BIGINT)
FROM admitted a WHERE a.group_id = @group_id AND a.device_id = @device_id;

-- name: LeaveSeats :exec
DELETE FROM seats WHERE group_id = @group_id AND device_id IN (SELECT d.id FROM devices d WHERE d.user_id = @user_id);

-- name: KeyedCall :one
SELECT request, began_at, answer FROM keyed_calls WHERE account = @account AND key_hash = @key_hash;

-- name: AddKeyedCall :exec
INSERT INTO keyed_calls (account, key_hash, request, began_at) VALUES (@account, @key_hash, @request, @began_at);

-- name: AnswerKeyedCall :exec
UPDATE keyed_calls SET answer = @answer WHERE account = @account AND key_hash = @key_hash;

-- name: DropKeyedCall :exec
DELETE FROM keyed_calls WHERE account = @account AND key_hash = @key_hash;

-- name: ForgetKeyedCalls :exec
DELETE FROM keyed_calls WHERE began_at < @since;

-- name: ForgetKeyedCallsOf :exec
DELETE FROM keyed_calls AS k WHERE k.account = @account AND k.key_hash IN (
    SELECT o.key_hash FROM keyed_calls o WHERE o.account = @account ORDER BY o.began_at DESC, o.key_hash
    LIMIT 1000000 OFFSET @most);

-- name: CountKeyedCalls :one
SELECT COUNT(*) FROM keyed_calls;

-- name: AddRelay :exec
INSERT INTO relays (id, site, name, code, code_expires, created_at)
VALUES (@id, @site, @name, CAST(@code AS TEXT), @code_expires, @created_at);

-- name: EnrolRelay :one
UPDATE relays SET code = NULL, public_key = @public_key, token = CAST(@token AS TEXT)
WHERE code = CAST(@code AS TEXT) AND code_expires > @now AND revoked_at = 0 RETURNING *;

-- name: Relays :many
SELECT * FROM relays ORDER BY name;

-- name: RelayByToken :one
SELECT * FROM relays WHERE token = CAST(@token AS TEXT) AND revoked_at = 0;

-- name: RevokeRelay :execrows
UPDATE relays SET revoked_at = @revoked_at, code = NULL, token = NULL WHERE id = @id AND revoked_at = 0;

-- name: GrantSite :exec
INSERT INTO site_groups (site, group_id) VALUES (@site, @group_id) ON CONFLICT (site, group_id) DO NOTHING;

-- name: UngrantSite :execrows
DELETE FROM site_groups WHERE site = @site AND group_id = @group_id;

-- name: GroupsOfSite :many
SELECT group_id FROM site_groups WHERE site = @site ORDER BY group_id;

-- name: RelayMay :one
SELECT COUNT(*) FROM (SELECT 1 FROM relays r
JOIN site_groups x ON x.site = r.site
JOIN transfers t ON t.group_id = x.group_id
JOIN deliveries dl ON dl.transfer_no = t.no AND dl.site = r.site
JOIN admitted e ON e.group_id = t.group_id AND e.device_id = dl.device_id AND e.site = r.site
JOIN users u ON u.id = e.user_id
WHERE r.id = @relay AND r.token IS NOT NULL AND r.revoked_at = 0 AND t.no = @transfer_no AND NOT u.disabled
    AND dl.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('waiting', 'gathering', 'sending') AND NOT t.hold LIMIT 1) found;

-- name: RelayOwed :many
SELECT DISTINCT t.no FROM relays r
JOIN site_groups x ON x.site = r.site
JOIN transfers t ON t.group_id = x.group_id
JOIN deliveries dl ON dl.transfer_no = t.no AND dl.site = r.site
JOIN admitted e ON e.group_id = t.group_id AND e.device_id = dl.device_id AND e.site = r.site
JOIN users u ON u.id = e.user_id
WHERE r.id = @relay AND r.token IS NOT NULL AND r.revoked_at = 0 AND NOT u.disabled
    AND dl.state IN ('queued', 'receiving', 'refused')
    AND t.state IN ('waiting', 'gathering', 'sending') AND NOT t.hold ORDER BY t.no LIMIT @most;

-- name: AddLease :execrows
INSERT INTO leases (session, site, epoch, relay, group_id, version)
SELECT @session, s.id, s.epoch, r.id, g.id, @version
FROM sites s JOIN relays r ON r.site = s.id JOIN site_groups x ON x.site = s.id JOIN groups g ON g.id = x.group_id
WHERE s.id = @site AND s.epoch = @epoch AND r.id = @relay AND r.token IS NOT NULL AND r.revoked_at = 0
    AND g.id = @group_id AND g.version >= @version
ON CONFLICT (session) DO UPDATE SET version = excluded.version
WHERE leases.relay = excluded.relay AND leases.epoch = excluded.epoch AND leases.group_id = excluded.group_id
    AND leases.version = excluded.version;

-- name: DropLease :exec
DELETE FROM leases WHERE session = @session;

-- name: Leases :many
SELECT * FROM leases ORDER BY session;
