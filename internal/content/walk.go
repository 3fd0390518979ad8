package content

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/inorder"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// taker takes what a walk finds, in the order of the paths. Its errors end the walk.
type taker func(f *manifest.File, id listed.Identity) error

// limits are how much a walk may find; hint is what helps who has more entries.
type limits struct {
	files, entries int // files count links, entries folders, too
	hint           string
}

const splitIt = "split it into several"

var (
	manifestLimits = limits{
		protocol.MaxFiles, protocol.MaxFiles,
		splitIt + ", or let all receivers of the group be of this release: folders do not count then",
	}
	pagedLimits = limits{protocol.MaxFiles, protocol.MaxEntries, splitIt}
)

// walker is one walk. Of each folder on the way down only the names are in memory.
type walker struct {
	ctx            context.Context // of the one call; a walker does not outlive it
	options        ScanOptions
	excluded       []fs.FileInfo
	roots          []Root
	left           groupcast.LeftOuts
	most           limits
	take           taker
	files, entries int
}

// walkRoots goes through what was named, in the order of the paths.
func (w *walker) walkRoots() error {
	roots := slices.SortedFunc(slices.Values(w.roots), func(a, b Root) int { return strings.Compare(a.Name, b.Name) })
	of := &inorder.Names{}
	for _, r := range roots {
		of.Add(r.Name)
	}
	return w.level(of, func(i int) (spot, error) {
		root, err := os.OpenRoot(roots[i].Base)
		return spot{root, roots[i].Path, roots[i].Name, func() { root.Close() }}, err
	})
}

// inside goes through what is in a folder.
func (w *walker) inside(dir *folder) error {
	of, err := inorder.NamesIn(dir.list)
	dir.list.Close() // of folders that lie deep not even one more is open than has to be
	if err != nil {
		w.unreadable(dir.entry, err)
	}
	return w.level(of, func(i int) (spot, error) {
		name := string(of.At(i))
		return spot{dir.in, name, path.Join(dir.entry, name), func() {}}, nil
	})
}

// spot is where an entry is looked at.
type spot struct {
	root        *os.Root
	name, entry string
	close       func()
}

// level is names in one folder while they are gone through.
type level struct {
	*walker
	at    func(i int) (spot, error)
	open  *folder // what the last name is of, if it is a folder
	last  int
	later map[int]fs.FileInfo // folders whose turn for what is in them comes later, as they were
}

func (w *walker) level(of *inorder.Names, at func(i int) (spot, error)) error {
	l := &level{walker: w, at: at, later: map[int]fs.FileInfo{}}
	defer l.leave()
	return inorder.Walk(of, l.entry, l.content)
}

// entry takes the entry of a name. Its folder stays open until the next name: mostly what is in it comes first.
func (l *level) entry(i int) (folder bool, err error) {
	l.leave()
	s, err := l.at(i)
	if err != nil {
		l.unreadable(s.entry, err)
		return false, nil
	}
	defer s.close()
	l.last = i
	l.open, err = l.visit(s)
	return l.open != nil, err
}

// leave closes a folder whose turn comes later. So no more folders are open than lie above one another.
func (l *level) leave() {
	if l.open != nil {
		l.later[l.last] = l.open.info
		l.open.close()
		l.open = nil
	}
}

// content takes what is in a folder whose entry was taken.
func (l *level) content(i int) error {
	dir := l.open
	l.open = nil
	if dir == nil {
		s, err := l.at(i)
		if err == nil {
			dir, err = openFolder(s, l.later[i])
			s.close()
		}
		if err != nil {
			l.leaveOut(s.entry, groupcast.WhyUnreadable, "it could be read at first, then what is in it could not: "+Cause(err))
			return nil
		}
		delete(l.later, i)
	}
	defer dir.close()
	return l.inside(dir)
}

// folder is one that is open. What lies in it is found from itself, not step by step from the root.
type folder struct {
	in    *os.Root
	list  *os.File
	info  fs.FileInfo
	entry string
}

// errOtherFolder says that a folder is not the one that was seen.
var errOtherFolder = errors.New("another one took its place")

