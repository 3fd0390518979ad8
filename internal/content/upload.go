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
	"github.com/groupcast/groupcast/internal/stored"
)

// Uploads is the folder that keeps uploads: one folder each, with its entries and content.
// It is safe for concurrent use.
//
//	ID/entries.json   as declared
//	ID/by             who uploads
//	ID/complete       every byte is there and durable
//	ID/…              the bytes, if they lie here (package stored)
type Uploads struct {
	dir     string
	limits  UploadLimits
	keepers []stored.Keeper // the first takes further uploads

	mu     sync.Mutex
	recent []*upload         // parsed entries of the uploads used last
	busy   map[string]bool   // ID and path of files that are being written
	lacks  map[string]uint64 // bytes that unfinished uploads still take, by ID
	closed bool
}

// UploadLimits bound unfinished uploads.
type UploadLimits struct {
	MaxBytes uint64        // declared by all unfinished uploads together; 0: no limit
	MaxOpen  int           // unfinished uploads; 0: no limit
	Room     Room          // nil: as much as the disk takes
	Keeper   stored.Keeper // where the bytes of further uploads go; nil: in their folders
}

// Room says in words why so many bytes more do not fit on the disk (*disk.Room).
type Room interface {
	Fits(bytes uint64) error
}

const (
	entriesName  = "entries.json"
	byName       = "by"
	completeName = "complete"

	// maxRecent bounds the parsed lists of entries in memory.
	maxRecent = 4
	// unit is what a file takes on a disk besides its bytes, at most.
	unit = 4 << 10
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
	u := &Uploads{
		dir: dir, limits: l, busy: make(map[string]bool), lacks: make(map[string]uint64),
	}
	u.keepers = stored.Keepers(dir, l.Keeper)
	ids, err := u.List()
	if err != nil {
		return nil, err
	}
	whole, err := u.reopen()
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := u.recover(id, whole); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// recover takes up an unfinished upload. If the power may have gone since, its small files are
// emptied: they were never made durable.
func (u *Uploads) recover(id string, whole bool) error {
	if u.complete(id) {
		return nil
	}
	up, err := u.load(id)
	if err != nil {
		if groupcast.ErrorCode(err) != groupcast.ENotFound {
			return err // its list may be readable another time
		}
		return u.Remove(id) // not even declared to its end
	}
	if !whole {
		if err := u.bytes(up).Distrust(); err != nil {
			return err
		}
	}
	have, err := u.have(up)
	if errors.Is(err, stored.ErrAfar) {
		return nil
	}
	if err != nil {
		return err
	}
	u.lacks[id] = u.takes(up, have)
	return nil
}

// Create declares an upload's entries (Kind, Path, Mode, MTime, Size, Target) and makes its
// folder; id is the caller's, and by is who uploads.
func (u *Uploads) Create(id, by string, entries []manifest.File) error {
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
	if u.closed {
		return errClosed
	}
	if err := u.checkQuota(files); err != nil {
		return err
	}
	up := &upload{id, files}
	if err := u.checkRoom(up); err != nil {
		return err
	}
	if err := u.make(up, by); err != nil {
		return err
	}
	u.lacks[id] = u.takes(up, nil)
	return nil
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
		return groupcast.Errorf(groupcast.EExhausted, "there are %d unfinished uploads of %d bytes", open-1,
			declared-total(files)).
			WithHint("finish or delete one; those that nobody continues expire").
			WithNext(groupcast.Next{Step: groupcast.StepUploads})
	}
	return nil
}

// checkRoom asks for room for an upload beside what the others still take.
func (u *Uploads) checkRoom(up *upload) error {
	if u.limits.Room == nil {
		return nil
	}
	need := u.takes(up, nil)
	for _, lacks := range u.lacks {
		need += lacks
	}
	return u.limits.Room.Fits(need)
}

// takes is what an upload still takes of the disk when so much of each file is there.
func (u *Uploads) takes(up *upload, have []uint64) (n uint64) {
	if !u.keeper(up.id).OnDisk() {
		return 0
	}
	files := up.files
	for i := range files {
		f := &files[i]
		if f.Kind != manifest.KindFile {
			continue
		}
		left := f.Size
		if have != nil {
			left -= min(have[i], left)
		}
		n += (left + unit - 1) / unit * unit
	}
	return n
}

func total(files []manifest.File) (n uint64) {
	for i := range files {
		n += files[i].Stored()
	}
	return n
}

// make writes the folder; entries.json last, which makes it an upload.
func (u *Uploads) make(up *upload, by string) error {
	dir := filepath.Join(u.dir, up.id)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return stored.CannotWrite(up.id, err)
	}
	raw, err := json.Marshal(up.files)
	if err != nil {
		return fmt.Errorf("encode the entries of an upload: %w", err)
	}
	if err := u.bytes(up).Make(); err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	if err := os.WriteFile(filepath.Join(dir, byName), []byte(by), 0o600); err != nil {
		return errors.Join(stored.CannotWrite(up.id, err), os.RemoveAll(dir))
	}
	if err := durable.WriteFile(filepath.Join(dir, entriesName), raw); err != nil {
		return errors.Join(stored.CannotWrite(up.id, err), os.RemoveAll(dir))
	}
	u.remember(up)
	return durable.SyncFolder(u.dir)
}

// bytes are those of an upload.
func (u *Uploads) bytes(up *upload) stored.Bytes { return u.keeper(up.id).Of(up.id, up.files) }

// keeper is what has an upload, or will have it.
func (u *Uploads) keeper(id string) stored.Keeper {
	for _, k := range u.keepers {
		if k.Has(id) {
			return k
		}
	}
	return u.keepers[0]
}

// files are those of an upload that does not lie on this disk; nil: it does. Its list is read when it is needed.
func (u *Uploads) files(id string) stored.Files {
	k := u.keeper(id)
	if k.OnDisk() {
		return nil
	}
	return stored.Later(func() (stored.Files, error) {
		u.mu.Lock()
		up, err := u.find(id)
		u.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return k.Of(id, up.files).Files(), nil
	})
}

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
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, groupcast.Errorf(groupcast.EInternal, "upload %s cannot be read", id).Wrap(err)
	}
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
	return groupcast.Errorf(groupcast.ENotFound, "there is no upload %q", id).WithHint("it may have expired: begin anew").
		Wrap(err)
}

// Remove deletes an upload, finished or not.
func (u *Uploads) Remove(id string) error {
	if !uploadID.MatchString(id) {
		return noUpload(id, nil)
	}
	u.mu.Lock()
	u.recent = slices.DeleteFunc(u.recent, func(up *upload) bool { return up.id == id })
	delete(u.lacks, id)
	u.mu.Unlock()
	dir := filepath.Join(u.dir, id)
	if _, err := os.Stat(dir); err != nil {
		return noUpload(id, err)
	}
	bytes := u.bytes(&upload{id: id})
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete upload %s: %w", id, err)
	}
	return bytes.Remove()
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
