package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"sync"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/nodes"
	"github.com/groupcast/groupcast/internal/store/tables"
)

// Member is one of the servers that share a database. It is the active one from when its Keeper says so; only that one
// opens the store.
type Member struct {
	*nodes.Keeper
	address Address
	self    nodes.Self
	rows    *rows
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// nodesSince is the first version of the tables that has nodes.
const nodesSince = 40

// Join makes this server one of those that share a database. Its tables are made if there are none; else they stay as
// they are: another program may work with them.
func Join(ctx context.Context, address Address, self nodes.Self) (*Member, error) {
	m := &Member{address: address, self: self, rows: openRows(address, self)}
	m.Keeper = nodes.New(m.rows, self.ID, nodes.Clock)
	if err := m.begin(ctx); err != nil {
		return nil, errors.Join(err, m.rows.db.Close())
	}
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	m.ended.Go(func() { m.Run(ctx) })
	return m, nil
}

func (m *Member) begin(ctx context.Context) error {
	if err := suits(ctx, m.rows.db, m.address.String()); err != nil {
		return err
	}
	found, err := Look(ctx, m.address, "")
	if err != nil {
		return err
	}
	if found.Empty || found.Tables < nodesSince {
		if err := migrate(ctx, m.address); err != nil {
			return err
		}
	}
	if err := m.rows.join(ctx); err != nil {
		return err
	}
	_, err = m.Try(ctx)
	return err
}

// Open opens the store of the active server. What it writes is kept only as long as it is the active one.
func (m *Member) Open(ctx context.Context) (*Store, error) {
	now, _ := m.Status()
	if now.Epoch == 0 {
		return nil, m.another(ctx)
	}
	if err := migrate(ctx, m.address); err != nil {
		return nil, err
	}
	c := m.address.config()
	c.RuntimeParams["application_name"] = nodeOfConnection(m.self.ID)
	db := stdlib.OpenDB(*c)
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	e := newMachine(db)
	e.epoch = now.Epoch
	return &Store{Store: tables.New(e), db: db, machine: e, where: m.address.String()}, nil
}

// another says that another server is the active one.
func (m *Member) another(ctx context.Context) error {
	name := "another server"
	all, err := m.Nodes(ctx)
	if err == nil && len(all) > 0 && all[0].Active && all[0].Name != "" {
		name += " (" + all[0].Name + ")"
	}
	return groupcast.Errorf(groupcast.EConflict, "%s works with this database", name).
		WithHint("only one does, unless they have names and stand by for each other; one that is gone is noticed after 17 " +
			"seconds").Wrap(err)
}

// Close gives the place back.
func (m *Member) Close() error {
	m.stop()
	m.ended.Wait()
	return m.rows.db.Close()
}

// Open is the store of a server that has a database for itself: another that works with it is an error.
func Open(ctx context.Context, address Address) (*Store, error) {
	machine, _ := os.Hostname() // it is for people
	m, err := Join(ctx, address, nodes.Self{ID: rand.Text(), Name: machine})
	if err != nil {
		return nil, err
	}
	s, err := m.Open(ctx)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	s.alone = m
	return s, nil
}

// alone does what concerns the tables while no other server does.
func alone(ctx context.Context, db *sql.DB, f func() error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return explain(err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	const key = "hashtext('groupcast tables'), hashtext(current_schema())"
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+key+")"); err != nil {
		return explain(err)
	}
	err = f()
	_, unlock := conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock("+key+")")
	return errors.Join(err, explain(unlock))
}
