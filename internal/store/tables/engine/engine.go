// Package engine says how transactions are made, whatever database makes them.
package engine

import (
	"context"

	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// Change is what one caller writes. An engine may make it more than once, each time as if it had not been made
// before. It keeps to the context it is given: its caller's may end in the middle of a statement, and SQLite then
// undoes the whole transaction, others' changes too.
type Change func(ctx context.Context, q *queries.Queries) error

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
