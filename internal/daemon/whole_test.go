package daemon

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/backup"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/store/sqlite"
	"github.com/groupcast/groupcast/internal/store/sqlite/look"
)

// backupOf makes the files of a server's backup.
func backupOf(t *testing.T) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	a, err := pki.Open(pki.Options{Folder: dir, Hosts: pki.LocalHosts()})
	fine(t, err)
	db, err := sqlite.Open(t.Context(), filepath.Join(dir, databaseFile))
	fine(t, err)
	fine(t, db.SetSetting(t.Context(), look.SettingServer, a.ID().String()))
	for i := range 200 { // more than a page or two
		fine(t, db.SetSetting(t.Context(), fmt.Sprintf("key %d", i), strings.Repeat("x", 200)))
	}
	copied := filepath.Join(dir, "copy")
	fine(t, db.Backup(t.Context(), copied))
	fine(t, db.Close())
	fine(t, os.Rename(copied, filepath.Join(dir, databaseFile)))
	return filesOf(t, dir)
}

func filesOf(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	fine(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if !d.IsDir() {
			if name == databaseFile+"-wal" || name == databaseFile+"-shm" {
				return nil
			}
			out[name], err = os.ReadFile(path)
		} else if name != "." {
			out[name+"/"] = nil
		}
		return err
	}))
	return out
}

func fine(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func tarred(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fine(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(files[name]))}))
		_, err := w.Write(files[name])
		fine(t, err)
	}
	fine(t, w.Close())
	return b.Bytes()
}

// altered gives a database with something done to it.
func altered(t *testing.T, db []byte, statements ...string) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), databaseFile)
	fine(t, os.WriteFile(path, db, 0o600))
	open, err := sql.Open("sqlite", "file:"+path)
	fine(t, err)
	for _, s := range statements {
		_, err := open.ExecContext(context.Background(), s)
		fine(t, err)
	}
	fine(t, open.Close())
	out, err := os.ReadFile(path)
	fine(t, err)
	return out
}

func refuses(t *testing.T, dir string, files map[string][]byte, says string) {
	t.Helper()
	err := backup.Restore(dir, bytes.NewReader(tarred(t, files)), true, wholeBackup)
	if groupcast.ErrorCode(err) != groupcast.EInvalid || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want something of %q", err, says)
	}
	if err != nil && strings.Contains(err.Error(), dir) {
		t.Errorf("the words name a folder that is gone: %v", err)
	}
}

// What is not a whole backup of a server is refused with words, and nothing of what is there changes.
func TestRestoreTakesWholeBackupsOnly(t *testing.T) {
	good, other := backupOf(t), backupOf(t)
	dir := filepath.Join(t.TempDir(), "server")
	fine(t, os.MkdirAll(filepath.Join(dir, "content", "c"), 0o700))
	for name, text := range backupOf(t) {
		fine(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	fine(t, os.WriteFile(filepath.Join(dir, "content", "c", "file"), []byte("kept"), 0o600))
	before := filesOf(t, dir)

	with := func(name string, text []byte) func(map[string][]byte) {
		return func(m map[string][]byte) { m[name] = text }
	}
	without := func(name string) func(map[string][]byte) {
		return func(m map[string][]byte) { delete(m, name) }
	}
	db := good[databaseFile]
	noise := make([]byte, len(db))
	rand.Read(noise)
	torn := bytes.Clone(db)
	rand.Read(torn[len(torn)/2 : len(torn)/2+8192])
	for name, c := range map[string]struct {
		change func(map[string][]byte)
		says   string
	}{
		"noise":                    {with(databaseFile, noise), "damaged"},
		"a header and noise":       {with(databaseFile, append([]byte("SQLite format 3\x00"), noise...)), "damaged"},
		"an empty file":            {with(databaseFile, nil), "database"},
		"text":                     {with(databaseFile, []byte("hello")), "damaged"},
		"cut in the middle":        {with(databaseFile, db[:len(db)/2]), "damaged"},
		"cut by a page":            {with(databaseFile, db[:len(db)-4096]), "damaged"},
		"noise in the middle":      {with(databaseFile, torn), "damaged"},
		"another program's":        {with(databaseFile, altered(t, nil, "CREATE TABLE notes (text TEXT)")), "another program"},
		"no tables":                {with(databaseFile, altered(t, nil, "VACUUM")), "database"},
		"a newer one":              {with(databaseFile, altered(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9000, 1)")), "newer groupcast"},
		"a table less":             {with(databaseFile, altered(t, db, "DROP TABLE open_offers")), "tables"},
		"a table more":             {with(databaseFile, altered(t, db, "CREATE TABLE more (x TEXT)")), "tables"},
		"a trigger":                {with(databaseFile, altered(t, db, "CREATE TRIGGER evil AFTER INSERT ON users BEGIN UPDATE users SET role = 'admin'; END")), "tables"},
		"a column more":            {with(databaseFile, altered(t, db, "ALTER TABLE users ADD COLUMN more TEXT")), "tables"},
		"rows that refer nowhere":  {with(databaseFile, altered(t, db, "PRAGMA foreign_keys=0", "INSERT INTO editions (transfer_no, root) VALUES (7, 'x')")), "damaged"},
		"of another server":        {with(databaseFile, other[databaseFile]), "another server"},
		"of no server":             {with(databaseFile, altered(t, db, "DELETE FROM settings WHERE name = 'server'")), "name its server"},
		"no database":              {without(databaseFile), "incomplete"},
		"no CA key":                {without("ca.key"), "incomplete"},
		"no CA":                    {without("ca.pem"), "keys"},
		"no signing key":           {without("sign.key"), "keys"},
		"no TLS certificate":       {without("tls.pem"), "keys"},
		"a CA of another key":      {with("ca.pem", other["ca.pem"]), "ca.pem"},
		"another's signing leaf":   {with("sign.pem", other["sign.pem"]), "sign"},
		"another's signing key":    {with("sign.key", other["sign.key"]), "sign"},
		"a key that is none":       {with("tls.key", []byte("key")), "tls.key"},
		"another server's TLS key": {with("tls.key", other["tls.key"]), "tls"},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(good)
			c.change(files)
			refuses(t, dir, files, c.says)
			if after := filesOf(t, dir); !maps.EqualFunc(before, after, bytes.Equal) {
				t.Fatalf("%v became %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		})
	}
	whole := tarred(t, good)
	if err := backup.Restore(dir, bytes.NewReader(whole[:len(whole)-5000]), true, wholeBackup); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("cut short: %v", err)
	}
	if err := backup.Restore(dir, bytes.NewReader(whole), true, wholeBackup); err != nil {
		t.Fatalf("a whole backup: %v", err)
	}
	for name, text := range good {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s was not restored: %v", name, err)
		}
	}
}
