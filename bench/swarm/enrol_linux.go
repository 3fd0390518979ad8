package main

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the database's driver

	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
)

// enrol fills the tables of a server that does not run: users, their devices with tokens, groups, members. Each user is
// in one group. It gives the devices' tokens.
func enrol(ctx context.Context, o options) (tokens []string, err error) {
	db, err := openTables(o)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	f := filler{ctx: ctx, tx: tx, now: time.Now().UnixMicro()}
	groups := make([]string, o.groups)
	for i := range groups {
		groups[i] = protocol.NewGroupID().String()
		f.do(`INSERT INTO groups (id, name, address, description, unlisted, created_at, version)
			VALUES (?, ?, ?, '', FALSE, ?, 1)`, groups[i], fmt.Sprintf("group-%05d", i),
			fmt.Sprintf("239.192.%d.%d:7441", i/250, 1+i%250), f.now)
	}
	users := make([]string, o.users)
	for i := range users {
		users[i] = protocol.NewDeviceID().String()
		f.do(`INSERT INTO users (id, name, role, password, disabled, created_at) VALUES (?, ?, 'member', '', FALSE, ?)`,
			users[i], fmt.Sprintf("user-%06d", i), f.now)
		f.do(`INSERT INTO members (group_id, user_id, since) VALUES (?, ?, ?)`, groups[i%len(groups)], users[i], f.now)
	}
	for i := range o.devices {
		tokens = append(tokens, f.device(users[i%len(users)], i))
	}
	if f.err == nil {
		f.deliveries(o)
	}
	if f.err != nil {
		return nil, f.err
	}
	return tokens, tx.Commit()
}

func openTables(o options) (*sql.DB, error) {
	h, err := home.Open(o.home)
	if err != nil {
		return nil, err
	}
	return sql.Open("sqlite", filepath.Join(h.Dir(home.RoleServer), "db.sqlite"))
}

// filler writes rows until something fails.
type filler struct {
	ctx context.Context
	tx  *sql.Tx
	now int64
	err error
}

func (f *filler) do(query string, args ...any) {
	if f.err == nil {
		_, f.err = f.tx.ExecContext(f.ctx, query, args...)
	}
}

func (f *filler) device(user string, n int) string {
	id := protocol.NewDeviceID().String()
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.err = err
	}
	token, hash := auth.NewToken()
	f.do(`INSERT INTO devices (id, user_id, name, public_key, os, version, created_at, last_seen, address, path,
		free_bytes, loss, clock_off) VALUES (?, ?, ?, ?, 'linux', 'swarm', ?, ?, '127.0.0.1', 'multicast', 0, 0, 0)`,
		id, user, fmt.Sprintf("pc-%06d", n), []byte(public), f.now, f.now)
	f.do(`INSERT INTO tokens (hash, user_id, device_id, scope, created_at, last_used, expires)
		VALUES (?, ?, ?, 'agent', ?, ?, 0)`, hex.EncodeToString(hash[:]), user, id, f.now, f.now)
	return token
}

// deliveries makes transfers of each group in turn, with a delivery for each device of its members, until there are so
// many. All of the last hundredth are owed, the others are verified.
func (f *filler) deliveries(o options) {
	if o.rows == 0 {
		return
	}
	each := max(o.devices/o.groups, 1)
	transfers := max(o.rows/each, 1)
	for no := range transfers {
		state, delivery, ended := "done", "verified", f.now
		if no >= transfers-max(transfers/100, 1) {
			state, delivery, ended = "waiting", "queued", 0
		}
		group := fmt.Sprintf("group-%05d", no%o.groups)
		f.do(`INSERT INTO transfers (no, group_id, group_name, name, files, bytes, blocks, state, reason, created_at,
			created_by, started_at, ended_at, expires_at, hold, via, rate_limit, in_place, root, source,
			manifest_bytes, manifest_blocks, content_gone, content)
			SELECT ?, id, name, ?, 10, 1000000, 10, ?, '', ?, 'root', ?, ?, ?, FALSE, 'auto', 0, FALSE, ?, '',
			100, 1, FALSE, '' FROM groups WHERE name = ?`,
			no+1, fmt.Sprintf("release-%d", no), state, f.now, f.now, ended, f.now+int64(1e13),
			fmt.Sprintf("%064x", no), group)
		f.do(`INSERT INTO deliveries (transfer_no, user_id, device_id, user_name, device_name, state, reason, path, blocks,
			bytes, loss, updated_at)
			SELECT ?, u.id, d.id, u.name, d.name, ?, '', 'multicast', 10, 1000000, 0, ?
			FROM groups g JOIN members m ON m.group_id = g.id JOIN users u ON u.id = m.user_id
			JOIN devices d ON d.user_id = u.id WHERE g.name = ?`, no+1, delivery, f.now, group)
		f.do(`INSERT INTO transfer_sites (transfer_no, site, owed, verified)
			SELECT ?, '', COALESCE(SUM(state = 'queued'), 0), COALESCE(SUM(state = 'verified'), 0)
			FROM deliveries WHERE transfer_no = ?`, no+1, no+1)
	}
	f.do(`UPDATE counters SET value = ? WHERE name = 'transfer'`, transfers)
}
