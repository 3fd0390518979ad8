package tables

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/tables/queries"
)

func hashText(h store.TokenHash) string { return hex.EncodeToString(h[:]) }

// AddToken keeps a token's hash.
func (s *Store) AddToken(ctx context.Context, t store.Token) error {
	device := deviceText(t.Device)
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		if err := q.AddToken(ctx, queries.AddTokenParams{
			Hash: hashText(t.Hash), UserID: t.UserID,
			DeviceID: sql.NullString{String: device, Valid: device != ""}, Scope: string(t.Scope),
			CreatedAt: micros(t.CreatedAt), LastUsed: micros(t.LastUsed), Expires: micros(t.Expires),
			Address: t.Address,
		}); err != nil {
			return err
		}
		most := store.MaxUserTokens
		if device != "" {
			most = store.MaxDeviceTokens
		}
		return q.TrimTokens(ctx,
			queries.TrimTokensParams{UserID: t.UserID, Scope: string(t.Scope), Device: device, Most: int32(most)})
	})
}

// FindToken gives a token with its user and device.
func (s *Store) FindToken(
	ctx context.Context, hash store.TokenHash, now time.Time,
) (store.Token, groupcast.User, *groupcast.Device, error) {
	var row queries.FindTokenRow
	var device *groupcast.Device
	err := s.read(ctx, func(q *queries.Queries) (err error) {
		row, err = q.FindToken(ctx, queries.FindTokenParams{Hash: hashText(hash), Now: micros(now)})
		if err != nil || !row.Token.DeviceID.Valid {
			return missing(err, "token", "like this")
		}
		d, err := q.Device(ctx, row.Token.DeviceID.String)
		if err != nil {
			return missing(err, "device", row.Token.DeviceID.String)
		}
		found, err := deviceFrom(d.Device, d.UserName)
		device = &found
		return err
	})
	if err != nil {
		return store.Token{}, groupcast.User{}, nil, err
	}
	t := store.Token{
		Hash: hash, UserID: row.Token.UserID, Scope: groupcast.Scope(row.Token.Scope),
		CreatedAt: instant(row.Token.CreatedAt), LastUsed: instant(row.Token.LastUsed),
		Expires: instant(row.Token.Expires), Address: row.Token.Address,
	}
	if device != nil {
		t.Device = device.ID
	}
	return t, userFrom(row.User), device, nil
}

// TouchTokens notes when tokens were used last.
func (s *Store) TouchTokens(ctx context.Context, used map[store.TokenHash]time.Time) error {
	return s.loosely(ctx, func(ctx context.Context, q *queries.Queries) error {
		for h, at := range used {
			if err := q.TouchToken(ctx, queries.TouchTokenParams{LastUsed: micros(at), Hash: hashText(h)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteToken ends a token.
func (s *Store) DeleteToken(ctx context.Context, hash store.TokenHash) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		n, err := q.DeleteToken(ctx, hashText(hash))
		return touched(n, err, "token", "like this")
	})
}

// DeleteTokens ends a user's tokens of a scope, except one.
func (s *Store) DeleteTokens(ctx context.Context, userID string, scope groupcast.Scope, except store.TokenHash) error {
	return s.durably(ctx, func(ctx context.Context, q *queries.Queries) error {
		return q.DeleteTokens(ctx, queries.DeleteTokensParams{
			UserID: userID, Scope: string(scope), ExceptHash: hashText(except),
		})
	})
}

// PruneTokens forgets tokens that are over.
func (s *Store) PruneTokens(ctx context.Context, now, unusedSince, quietSince time.Time) (int, error) {
	var n int64
	err := s.durably(ctx, func(ctx context.Context, q *queries.Queries) (err error) {
		n, err = q.PruneTokens(ctx,
			queries.PruneTokensParams{Now: micros(now), UnusedSince: micros(unusedSince), QuietSince: micros(quietSince)})
		return err
	})
	return int(n), err
}

// Tokens lists a user's tokens.
func (s *Store) Tokens(ctx context.Context, userID string, now time.Time) (out []store.Token, err error) {
	err = s.read(ctx, func(q *queries.Queries) error {
		rows, err := q.TokensOfUser(ctx, queries.TokensOfUserParams{UserID: userID, Now: micros(now)})
		if err != nil {
			return err
		}
		out, err = each(rows, tokenFrom)
		return err
	})
	return out, err
}

func tokenFrom(r queries.TokensOfUserRow) (store.Token, error) {
	t := store.Token{
		UserID: r.Token.UserID, Scope: groupcast.Scope(r.Token.Scope), CreatedAt: instant(r.Token.CreatedAt),
		LastUsed: instant(r.Token.LastUsed), Expires: instant(r.Token.Expires), Address: r.Token.Address, Name: r.DeviceName,
	}
	hash, err := hex.DecodeString(r.Token.Hash)
	if err != nil || len(hash) != len(t.Hash) {
		return t, errors.New("read the database: a token's hash is none")
	}
	copy(t.Hash[:], hash)
	t.Device, err = deviceID(r.Token.DeviceID.String)
	return t, err
}
