package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
)

// boundSince is the first version of the tables in which a database names its server.
const boundSince = 7

// binding ties a server's database to its keys: one without the other is not served. With an empty
// database the server would reject the logins of receivers that trust its keys.
type binding struct {
	dir      string
	database database
	fresh    bool // the database says nothing yet, and may
}

const databaseFile = "db.sqlite"

// bind looks at keys and database before either is made. anew says that an empty database is meant.
func bind(ctx context.Context, dir string, db database, anew bool) (*binding, error) {
	b := &binding{dir: dir, database: db}
	found, err := db.look(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.isWhereTheStateIs(ctx); err != nil {
		return nil, err
	}
	keys := exists(filepath.Join(dir, "ca.key")) || exists(filepath.Join(dir, "ca.pem"))
	begun := exists(b.mark())
	switch {
	case anew && !found.Empty:
		return nil, groupcast.Errorf(groupcast.EConflict,
			"there is a database in %s: --new-database is for one that is lost", b.where()).
			WithHint("start without it; to begin anew all the same, move %s away first", db)
	case found.Empty && keys && !begun && !anew && !b.inHome():
		return nil, groupcast.Errorf(groupcast.EUnavailable, "the database %s is empty, but the server's keys are in %s", db,
			dir).
			WithHint("bring the server's state there, from the file in its home or in a backup: groupcast database copy FILE " +
				"ADDRESS; to begin anew with no users and the same keys: groupcast serve --new-database")
	case found.Empty && keys && !begun && !anew:
		return nil, groupcast.Errorf(groupcast.EUnavailable,
			"the database %s is missing or empty, but the server's keys are there: users, groups and what is pending are "+
				"lost, or on another disk", db).
			WithHint("is the disk mounted? else put a backup in its place: groupcast restore FILE; to begin anew with no " +
				"users and the same keys: groupcast serve --new-database")
	case !found.Empty && !keys:
		return nil, groupcast.Errorf(groupcast.EUnavailable,
			"the server's keys in %s are gone, its database is there: receivers would take it for another server", dir).
			WithHint("put a backup in their place: groupcast restore FILE --force; to begin anew, move %s away",
				db)
	case !found.Empty && found.Server == "" && found.Tables >= boundSince && !begun:
		return nil, groupcast.Errorf(groupcast.EUnavailable,
			"the database in %s does not name its server: its settings are lost", b.where()).
			WithHint("put a backup in its place: groupcast restore FILE --force")
	}
	if b.fresh = found.Server == ""; !b.fresh {
		return b, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return b, durable.WriteFile(b.mark(), nil) // a start that ends before its end may go on
}

func (b *binding) mark() string { return filepath.Join(b.dir, "beginning") }

// tie writes the server's ID into the database, or refuses a database of another server.
func (b *binding) tie(ctx context.Context, db store.Store, id protocol.ServerID) error {
	whose, err := db.Setting(ctx, look.SettingServer)
	if groupcast.ErrorCode(err) == groupcast.ENotFound && b.fresh {
		whose, err = id.String(), db.SetSetting(ctx, look.SettingServer, id.String())
	}
	if err != nil {
		return err
	}
	if whose != id.String() {
		return groupcast.Errorf(groupcast.EConflict,
			"the database in %s belongs to another server (fingerprint %s; the keys here: %s)", b.where(), whose, id).
			WithHint("bring keys and database of one backup together: groupcast restore FILE --force")
	}
	if err := os.Remove(b.mark()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return remember(b.dir, b.database)
}

// isWhereTheStateIs refuses a database that is not in the home, if the home's own state is in its file: that of a
// server which was not copied there, or a backup that was restored.
func (b *binding) isWhereTheStateIs(ctx context.Context) error {
	own := filepath.Join(b.dir, databaseFile)
	if b.inHome() || exists(filepath.Join(b.dir, elsewhere)) {
		return nil
	}
	found, err := look.At(ctx, own)
	if err != nil || found.Empty {
		return err
	}
	return groupcast.Errorf(groupcast.EConflict, "the state of this home's server is in the file %s, not in %s", own,
		b.database).
		WithHint("bring it there while the server is stopped: groupcast database copy FILE ADDRESS, into an empty " +
			"database; or move the file away, if what is in the database is meant")
}

// where is the folder of a file, or the address of another database.
func (b *binding) where() string {
	if b.inHome() {
		return b.dir
	}
	return b.database.String()
}

func (b *binding) inHome() bool {
	_, home := b.database.(file)
	return home
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}