// openFolder opens a folder that was seen.
func openFolder(s spot, seen fs.FileInfo) (*folder, error) {
	in, err := s.root.OpenRoot(s.name)
	if err != nil {
		return nil, err
	}
	f := &folder{in: in, entry: s.entry}
	if f.list, err = in.Open("."); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	f.info, err = f.list.Stat()
	if err == nil && !os.SameFile(seen, f.info) {
		err = errOtherFolder
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *folder) close() {
	f.list.Close() // read only: nothing can be lost
	f.in.Close()
}

// visit takes the entry at a spot, and gives the folder if it is one.
func (w *walker) visit(s spot) (*folder, error) {
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	info, err := s.root.Lstat(s.name)
	if err != nil {
		w.unreadable(s.entry, err)
		return nil, nil
	}
	if w.isLeftOut(s.entry, info) {
		return nil, nil
	}
	var id listed.Identity
	var dir *folder
	f := manifest.File{Path: s.entry, Mode: uint16(info.Mode().Perm()), MTime: protocol.FileTime(info.ModTime())}
	switch {
	case info.Mode().IsRegular():
		if info = w.readable(s, info); info == nil {
			return nil, nil
		}
		id = listed.Of(info)
		f.Size, f.MTime = id.Size, protocol.FileTime(info.ModTime())
	case info.IsDir():
		f.Kind = manifest.KindFolder
		if dir, err = openFolder(s, info); err != nil {
			w.unreadable(s.entry, err)
			return nil, nil
		}
	case info.Mode()&fs.ModeSymlink != 0:
		if !w.link(s, &f) {
			return nil, nil
		}
	default:
		w.leaveOut(s.entry, special(info.Mode()), "")
		return nil, nil
	}
	if err := w.give(&f, id); err != nil {
		if dir != nil {
			dir.close()
		}
		return nil, err
	}
	return dir, nil
}

// give hands on an entry that can be sent.
func (w *walker) give(f *manifest.File, id listed.Identity) error {
	w.entries++
	if f.Kind != manifest.KindFolder {
		w.files++
	}
	switch {
	case w.files > w.most.files:
		return groupcast.Errorf(groupcast.EInvalid, "more than %d files are too many for one transfer", w.most.files).
			WithHint(splitIt)
	case w.entries > w.most.entries:
		return groupcast.Errorf(groupcast.EInvalid, "more than %d files and folders are too many for one transfer",
			w.most.entries).WithHint("%s", w.most.hint)
	}
	return w.take(f, id)
}

// isLeftOut notes an entry that is left out whatever it is.
func (w *walker) isLeftOut(entry string, info fs.FileInfo) bool {
	if w.options.Without.Excludes(entry, info.IsDir()) {
		w.leaveOut(entry, groupcast.WhyExcluded, "")
		return true
	}
	if err := manifest.CheckPath(entry); err != nil {
		w.leaveOut(entry, groupcast.WhyName, manifest.Rule(err))
		return true
	}
	if w.checkExcluded(info, entry) != nil {
		w.leaveOut(entry, groupcast.WhyHome, "")
		return true
	}
	return false
}

// leaveOut notes an entry that cannot be sent.
func (w *walker) leaveOut(entry string, why groupcast.Why, detail string) {
	w.left.Add(entry, why, detail)
}

// unreadable notes an entry that cannot be read. What has gone since its folder was read is as
// if it had never been there.
func (w *walker) unreadable(entry string, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, fs.ErrPermission):
		w.leaveOut(entry, groupcast.WhyForbidden, "")
	default:
		w.leaveOut(entry, groupcast.WhyUnreadable, Cause(err))
	}
}

// Cause is what went wrong with a file, without its name.
func Cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// readable says what a file is that can be opened and was looked at before; one that cannot is noted.
func (w *walker) readable(s spot, before fs.FileInfo) fs.FileInfo {
	f, info, err := openSeen(s.root, s.name, before)
	if err != nil {
		w.unreadable(s.entry, err)
		return nil
	}
	f.Close()
	return info
}

// link makes a symlink entry; its target has to lie inside the tree.
func (w *walker) link(s spot, f *manifest.File) bool {
	target, err := s.root.Readlink(s.name)
	if err != nil {
		w.unreadable(f.Path, err)
		return false
	}
	if runtime.GOOS == "windows" {
		target = filepath.ToSlash(target)
	}
	f.Kind, f.Target, f.Size, f.Mode = manifest.KindSymlink, target, uint64(len(target)), 0o777
	if err := manifest.CheckTarget(f.Path, target); err != nil {
		w.leaveOut(f.Path, groupcast.WhyTarget, manifest.Rule(err))
		return false
	}
	return true
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
