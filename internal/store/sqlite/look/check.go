package look

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sqlfile"
)

// Check says whether a file is a whole database of a server, with the tables that this program or
// an older one makes by its migrations and nothing else. It changes nothing.
func Check(ctx context.Context, path string, migrations fs.FS) (Found, error) {
	f := sqlfile.File{Path: path, Name: "database", Migrations: migrations}
	db := f.Inspect()
	found, err := check(ctx, f, db)
	return found, errors.Join(err, db.Close())
}

func check(ctx context.Context, f sqlfile.File, db *sql.DB) (Found, error) {
	if err := f.Sound(ctx, db); err != nil {
		return Found{}, err
	}
	found := look(ctx, db)
	if found.Empty || found.Tables == 0 {
		return found, groupcast.Errorf(groupcast.EInvalid, "it is a database of another program, or an empty one")
	}
	newest, err := f.Newest()
	if err != nil {
		return found, err
	}
	if found.Tables > newest {
		return found, groupcast.Errorf(groupcast.EConflict,
			"it was written by a newer groupcast (tables %d, this program knows %d)", found.Tables, newest)
	}
	return found, sameTables(ctx, f, db, found.Tables)
}

// sameTables compares with a database that this program makes at the same version.
func sameTables(ctx context.Context, f sqlfile.File, db *sql.DB, version int64) error {
	temp, err := os.MkdirTemp("", "groupcast-tables-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	want := sqlfile.File{Path: filepath.Join(temp, "db.sqlite"), Name: "database", Migrations: f.Migrations}
	fresh := want.Pool(1)
	defer fresh.Close()
	if err := want.MigrateTo(ctx, fresh, version); err != nil {
		return err
	}
	ours, err := tables(ctx, fresh)
	if err != nil {
		return err
	}
	theirs, err := tables(ctx, db)
	if err != nil {
		return f.Explain(err)
	}
	if !slices.Equal(ours, theirs) {
		return groupcast.Errorf(groupcast.EInvalid, "its tables are not those of a server of groupcast (version %d of them)",
			version)
	}
	return nil
}

// tables lists the words that made all that is in a database.
func tables(ctx context.Context, db *sql.DB) (out []string, err error) {
	rows, err := db.QueryContext(ctx,
		"SELECT type, name, COALESCE(sql, '') FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY "+
			"type, name")
	if err != nil {
		return nil, fmt.Errorf("read the tables: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var kind, name, words string
		if err := rows.Scan(&kind, &name, &words); err != nil {
			return nil, err
		}
		out = append(out, kind+" "+name+" "+words)
	}
	return out, rows.Err()
}
