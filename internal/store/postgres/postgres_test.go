package postgres_test

import (
	"testing"

	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/store/copier"
	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
	"github.com/groupcast/groupcast/internal/store/storetest"
)

func open(t testing.TB, address string) *postgres.Store {
	t.Helper()
	a, err := postgres.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	server := pgtest.Shared(t)
	storetest.Run(t, func(t *testing.T) store.Store { return copier.Backed{Store: open(t, server.Schema(t))} })
}
