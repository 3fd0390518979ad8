package content

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/manifest"
)

// Uploads is the folder that keeps uploads: one folder each, with its entries and content.
// It is safe for concurrent use.
//
//	ID/entries.json   as declared
//	ID/complete       every byte is there and durable
//	ID/data/…         the files
type Uploads struct {
	dir    string
	limits UploadLimits

	mu     sync.Mutex
	recent []*upload       // parsed entries of the uploads used last
	busy   map[string]bool // ID and path of files that are being written
}

// UploadLimits bound what lies there unfinished.
type UploadLimits struct {
	MaxBytes uint64 // declared by all unfinished uploads together; 0: no limit
	MaxOpen  int    // unfinished uploads; 0: no limit
}

const (
	entriesName  = "entries.json"
	completeName = "complete"
	dataName     = "data"

	// maxRecent bounds the parsed lists of entries in memory.
	maxRecent = 4
	// durableFrom is the size from which on a file is made durable with each write; smaller
	// ones are when the upload is complete, and are sent again after a crash before that.
	durableFrom = 64 << 10
)

// upload is an upload's entries as declared, sorted by path.
type upload struct {
	id    string
	files []manifest.File
}

var uploadID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// OpenUploads opens the folder dir (made if need be) and throws out what a crash may have
// left half durable.
func OpenUploads(dir string, l UploadLimits) (*Uploads, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the folder of uploads: %w", err)
	}
	u := &Uploads{dir: dir, limits: l, busy: make(map[string]bool)}
	ids, err := u.List()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := u.recover(id); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// recover empties the small files of an unfinished upload: they were never made durable.
func (u *Uploads) recover(id string) error {
	if u.complete(id) {
		return nil
	}
	up, err := u.load(id)
	if err != nil {
		return u.Remove(id) // not even declared to its end
	}
	root, err := os.OpenRoot(u.data(id))
	if err != nil {
		return fmt.Errorf("open upload %s: %w", id, err)
	}
	defer root.Close()
	for i := range up.files {
		f := &up.files[i]
		if f.Kind != manifest.KindFile || f.Size == 0 || f.Size >= durableFrom {
			continue
		}
		if err := truncate(root, filepath.FromSlash(f.Path)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("recover upload %s: %w", id, err)
		}
	}
	return nil
}

func truncate(root *os.Root, name string) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// Create declares an upload's entries (Kind, Path, Mode, MTime, Size, Target) and makes its
// folder; id is the caller's.
func (u *Uploads) Create(id string, entries []manifest.File) error {
	files := slices.Clone(entries)
	for i := range files {
		if files[i].Digest = (manifest.File{}).Digest; files[i].Kind == manifest.KindSymlink {
			files[i].Size = uint64(len(files[i].Target))
		}
	}
	slices.SortFunc(files, func(a, b manifest.File) int { return strings.Compare(a.Path, b.Path) })
	if err := checkEntries(id, files); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if err := u.checkQuota(files); err != nil {
		return err
	}
	return u.make(&upload{id, files})
}

func checkEntries(id string, files []manifest.File) error {
	blocks, err := manifest.Cut(files)
	if err == nil {
		err = (&manifest.Manifest{Files: files, Blocks: blocks}).Check()
	}
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "these files cannot be uploaded: %s", err)
	}
	if !uploadID.MatchString(id) {
		return fmt.Errorf("%q is no ID of an upload", id)
	}
	return nil
}

// checkQuota counts what unfinished uploads have declared.
func (u *Uploads) checkQuota(files []manifest.File) error {
	ids, err := u.List()
	if err != nil {
		return err
	}
	declared, open := total(files), 1
	for _, id := range ids {
		if u.complete(id) {
			continue
		}
		other, err := u.find(id)
		if err != nil {
			return err
		}
		declared += total(other.files)
		open++
	}
	if u.limits.MaxOpen > 0 && open > u.limits.MaxOpen || u.limits.MaxBytes > 0 && declared > u.limits.MaxBytes {
		return groupcast.Errorf(groupcast.EExhausted, "there are %d unfinished uploads of %d bytes", open-1, declared-total(files)).
			WithHint("finish or delete one of them; unfinished ones expire")
	}
	return nil
}

func total(files []manifest.File) (n uint64) {
	for i := range files {
		n += files[i].Stored()
	}
	return n
}

