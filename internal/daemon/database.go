package daemon

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/copier"
	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
)

// database is where a server's state is.
type database interface {
	look(ctx context.Context) (look.Found, error)
	// open opens it; makeRoom makes room on the disk of the home. A server that stands by waits here.
	open(ctx context.Context, makeRoom func() bool) (store.Store, error)
	size() uint64
	String() string // as its messages name it
}

// file is a database in the home.
type file string

func (f file) look(ctx context.Context) (look.Found, error) { return look.At(ctx, string(f)) }

func (f file) open(ctx context.Context, makeRoom func() bool) (store.Store, error) {
	db, err := sqlite.OpenWith(ctx, string(f), makeRoom)
	if err != nil {
		return nil, err
	}
	return db, nil
}

func (f file) size() uint64 { return sizeOf(string(f)) + sizeOf(string(f)+"-wal") }

func (f file) String() string { return string(f) }

// cluster is a database in PostgreSQL.
type cluster struct {
	address postgres.Address
	turn    func(ctx context.Context) (*member, error) // waits until this server is the active one
	member  *member
	db      *postgres.Store
}

func (c *cluster) look(ctx context.Context) (look.Found, error) {
	found, err := postgres.Look(ctx, c.address, look.SettingServer)
	return look.Found(found), err
}

func (c *cluster) open(ctx context.Context, _ func() bool) (store.Store, error) {
	m, err := c.turn(ctx)
	if err != nil {
		return nil, err
	}
	db, err := m.Open(ctx)
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	m.epoch = db.Epoch()
	c.member, c.db = m, db
	return &active{copier.Backed{Store: db}, m}, nil
}

// active is the store of the active server: its place goes with it.
type active struct {
	copier.Backed
	member *member
}

// Close closes the store and gives the place back.
func (a *active) Close() error { return errors.Join(a.Backed.Close(), a.member.Close()) }

// patience bounds how long a database is asked for its size.
const patience = 3 * time.Second

func (c *cluster) size() uint64 {
	if c.db == nil {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n, _ := c.db.Size(ctx) // unknown shows as such
	return n
}

func (c *cluster) String() string { return c.address.String() }

// inHome is what --database says for the file in the home.
const inHome = "sqlite"

// elsewhere is the file in the server's folder that says where its database is, if that is not in the folder.
const elsewhere = "database"

// CheckDatabase says what is wrong with what --database says, before anything is opened.
func CheckDatabase(option string) error {
	if postgres.IsAddress(option) {
		_, err := postgres.ParseAddress(option)
		return err
	}
	if option != "" && option != inHome {
		return groupcast.Errorf(groupcast.EInvalid, "--database is the address of a PostgreSQL database, or %s", inHome).
			WithHint("it is like postgres://USER@HOST:5432/DATABASE?sslmode=verify-full; without it the state is in a file of " +
				"the home")
	}
	return nil
}

// databaseOf says where a server's database is: where --database says. A server that has worked with another one
// does not begin with what lies in its home, which is older.
func databaseOf(dir, option string) (database, error) {
	if err := CheckDatabase(option); err != nil {
		return nil, err
	}
	if postgres.IsAddress(option) {
		address, err := postgres.ParseAddress(option)
		return &cluster{address: address}, err
	}
	home := file(filepath.Join(dir, databaseFile))
	if option == inHome {
		return home, nil
	}
	where, err := os.ReadFile(filepath.Join(dir, elsewhere))
	if errors.Is(err, fs.ErrNotExist) {
		return home, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, groupcast.Errorf(groupcast.EConflict, "this server's database is %s, not in its home",
		strings.TrimSpace(string(where))).
		WithHint("start with --database and that address, which the settings can have, too; to work with the file in the " +
			"home from now on: --database sqlite, after `groupcast database copy`")
}

// remember notes where the database is, so that no older one is taken by mistake.
func remember(dir string, db database) error {
	path := filepath.Join(dir, elsewhere)
	if _, home := db.(file); home {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return durable.WriteFile(path, []byte(db.String()+"\n"))
}
