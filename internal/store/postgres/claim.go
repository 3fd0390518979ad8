package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// holder is the setting that says which server writes to the database: a token, and its machine's name.
const holder = "holder"

// lookAgain is how often a server looks whether its claim still stands.
const lookAgain = 5 * time.Second

// claim is one server's right to a database. Two that write to one would each hold what the other sends for lost.
// A lock that ends with its connection tells a second server that the first one lives. The token, which every
// change looks at before it is committed, ends the writing of a server whose place another one has taken since.
type claim struct {
	db    *sql.DB
	token string
	stop  context.CancelFunc
	ended sync.WaitGroup
}

// take claims a database, unless a server that lives has it.
func take(ctx context.Context, db *sql.DB) (*claim, error) {
	conn, err := hold(ctx, db)
	if err != nil {
		return nil, err
	}
	machine, _ := os.Hostname() // without one the token must do
	c := &claim{db: db, token: rand.Text() + " " + cleaned(machine)}
	_, err = db.ExecContext(ctx, "INSERT INTO settings (name, value) VALUES ($1, $2) "+
		"ON CONFLICT (name) DO UPDATE SET value = excluded.value", holder, c.token)
	if err != nil {
		_ = conn.Close()
		return nil, explain(err)
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.ended.Go(func() { c.keep(ctx, conn) })
	return c, nil
}

// hold gives a connection that has the lock.
func hold(ctx context.Context, db *sql.DB) (*sql.Conn, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, explain(err)
	}
	var ours bool
	err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_lock(hashtext('groupcast'), hashtext(current_schema()))").
		Scan(&ours)
	if err == nil && ours {
		return conn, nil
	}
	if err == nil {
		var who string // may be another's of whom nothing is known
		_ = conn.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = $1", holder).Scan(&who)
		err = held(who)
	}
	_ = conn.Close()
	return nil, explain(err)
}

func held(who string) error {
	_, machine, _ := strings.Cut(who, " ")
	if machine != "" {
		machine = " on " + machine
	}
	return groupcast.Errorf(groupcast.EConflict, "another server%s works with this database", machine).
		WithHint("only one may: stop one of the two; of one that is gone PostgreSQL notices it after some seconds")
}

// keep takes the lock again when its connection ends.
func (c *claim) keep(ctx context.Context, conn *sql.Conn) {
	defer func() {
		if conn != nil {
			_ = conn.Close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookAgain):
		}
		if conn != nil && conn.PingContext(ctx) == nil {
			continue
		}
		if conn != nil {
			_ = conn.Close()
		}
		conn, _ = hold(ctx, c.db) // without it the token still guards
	}
}

// taken is the error of a change that is not committed because another server has the database.
func taken(who string) error {
	return groupcast.Errorf(groupcast.EUnavailable, "this server writes nothing more: another one has taken over its "+
		"database").Wrap(held(who))
}

func (c *claim) end() {
	c.stop()
	c.ended.Wait()
}
