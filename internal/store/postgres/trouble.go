package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/groupcast/groupcast"
)

// Codes of PostgreSQL, and the first two characters of some: their class.
const (
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	cannotConnectNow     = "57P03"
	diskFull             = "53100"
	tooManyConnections   = "53300"
	readOnlyTransaction  = "25006"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
	unknownDatabase      = "3D000"

	classConnection    = "08"
	classAuthorization = "28"
	classIntervention  = "57P" // PostgreSQL is stopped, or a connection ended by an administrator
)

func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// lost says whether a connection ended.
func lost(err error) bool {
	code := state(err)
	if strings.HasPrefix(code, classConnection) || strings.HasPrefix(code, classIntervention) {
		return true
	}
	if code != "" {
		return false
	}
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, sql.ErrConnDone) || errors.As(err, &network) ||
		errors.As(err, new(*pgconn.ConnectError))
}

// unsure is a transaction of which nobody knows whether it was committed: it is not made again.
type unsure struct{ cause error }

func (u unsure) Error() string { return u.cause.Error() }

func unknown(err error) error { return unsure{err} }

// again says whether a transaction that failed is begun again: it was undone, and the next one may end well. Where
// nobody answers it is not: callers hear so at once.
func again(err error) bool {
	if err == nil || errors.As(err, new(unsure)) || errors.As(err, new(*pgconn.ConnectError)) ||
		errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	code := state(err)
	return code == serializationFailure || code == deadlockDetected || lost(err)
}

// explain turns PostgreSQL's words into ours and leaves any other error.
func explain(err error) error {
	code := state(err)
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*groupcast.Error)):
		return err
	case errors.As(err, new(unsure)):
		return trouble("the database was lost while it kept a change: whether it has it is not known",
			"look whether it is so before you do it again", err)
	case code == serializationFailure || code == deadlockDetected || code == lockNotAvailable:
		return groupcast.Errorf(groupcast.EBusy, "too much is changed at once").WithHint("try again in a moment").Wrap(err)
	case code == queryCanceled:
		return trouble("the database took too long", "is it overloaded? try again in a moment", err)
	case code == diskFull:
		return trouble("the disk of the database is full", "make room on it: it goes on by itself then", err)
	case code == readOnlyTransaction:
		return trouble("the database is read-only", "is it a standby? name the one that is written to", err)
	case code == tooManyConnections:
		return trouble("the database takes no more connections", "raise its max_connections, or end others' connections", err)
	case strings.HasPrefix(code, classAuthorization):
		return trouble("the database does not let the server in", "are user, password and pg_hba.conf right?", err)
	case code == unknownDatabase:
		return trouble("there is no such database", "make it with createdb", err)
	case lost(err):
		return trouble("the database does not answer", "is PostgreSQL running, and reachable? it goes on by itself then", err)
	}
	return err
}

func trouble(what, hint string, cause error) error {
	return groupcast.Errorf(groupcast.EUnavailable, "%s", what).WithHint("%s", hint).Wrap(cause)
}
