package daemon

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
)

// wholeBackup says whether an unpacked backup is one: a sound database with the tables of this
// program or an older one, and all keys of the same server.
func wholeBackup(folder string) error {
	found, err := look.Check(context.Background(), filepath.Join(folder, databaseFile), sqlite.Migrations())
	if err != nil {
		return notWhole(folder, "its database", err)
	}
	id, err := pki.CheckFolder(folder)
	if err != nil {
		return notWhole(folder, "its keys", err)
	}
	switch {
	case found.Server == "" && found.Tables >= boundSince:
		return notWhole(folder, "its database", groupcast.Errorf(groupcast.EInvalid, "it does not name its server"))
	case found.Server != "" && found.Server != id.String():
		return notWhole(folder, "its database",
			groupcast.Errorf(groupcast.EInvalid, "it is of another server (fingerprint %s) than the keys (%s)",
				found.Server, id))
	}
	return nil
}

func notWhole(folder, what string, err error) error {
	hint := "use another backup"
	if groupcast.ErrorCode(err) == groupcast.EConflict {
		hint = "restore it with the newer program, or use another backup"
	}
	reason := err.Error()
	if e := (*groupcast.Error)(nil); errors.As(err, &e) {
		reason = e.Message
	}
	reason = strings.ReplaceAll(reason, folder+string(filepath.Separator), "")
	return groupcast.Errorf(groupcast.EInvalid, "the backup is not restored, nothing was changed: %s cannot be used: %s",
		what, reason).WithHint("%s", hint).Wrap(err)
}
