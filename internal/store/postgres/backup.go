package postgres

import (
	"context"

	"github.com/groupcast/groupcast"
)

// Backup is PostgreSQL's own.
func (s *Store) Backup(context.Context, string) error {
	return groupcast.Errorf(groupcast.EConflict, "the server's database is in PostgreSQL, which makes its own backups").
		WithHint("pg_dump makes one of it, and the folder of the server's keys belongs to it")
}
