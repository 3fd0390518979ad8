// Package look says what lies in the place of a server's database, and whether it is a whole one, without changing it.
package look

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"

	"github.com/groupcast/groupcast/internal/sqlfile"
)

// Found is what exists in the place of a database.
type Found struct {
	Empty  bool   // no file, an empty one, or one without the tables of a server
	Tables int64  // version of its tables
	Server string // whose database it is, where it says so
}

// SettingServer is the name of the setting with the ID of the database's server.
const SettingServer = "server"

// At looks at a database without making or changing it. What cannot be read as one is left to
// whoever opens it, who says what is wrong with it.
func At(ctx context.Context, path string) (Found, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return Found{Empty: true}, nil
	}
	if err != nil {
		return Found{}, err
	}
	db := sqlfile.File{Path: path, Name: "database"}.Pool(1, sqlfile.ReadOnly)
	found := look(ctx, db)
	return found, db.Close()
}

func look(ctx context.Context, db *sql.DB) (f Found) {
	var tables int
	if db.QueryRowContext(ctx,
		"SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('users', 'settings', 'goose_db_version')").
		Scan(&tables) != nil {
		return f
	}
	if f.Empty = tables < 3; f.Empty {
		return f
	}
	if db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied").
		Scan(&f.Tables) != nil {
		return f
	}
	// an older one does not say
	_ = db.QueryRowContext(ctx, "SELECT value FROM settings WHERE name = $1", SettingServer).Scan(&f.Server)
	return f
}
