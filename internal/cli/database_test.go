package cli

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/groupcast/groupcast/internal/store/postgres/pgtest"
)

// databases is the key under which a script finds its PostgreSQL.
type databases struct{}

// setDatabase gives the scripts named database* a PostgreSQL: $DATABASE is an empty one.
func setDatabase(t *testing.T, e *testscript.Env) {
	t.Helper()
	if !strings.HasPrefix(filepath.Base(e.WorkDir), "script-database") || !pgtest.Wanted() {
		return
	}
	s := pgtest.Start(t)
	e.Values[databases{}] = s
	e.Setenv("DATABASE", s.Schema(t))
}

// postgres stop|start ends PostgreSQL, and starts it again.
func orderPostgres(ts *testscript.TestScript, _ bool, args []string) {
	s := ts.Value(databases{}).(*pgtest.Server)
	switch strings.Join(args, " ") {
	case "stop":
		ts.Check(s.Stop())
	case "start":
		ts.Check(s.Go())
	default:
		ts.Fatalf("usage: postgres stop|start")
	}
}
