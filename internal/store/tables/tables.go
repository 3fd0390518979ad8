// Package tables implements store.Store over the tables of one database, in SQL that SQLite and PostgreSQL
// both understand: queries.sql has it, and schema.sql the tables in PostgreSQL's words. It decides nothing that
// package store does not promise. How a transaction is made, and by which engine, is the Engine's.
package tables

import (
	"context"
	"errors"

	"github.com/groupcast/groupcast/internal/sqlfile"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

//go:generate go tool -modfile=../../../tools/go.mod sqlc generate

// Change is what one caller writes. An engine may make it more than once, each time as if it had not been made
// before. It keeps to the context it is given: its caller's may end in the middle of a statement, and SQLite then
// undoes the whole transaction, others' changes too.
type Change func(ctx context.Context, q *queries.Queries) error

type change = Change

// MostTogether bounds the changes that share a transaction, and so what one of them waits for.
const MostTogether = 128

// Engine makes transactions.
type Engine interface {
	// Read runs f on one state of the database.
	Read(ctx context.Context, f func(q *queries.Queries) error) error
	// Durably makes a change that is on the disk when it returns, as if no other was made at the same time.
	Durably(ctx context.Context, c Change) error
	// Quickly is Durably for a change that the power may still take.
	Quickly(ctx context.Context, c Change) error
	// Loosely is Quickly for a change whose statements stand each for themselves, and which reads nothing.
	Loosely(ctx context.Context, c Change) error
	// Together makes changes in one transaction, one after another, and then what follows from them, if
	// anything does. One that fails is undone alone; it says how each went. Others may write between two
	// statements of it.
	Together(ctx context.Context, changes []Change, then func(context.Context, *queries.Queries, []error) error,
		durable bool) []error
}

// Store is all of store.Store but Backup and Close, which are its engine's own. It is safe for concurrent use.
type Store struct{ engine Engine }

// New gives the store whose tables an engine reads and writes.
func New(e Engine) Store { return Store{e} }

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
