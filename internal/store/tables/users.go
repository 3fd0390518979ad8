package tables

import (
	"context"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

// AddUser makes an account.
func (s *Store) AddUser(ctx context.Context, n store.NewUser, at time.Time) (groupcast.User, error) {
	row := queries.AddUserParams{
		ID: newID(at), Name: n.Name, Role: string(n.Role), Password: string(n.Hash), CreatedAt: micros(at),
	}
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) error { return q.AddUser(ctx, row) })
	if taken(err) {
		return groupcast.User{}, groupcast.Errorf(groupcast.EConflict, "user %s exists already", n.Name)
	}
	return groupcast.User{ID: row.ID, Name: n.Name, Role: n.Role, CreatedAt: instant(row.CreatedAt)}, err
}

// User gives an account by its name.
func (s *Store) User(ctx context.Context, name string) (groupcast.User, error) {
	u, _, err := s.Credentials(ctx, name)
	return u, err
}

// Credentials gives an account with its password hash.
func (s *Store) Credentials(ctx context.Context, name string) (groupcast.User, store.Hash, error) {
	var row queries.User
	err := s.read(ctx, func(q *queries.Queries) (err error) {
		row, err = q.UserByName(ctx, name)
		return missing(err, "user", name)
	})
	return userFrom(row), store.Hash(row.Password), err
}

// UserByID gives an account by its ID.
func (s *Store) UserByID(ctx context.Context, id string) (groupcast.User, error) {
	var row queries.User
	err := s.read(ctx, func(q *queries.Queries) (err error) {
		row, err = q.UserByID(ctx, id)
		return missing(err, "user", id)
	})
	return userFrom(row), err
}

// Users lists the accounts by name.
func (s *Store) Users(ctx context.Context, w groupcast.Window) (out groupcast.Page[groupcast.User], err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.Users(ctx, queries.UsersParams{Most: most(w), Skip: skip(w.From)})
		if err != nil {
			return err
		}
		out, err = page(w, rows, func(r queries.User) (groupcast.User, error) { return userFrom(r), nil },
			func() (int64, error) { return q.CountUsers(ctx) })
		return err
	})
	return out, err
}

// Administrators counts the accounts that can administer.
func (s *Store) Administrators(ctx context.Context) (int, error) {
	var n int64
	err := s.read(ctx, func(q *queries.Queries) (err error) {
		n, err = q.Administrators(ctx)
		return err
	})
	return int(n), err
}

// SetPassword replaces a password hash.
func (s *Store) SetPassword(ctx context.Context, userID string, h store.Hash) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.SetPassword(ctx, queries.SetPasswordParams{Password: string(h), ID: userID})
		return touched(n, err, "user", userID)
	})
}

// SetRole changes a role.
func (s *Store) SetRole(ctx context.Context, userID string, r groupcast.Role) error {
	return s.keepingAnAdministrator(ctx, userID, func(ctx context.Context, q *queries.Queries) error {
		_, err := q.SetRole(ctx, queries.SetRoleParams{Role: string(r), ID: userID})
		return err
	})
}

// SetDisabled closes or opens an account.
func (s *Store) SetDisabled(ctx context.Context, userID string, disabled bool) error {
	return s.keepingAnAdministrator(ctx, userID, func(ctx context.Context, q *queries.Queries) error {
		_, err := q.SetDisabled(ctx, queries.SetDisabledParams{Disabled: disabled, ID: userID})
		return err
	})
}

// DeleteUser ends an account with everything that hangs on it.
func (s *Store) DeleteUser(ctx context.Context, userID string, at time.Time) ([]protocol.GroupID, error) {
	var groups []protocol.GroupID
	err := s.keepingAnAdministrator(ctx, userID, func(ctx context.Context, q *queries.Queries) error {
		rows, err := q.MembershipsOfUser(ctx, userID)
		if err != nil {
			return err
		}
		groups = nil // a change may be tried again
		for _, r := range rows {
			var id protocol.GroupID
			if err := parse(&id, r.GroupID); err != nil {
				return err
			}
			if _, err := q.RaiseVersion(ctx, r.GroupID); err != nil {
				return err
			}
			groups = append(groups, id)
		}
		if err := q.CancelOfUser(ctx, queries.CancelOfUserParams{
			Reason: "the user was deleted", UpdatedAt: micros(at), UserID: userID,
		}); err != nil {
			return err
		}
		if err := recountOfUser(ctx, q, userID); err != nil {
			return err
		}
		_, err = q.DeleteUser(ctx, userID)
		return err
	})
	return groups, err
}

// keepingAnAdministrator makes a change of a user and rolls it back if no administrator would be left.
func (s *Store) keepingAnAdministrator(ctx context.Context, userID string, c change) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		u, err := q.UserByID(ctx, userID)
		if err != nil {
			return missing(err, "user", userID)
		}
		before, err := q.Administrators(ctx)
		if err != nil {
			return err
		}
		if err := c(ctx, q); err != nil {
			return err
		}
		after, err := q.Administrators(ctx)
		if err == nil && before > 0 && after == 0 {
			return groupcast.Errorf(groupcast.EConflict, "%s is the last administrator", u.Name).
				WithHint("make another user an administrator first")
		}
		return err
	})
}
