package postgres_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
)

func TestTextsThatPostgreSQLDoesNotTake(t *testing.T) {
	s := open(t, pgtest.Shared(t).Schema(t))
	for in, want := range map[string]string{"a\x00b": "a\ufffdb", "a\xffb": "a\ufffdb", "größe": "größe", "": ""} {
		if err := s.SetSetting(t.Context(), "text", in); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if got, err := s.Setting(t.Context(), "text"); err != nil || got != want {
			t.Fatalf("%q came back as %q, %v", in, got, err)
		}
	}
}

func TestAddressesHaveNoPasswords(t *testing.T) {
	for _, text := range []string{
		"postgres://u:very-secret@h/db", "postgres://h/db?password=very-secret", "postgresql://u:very-secret@h:bad/db",
		"postgres://h/db?sslpassword=very-secret", "postgres://u:very-secret@[::1/db", "very-secret",
	} {
		a, err := postgres.ParseAddress(text)
		if err == nil {
			t.Errorf("%s is taken: %v", text, a)
			continue
		}
		for cause := err; cause != nil; cause = unwrap(cause) {
			if strings.Contains(cause.Error(), "secret") {
				t.Errorf("the error shows the password: %v", cause)
			}
		}
	}
	a, err := postgres.ParseAddress("postgres://u@h/db?sslmode=disable")
	if err != nil || a.String() != "postgres://u@h/db?sslmode=disable" {
		t.Fatal(a, err)
	}
}

func unwrap(err error) error {
	u, ok := err.(interface{ Unwrap() error })
	if !ok {
		return nil
	}
	return u.Unwrap()
}

func TestNobodyAnswers(t *testing.T) {
	a, err := postgres.ParseAddress("postgres://u@127.0.0.1:1/db")
	if err != nil {
		t.Fatal(err)
	}
	_, err = postgres.Open(t.Context(), a)
	if groupcast.ErrorCode(err) != groupcast.EUnavailable || !strings.Contains(err.Error(), "does not answer") {
		t.Fatal(err)
	}
}

// TestAwayAndBack ends PostgreSQL under a store and starts it again.
func TestAwayAndBack(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, server.Schema(t))
	set := func(value string) error { return s.SetSetting(t.Context(), "k", value) }
	if err := set("before"); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := s.Setting(t.Context(), "k")
	for name, err := range map[string]error{"read": err, "write": set("meanwhile")} {
		if groupcast.ErrorCode(err) != groupcast.EUnavailable || !strings.Contains(err.Error(), "does not answer") {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if waited := time.Since(began); waited > 10*time.Second {
		t.Errorf("callers wait for %v until they hear that nobody answers", waited)
	}
	if err := server.Go(); err != nil {
		t.Fatal(err)
	}
	if err := set("after"); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Setting(t.Context(), "k"); err != nil || v != "after" {
		t.Fatal(v, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Setting(ctx, "k"); !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Fatal(err)
	}
}