// make writes the folder; entries.json last, which makes it an upload.
func (u *Uploads) make(up *upload) error {
	dir := filepath.Join(u.dir, up.id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return cannotWrite(up.id, err)
	}
	if err := os.Mkdir(u.data(up.id), 0o700); err != nil {
		return cannotWrite(up.id, err)
	}
	raw, err := json.Marshal(up.files)
	if err != nil {
		return fmt.Errorf("encode the entries of an upload: %w", err)
	}
	if err := u.makeFiles(up); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := durable.WriteFile(filepath.Join(dir, entriesName), raw); err != nil {
		return errors.Join(cannotWrite(up.id, err), os.RemoveAll(dir))
	}
	u.remember(up)
	return durable.SyncFolder(u.dir)
}

// makeFiles makes the folders and an empty file for each entry that has content.
func (u *Uploads) makeFiles(up *upload) error {
	root, err := os.OpenRoot(u.data(up.id))
	if err != nil {
		return cannotWrite(up.id, err)
	}
	defer root.Close()
	made := ""
	for i := range up.files {
		f := &up.files[i]
		if f.Kind != manifest.KindFile {
			continue
		}
		name := filepath.FromSlash(f.Path)
		if parent := filepath.Dir(name); parent != made {
			if err := root.MkdirAll(parent, 0o700); err != nil {
				return cannotWrite(f.Path, err)
			}
			made = parent
		}
		file, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return cannotWrite(f.Path, err)
		}
		if err := file.Close(); err != nil {
			return cannotWrite(f.Path, err)
		}
	}
	return nil
}

// cannotWrite says in words why something cannot be kept.
func cannotWrite(name string, err error) error {
	if isFull(err) {
		return groupcast.Errorf(groupcast.EExhausted, "the server's disk is full").
			WithHint("make room there, then go on: nothing that came is lost").Wrap(err)
	}
	return groupcast.Errorf(groupcast.EInternal, "the server cannot keep %s", name).Wrap(err)
}

func (u *Uploads) data(id string) string { return filepath.Join(u.dir, id, dataName) }

func (u *Uploads) complete(id string) bool {
	_, err := os.Stat(filepath.Join(u.dir, id, completeName))
	return err == nil
}

// find gives an upload's entries; u.mu is held.
func (u *Uploads) find(id string) (*upload, error) {
	for _, up := range u.recent {
		if up.id == id {
			return up, nil
		}
	}
	up, err := u.load(id)
	if err == nil {
		u.remember(up)
	}
	return up, err
}

func (u *Uploads) remember(up *upload) {
	u.recent = append(u.recent, up)
	if len(u.recent) > maxRecent {
		u.recent = u.recent[1:]
	}
}

func (u *Uploads) load(id string) (*upload, error) {
	if !uploadID.MatchString(id) {
		return nil, noUpload(id, nil)
	}
	raw, err := os.ReadFile(filepath.Join(u.dir, id, entriesName))
	if err != nil {
		return nil, noUpload(id, err)
	}
	up := &upload{id: id}
	if err := json.Unmarshal(raw, &up.files); err != nil {
		return nil, noUpload(id, err)
	}
	return up, nil
}

func noUpload(id string, err error) error {
	return groupcast.Errorf(groupcast.ENotFound, "there is no upload %q", id).WithHint("it may have expired: begin anew").Wrap(err)
}

// Remove deletes an upload, finished or not.
func (u *Uploads) Remove(id string) error {
	if !uploadID.MatchString(id) {
		return noUpload(id, nil)
	}
	u.mu.Lock()
	u.recent = slices.DeleteFunc(u.recent, func(up *upload) bool { return up.id == id })
	u.mu.Unlock()
	dir := filepath.Join(u.dir, id)
	if _, err := os.Stat(dir); err != nil {
		return noUpload(id, err)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete upload %s: %w", id, err)
	}
	return nil
}

// List gives the IDs of what is there, for the caller to expire.
func (u *Uploads) List() ([]string, error) {
	entries, err := os.ReadDir(u.dir)
	if err != nil {
		return nil, fmt.Errorf("list uploads: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && uploadID.MatchString(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// touch says that the upload is still in use: the caller expires by this time.
func (u *Uploads) touch(id string) {
	now := time.Now()
	os.Chtimes(filepath.Join(u.dir, id), now, now) // a hint: an upload that expires early is begun anew
}
