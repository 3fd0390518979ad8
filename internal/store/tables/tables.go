// Package tables implements store.Store over the tables of one database, in SQL that SQLite and PostgreSQL
// both understand: queries.sql has it, and the migrations of package postgres the tables that sqlc reads. It decides
// nothing that package store does not promise. How a transaction is made is the engine's.
package tables

import (
	"context"
	"errors"

	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store/tables/engine"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
	"github.com/groupcast/groupcast/internal/store/tables/records"
)

//go:generate go tool -modfile=../../../tools/go.mod sqlc generate

type change = engine.Change

// Store is all of store.Store but Backup and Close, which are its engine's own. It is safe for concurrent use.
type Store struct {
	records.Records
	engine engine.Engine
}

// New gives the store whose tables an engine reads and writes.
func New(e engine.Engine) Store { return Store{records.New(e), e} }

func (s *Store) read(ctx context.Context, f func(q *queries.Queries) error) error {
	return s.engine.Read(ctx, f)
}

func (s *Store) durably(ctx context.Context, c change) error { return s.engine.Durably(ctx, c) }

func (s *Store) quickly(ctx context.Context, c change) error { return s.engine.Quickly(ctx, c) }

func (s *Store) loosely(ctx context.Context, c change) error { return s.engine.Loosely(ctx, c) }

// uniqueViolation is PostgreSQL's code for a row with a key that was there.
const uniqueViolation = "23505"

// taken says whether err is about a row with a key that was there.
func taken(err error) bool {
	var state interface{ SQLState() string }
	return sqlfile.Taken(err) || errors.As(err, &state) && state.SQLState() == uniqueViolation
}
