package daemon

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
)

// witnesses are the files by which a server finds out that its database is an earlier one: one next to
// it, for a database that is restored alone, and one outside of the home, until the machine's next boot.
// The latter has the path of the home in its name: a copy elsewhere is another server's.
func witnesses(h home.Home, id protocol.ServerID) []string {
	out := []string{filepath.Join(h.Dir(home.RoleServer), "witness")}
	if folder := home.RuntimeFolder(); folder != "" {
		place := sha256.Sum256([]byte(h.Path()))
		out = append(out, filepath.Join(folder, fmt.Sprintf("%x-%x.witness", id[:8], place[:8])))
	}
	return out
}

// witnesses are the files that count along with the database, if any do; with a new database they
// begin again.
func (s *Server) witnesses(h home.Home, o Options) (paths []string, err error) {
	if !o.Witnessed {
		return nil, nil
	}
	paths = witnesses(h, s.authority.ID())
	if !o.NewDatabase {
		return paths, nil
	}
	for _, path := range paths {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("removing a witness of the database before: %w", err)
		}
	}
	return paths, nil
}
