package stored

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

// AfarName is a folder that each upload has in its folder whose bytes lie elsewhere.
const AfarName = "packs"

// Keepers are all that may have the bytes of uploads below dir: further ones, if it is not nil, takes those that come.
// Each upload is with one of them.
func Keepers(dir string, further Keeper) []Keeper {
	if further == nil {
		return []Keeper{InFolders(dir), afar{dir}}
	}
	return []Keeper{further, InFolders(dir)}
}

// Afar says whether the bytes of an upload below dir lie elsewhere.
func Afar(dir, id string) bool {
	_, err := os.Stat(filepath.Join(dir, id, AfarName))
	return err == nil
}

// ErrAfar says that the bytes of an upload lie where this server does not look.
var ErrAfar = groupcast.Errorf(groupcast.EUnavailable,
	"these files lie in a bucket, and the server was started without --content").
	WithHint("start it with the bucket that it had when they came")

// afar has the uploads whose bytes lie elsewhere while nobody knows where.
type afar struct{ dir string }

func (a afar) Has(id string) bool               { return Afar(a.dir, id) }
func (a afar) OnDisk() bool                     { return false }
func (a afar) Of(string, []manifest.File) Bytes { return unknown{} }

type unknown struct{}

func (unknown) Make() error                                             { return ErrAfar }
func (unknown) Have() ([]uint64, error)                                 { return nil, ErrAfar }
func (unknown) Append(int) (Sink, error)                                { return nil, ErrAfar }
func (unknown) Distrust() error                                         { return nil }
func (unknown) Sync() error                                             { return nil }
func (unknown) Finish() error                                           { return ErrAfar }
func (unknown) Remove() error                                           { return nil }
func (unknown) Files() Files                                            { return unknown{} }
func (unknown) Folder() string                                          { return "" }
func (unknown) Lstat(string) (fs.FileInfo, error)                       { return nil, ErrAfar }
func (unknown) Open(context.Context, string) (File, fs.FileInfo, error) { return nil, nil, ErrAfar }

// Later are files of which is known only when they are needed what they are.
func Later(find func() (Files, error)) Files { return &later{find: find} }

type later struct {
	find func() (Files, error)

	mu   sync.Mutex
	have Files
}

func (l *later) files() (Files, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.have != nil {
		return l.have, nil
	}
	f, err := l.find()
	if err == nil {
		l.have = f
	}
	return f, err
}

func (l *later) Open(ctx context.Context, path string) (File, fs.FileInfo, error) {
	f, err := l.files()
	if err != nil {
		return nil, nil, err
	}
	return f.Open(ctx, path)
}

func (l *later) Lstat(path string) (fs.FileInfo, error) {
	f, err := l.files()
	if err != nil {
		return nil, err
	}
	return f.Lstat(path)
}
