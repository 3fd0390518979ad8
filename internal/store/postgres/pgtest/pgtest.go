// Package pgtest starts a PostgreSQL of its own for tests, where Debian's package postgresql is installed: on a
// scratch folder, for one test program, which it does not outlive.
package pgtest

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// Server is a PostgreSQL that runs.
type Server struct {
	folder  string // of its socket, and of everything else of it
	input   *os.File
	orders  sync.Mutex
	answers *bufio.Scanner
	names   atomic.Int64
}

var (
	once   sync.Once
	shared *Server
	failed error
)

// errMissing says what tests need.
var errMissing = errors.New("PostgreSQL is not installed here; on Debian, as root: apt-get install postgresql")

// Shared gives the PostgreSQL of this test program, which starts with the first call. The test is skipped where
// PostgreSQL is not installed, and fails if GROUPCAST_POSTGRES is set.
func Shared(t testing.TB) *Server {
	t.Helper()
	once.Do(func() { shared, failed = start() })
	check(t, failed)
	return shared
}

// required is the variable that says that no test may be left out because PostgreSQL is not installed.
const required = "GROUPCAST_POSTGRES"

// Wanted says whether tests with a PostgreSQL are made: it is installed, or has to be.
func Wanted() bool {
	_, err := programs()
	return err == nil || os.Getenv(required) != ""
}

// Start gives a PostgreSQL that no other test uses.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := start()
	check(t, err)
	t.Cleanup(func() { _ = s.input.Close() })
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, errMissing) && os.Getenv(required) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server, and Go starts it again.
func (s *Server) Stop() error { return s.order("stop") }

// Go starts the server that Stop ended.
func (s *Server) Go() error { return s.order("start") }

func (s *Server) order(order string) error {
	s.orders.Lock()
	defer s.orders.Unlock()
	if _, err := fmt.Fprintln(s.input, order); err != nil {
		return err
	}
	if !s.answers.Scan() {
		return fmt.Errorf("PostgreSQL does not %s", order)
	}
	return nil
}

// Schema makes an empty schema in the database and gives the address of a database that has nothing else. It ends
// with the test.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("case%d", s.names.Add(1))
	s.Do(t, "CREATE SCHEMA "+name)
	t.Cleanup(func() {
		if t.Failed() {
			return // with what it left; it goes with the server
		}
		s.Do(t, "DROP SCHEMA "+name+" CASCADE")
	})
	return s.address("search_path", name)
}

// Do executes statements as the database's owner.
func (s *Server) Do(t testing.TB, statements string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db := s.Open(t, s.address())
	defer db.Close()
	if _, err := db.ExecContext(ctx, statements); err != nil {
		t.Fatal(err)
	}
}

// Open connects to an address that Schema gave.
func (s *Server) Open(t testing.TB, address string) *sql.DB {
	t.Helper()
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal(err)
	}
	db := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (s *Server) address(parameters ...string) string {
	q := url.Values{"host": {s.folder}}
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	return (&url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres", RawQuery: q.Encode()}).String()
}

// programs is the folder of PostgreSQL's programs.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	return filepath.Dir(found[len(found)-1]), nil
}
