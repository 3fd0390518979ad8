package sqlite

import "context"

// Written is what a store wrote since it was opened: what a delivery costs is measured with it.
type Written struct {
	Commits int64 // transactions that were committed, whether or not they changed anything
	Rows    int64 // rows that were inserted, changed or deleted
}

// Written counts what was written so far.
func (s *Store) Written(ctx context.Context) (Written, error) {
	w := Written{Commits: s.commits.Load()}
	for _, p := range []*pool{&s.durable, &s.quick} { // each has the one connection that it writes by
		var rows int64
		if err := p.db.QueryRowContext(ctx, "SELECT total_changes()").Scan(&rows); err != nil {
			return w, s.file.Explain(err)
		}
		w.Rows += rows
	}
	return w, nil
}
