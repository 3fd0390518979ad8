package apiclient

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Kinds of entries, as the manifest has them.
const (
	kindFile    = "file"
	kindFolder  = "folder"
	kindSymlink = "symlink"
)

// tree is what an upload will hold and where it comes from.
type tree struct {
	entries []groupcast.UploadEntry
	sources map[string]string // path of an entry → path on this machine
	bytes   uint64
	without *pattern.Set
	left    groupcast.LeftOuts
}

// Selection is what of this machine is uploaded.
type Selection struct {
	Paths   []string
	Exclude []string // patterns of what is left out (package pattern)
	SkipBad bool     // what cannot be sent is left out, too; else it is an error that lists it

	LeftOut groupcast.LeftOuts // what was left out, known once the upload is begun
	Entries int                // how many are left, and
	Bytes   uint64             // how much they hold; known with LeftOut
}

// scan lists the trees below the paths. Everything is looked at before the first byte leaves, so
// that an unreadable file is no surprise after an hour.
func scan(sel *Selection) (*tree, error) {
	without, err := pattern.Parse(sel.Exclude)
	if err != nil {
		return nil, err
	}
	t := &tree{sources: map[string]string{}, without: without}
	for _, p := range sel.Paths {
		if err := t.add(p); err != nil {
			return nil, err
		}
	}
	sel.LeftOut, sel.Entries, sel.Bytes = t.left, len(t.entries), t.bytes
	if t.left.Bad > 0 && !sel.SkipBad {
		return nil, t.left.BadEntries().ErrorOf()
	}
	if len(t.entries) == 0 {
		return nil, groupcast.Errorf(groupcast.EInvalid, "there is nothing to upload").
			WithHint("name files or folders; %d entries are left out", t.left.Count)
	}
	return t, nil
}

// Look says what an upload would say before its first byte, and notes in sel what is left out.
func Look(sel *Selection) ([]groupcast.UploadEntry, error) {
	t, err := scan(sel)
	if err != nil {
		return nil, err
	}
	return t.entries, nil
}

// add takes one path, a link by its goal, under its own last name.
func (t *tree) add(p string) error {
	full, err := filepath.Abs(p)
	if err != nil {
		return sourceError(p, err)
	}
	root, err := filepath.EvalSymlinks(full)
	if err != nil {
		return sourceError(p, err)
	}
	name := filepath.Base(full)
	return filepath.WalkDir(root, func(at string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(root, at)
		if relErr != nil {
			return sourceError(at, relErr)
		}
		entry := path.Join(name, filepath.ToSlash(rel))
		if err != nil {
			if at == root && errors.Is(err, fs.ErrNotExist) {
				return sourceError(at, err)
			}
			t.unreadable(entry, err)
			return nil
		}
		return t.entry(entry, at, d)
	})
}

// unreadable notes what cannot be read. What has gone since its folder was read was never there.
func (t *tree) unreadable(entry string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		t.left.Add(entry, groupcast.WhyForbidden, "")
	default:
		t.left.Add(entry, groupcast.WhyUnreadable, cause(err))
	}
}

// cause is what went wrong with a file, without its name.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// entry takes one entry, or notes why it is left out. The entries of a folder that is left out are left
// out with it.
func (t *tree) entry(name, at string, d fs.DirEntry) error {
	if _, twice := t.sources[name]; twice {
		return groupcast.Errorf(groupcast.EInvalid, "two of the paths would both be called %s", name).
			WithHint("send them one after the other, or rename one")
	}
	if len(t.entries) == protocol.MaxFiles {
		return groupcast.Errorf(groupcast.EInvalid, "there are more than %d files and folders", protocol.MaxFiles).
			WithHint("send them in several transfers, or as an archive")
	}
	skip := func(why groupcast.Why, detail string) error {
		t.left.Add(name, why, detail)
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if t.without.Excludes(name, d.IsDir()) {
		return skip(groupcast.WhyExcluded, "")
	}
	if err := manifest.CheckPath(name); err != nil {
		return skip(groupcast.WhyName, manifest.Rule(err))
	}
	info, err := d.Info()
	if err != nil {
		t.unreadable(name, err)
		return nil
	}
	e := groupcast.UploadEntry{Path: name, Mode: uint32(info.Mode().Perm()), MTime: kept(info.ModTime())}
	switch info.Mode().Type() {
	case 0:
		e.Kind, e.Size = kindFile, uint64(info.Size())
		err = readable(at)
	case fs.ModeDir:
		e.Kind = kindFolder
		if err := readable(at); err != nil {
			t.unreadable(name, err)
			return fs.SkipDir
		}
	case fs.ModeSymlink:
		e.Kind = kindSymlink
		e.Target, err = os.Readlink(at)
		e.Target = filepath.ToSlash(e.Target)
		if err == nil && manifest.CheckTarget(name, e.Target) != nil {
			return skip(groupcast.WhyTarget, manifest.Rule(manifest.CheckTarget(name, e.Target)))
		}
	default:
		return skip(special(info.Mode()), "")
	}
	if err != nil {
		t.unreadable(name, err)
		return nil
	}
	t.sources[name] = at
	t.bytes += e.Size
	t.entries = append(t.entries, e)
	return nil
}

func special(m fs.FileMode) groupcast.Why {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return groupcast.WhyPipe
	case m&fs.ModeSocket != 0:
		return groupcast.WhySocket
	case m&fs.ModeDevice != 0:
		return groupcast.WhyDevice
	}
	return groupcast.WhySpecial
}

func readable(p string) error {
	f, err := os.Open(p)
	if err != nil {
		return err
	}
	return f.Close()
}

// same says whether an upload declared what this tree holds now.
func (t *tree) same(entries []groupcast.UploadEntry) bool {
	if len(entries) != len(t.entries) {
		return false
	}
	declared := make(map[string]groupcast.UploadEntry, len(entries))
	for _, e := range entries {
		declared[e.Path] = e
	}
	for _, e := range t.entries {
		d, ok := declared[e.Path]
		if !ok || d.Kind != e.Kind || d.Size != e.Size || !sameTime(d.MTime, e.MTime) {
			return false
		}
	}
	return true
}

// sameTime compares as coarsely as the coarsest of file systems keeps times.
func sameTime(a, b time.Time) bool { return kept(a).Sub(kept(b)).Abs() < 2*time.Second }

// kept is a time as a transfer keeps it.
func kept(t time.Time) time.Time { return protocol.TimeOf(protocol.FileTime(t)) }

func openUnchanged(source string, e groupcast.UploadEntry) (*os.File, error) {
	f, err := os.Open(source)
	if err != nil {
		return nil, sourceError(source, err)
	}
	st, err := f.Stat()
	if err != nil || uint64(st.Size()) != e.Size || !sameTime(st.ModTime(), e.MTime) {
		return nil, errors.Join(changed(source), f.Close())
	}
	return f, nil
}

func sourceError(p string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return groupcast.Errorf(groupcast.ENotFound, "there is no file or folder %s", p).WithHint("check the spelling").
			Wrap(err)
	case errors.Is(err, fs.ErrPermission):
		return groupcast.Errorf(groupcast.EForbidden, "%s may not be read by this user", p).
			WithHint("change its permissions, or leave it out").Wrap(err)
	}
	return groupcast.Errorf(groupcast.EInvalid, "%s cannot be read: %v", p, err).Wrap(err)
}
