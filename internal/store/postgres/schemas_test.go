package postgres_test

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast/internal/store/postgres"
	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

// TestSchemasAgree holds the tables of both engines against each other: names, types, what may be
// NULL, and the views.
func TestSchemasAgree(t *testing.T) {
	server := pgtest.Shared(t)
	address := server.Schema(t)
	open(t, address)
	theirs := ask(t, server.Open(t, address), `SELECT c.table_name || '.' || c.column_name || ' ' ||
			CASE WHEN t.table_type = 'VIEW' THEN 'view' ELSE CASE c.data_type WHEN 'bigint' THEN 'INTEGER'
			WHEN 'boolean' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'bytea' THEN 'BLOB'
			WHEN 'double precision' THEN 'REAL' ELSE c.data_type END || ' ' || c.is_nullable END
		FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = current_schema() AND c.table_name <> 'goose_db_version'`)

	path := filepath.Join(t.TempDir(), "db.sqlite")
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ours := ask(t, file, `SELECT m.name || '.' || c.name || ' ' ||
			CASE WHEN m.type = 'view' THEN 'view'
			ELSE c.type || ' ' || CASE WHEN c."notnull" OR c.pk THEN 'NO' ELSE 'YES' END END
		FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite_%' AND m.name NOT LIKE 'goose_%'`)
	if !slices.Equal(ours, theirs) {
		t.Fatalf("only in SQLite: %v\nonly in PostgreSQL: %v", without(ours, theirs), without(theirs, ours))
	}
}

func without(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

func ask(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
	slices.Sort(out)
	return out
}

// first is the number of PostgreSQL's first migration: it makes what SQLite's up to there make.
const first = "00033"

// TestEachMigrationIsForBoth needs no PostgreSQL: whoever changes the tables of one engine and forgets the other
// hears of it everywhere.
func TestEachMigrationIsForBoth(t *testing.T) {
	numbers := func(folder fs.FS) (out []string) {
		files, err := fs.Glob(folder, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if number := strings.SplitN(f, "_", 2)[0]; number >= first {
				out = append(out, number)
			}
		}
		return out
	}
	ours, theirs := numbers(sqlite.Migrations()), numbers(postgres.Migrations())
	if !slices.Equal(ours, theirs) {
		t.Fatalf("store/sqlite/migrations has %v, store/postgres/migrations %v", ours, theirs)
	}
}

// TestTextsSortByBytes reads the migrations: a text without COLLATE sorts by the locale of whoever made the database.
func TestTextsSortByBytes(t *testing.T) {
	files, err := fs.Glob(postgres.Migrations(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	column := regexp.MustCompile(`(?m)^.*(?:^    |ADD COLUMN )(\w+) +TEXT\b(.*)$`)
	for _, f := range files {
		text, err := fs.ReadFile(postgres.Migrations(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range column.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasPrefix(m[2], ` COLLATE "C"`) {
				t.Errorf(`%s: %s is TEXT without COLLATE "C"`, f, m[1])
			}
		}
	}
}
