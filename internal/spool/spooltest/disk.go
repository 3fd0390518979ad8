// Package spooltest is a simulated disk for tests of the spool: it keeps what was written
// apart from what is durable, so that a crash can lose every write and every name that no
// barrier covered; it fills up, writes short, and fails on demand. It is deterministic and
// not for production.
package spooltest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// ErrPower is what every operation answers once the power is out.
var ErrPower = errors.New("the power is out")

// Counts say how often each fault happened.
type Counts struct {
	Crashes, Kills, LostWrites, LostNames, Full, Short int
}

// Disk is a simulated file system. It is not safe for concurrent use.
type Disk struct {
	names   map[string]*node // as the running system sees them
	durable map[string]*node // as a crash leaves them
	rnd     *rand.Rand
	clock   time.Time
	left    int  // operations until the power goes out; negative: it stays
	out     bool // it is out

	EachStep  func()                 // before every operation
	Sick      error                  // what every operation answers
	Capacity  uint64                 // bytes; 0: no end
	LieOnSync func(name string) bool // a sync of such a file does nothing (sabotage)
	FailSync  error                  // what every sync of a file answers
	Fold      bool                   // names that differ in case only are one
	Counts    Counts
}

type node struct {
	mode   fs.FileMode
	mtime  time.Time
	target string // of a link
	data   []byte // as written
	safe   []byte // as durable
}

// NewDisk makes an empty disk; rnd decides which writes without a barrier survive a crash.
func NewDisk(rnd *rand.Rand) *Disk {
	root := &node{mode: fs.ModeDir | 0o755}
	return &Disk{
		names: map[string]*node{".": root}, durable: map[string]*node{".": root},
		rnd: rnd, clock: time.Unix(1_700_000_000, 0), left: -1,
	}
}

// CrashAfter lets the power go out after n more operations.
func (d *Disk) CrashAfter(n int) { d.left = n }

// Left is how many operations are left until the power goes out; negative: it stays.
func (d *Disk) Left() int { return d.left }

// Crash loses what was not durable, some of it by chance, and brings the power back.
func (d *Disk) Crash() {
	d.Counts.Crashes++
	d.out, d.left = false, -1
	for _, name := range slices.Sorted(maps.Keys(d.names)) { // chance falls in the same order each time
		n := d.names[name]
		if d.durable[name] != n {
			if n.mode.IsDir() && d.rnd.IntN(2) == 0 {
				d.durable[name] = n // a folder's name may have got there by itself
			} else {
				d.Counts.LostNames++
			}
		}
	}
	d.names = maps.Clone(d.durable)
	for _, name := range slices.Sorted(maps.Keys(d.names)) { // parents come before what is in them
		if _, ok := d.names[path.Dir(name)]; !ok {
			delete(d.names, name)
		}
	}
	d.durable = maps.Clone(d.names)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.settle(d.names[name])
	}
}

// Kill brings the power back with nothing lost: the process was killed, the system was not.
func (d *Disk) Kill() {
	d.Counts.Kills++
	d.out, d.left = false, -1
}

// settle leaves of a file's unsynced bytes an arbitrary part.
func (d *Disk) settle(n *node) {
	if n.mode.IsDir() || bytes.Equal(n.data, n.safe) {
		return
	}
	d.Counts.LostWrites++
	old := n.safe
	for at := 0; at < len(n.data); at += 512 {
		end := min(at+512, len(n.data))
		if d.rnd.IntN(2) == 0 {
			continue
		}
		sector := n.data[at:end] // it never got there
		clear(sector)
		if at < len(old) {
			copy(sector, old[at:])
		}
	}
	n.keep()
}

// keep makes a file's bytes durable.
func (n *node) keep() { n.safe = append(n.safe[:0], n.data...) }

// Files lists the regular files below a folder with their contents, as they lie now.
func (d *Disk) Files(below string) map[string][]byte {
	out := map[string][]byte{}
	for name, n := range d.names {
		if strings.HasPrefix(name, below+"/") && n.mode.IsRegular() {
			out[name] = n.data
		}
	}
	return out
}

// key is what a name is known by.
func (d *Disk) key(name string) string {
	if d.Fold {
		name = strings.ToLower(name)
	}
	return path.Clean(name)
}

// step counts an operation and says whether the power still is on.
func (d *Disk) step() error {
	if d.EachStep != nil {
		d.EachStep()
	}
	if d.left == 0 {
		d.out = true
	}
	if d.out {
		return ErrPower
	}
	if d.Sick != nil {
		return d.Sick
	}
	if d.left > 0 {
		d.left--
	}
	d.clock = d.clock.Add(time.Millisecond)
	return nil
}

func (d *Disk) used() (sum uint64) {
	seen := map[*node]bool{}
	for _, n := range d.names {
		if !seen[n] {
			seen[n] = true
			sum += uint64(len(n.data))
		}
	}
	return sum
}

func (d *Disk) find(op, name string) (*node, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	name = d.key(name)
	if n, ok := d.names[name]; ok {
		return n, nil
	}
	return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
}

func (d *Disk) put(op, name string, n *node) error {
	name = d.key(name)
	if _, ok := d.names[name]; ok {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrExist}
	}
	if up, ok := d.names[path.Dir(name)]; !ok || !up.mode.IsDir() {
		return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	d.names[name] = n
	return nil
}

// Mkdir makes a folder.
func (d *Disk) Mkdir(name string, mode fs.FileMode) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.put("mkdir", name, &node{mode: fs.ModeDir | mode, mtime: d.clock})
}

// Create makes a new file.
func (d *Disk) Create(name string, mode fs.FileMode) (diskfs.File, error) {
	if err := d.step(); err != nil {
		return nil, err
	}
	n := &node{mode: mode, mtime: d.clock}
	if err := d.put("create", name, n); err != nil {
		return nil, err
	}
	return &file{d, n, d.key(name)}, nil
}

// CreateWhole makes a file step by step, as a system does: the power may go out after each.
func (d *Disk) CreateWhole(name string, data []byte, mode fs.FileMode, mtime time.Time) (time.Time, error) {
	h, err := d.Create(name, 0o600)
	if err != nil {
		return mtime, err
	}
	if _, err := h.WriteAt(data, 0); err != nil {
		return mtime, err
	}
	return mtime, errors.Join(h.Chmod(mode), h.Close(), d.Chtimes(name, mtime))
}

// Open opens a regular file.
func (d *Disk) Open(name string, _ bool) (diskfs.File, error) {
	n, err := d.find("open", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	return &file{d, n, d.key(name)}, nil
}

// Lstat describes what has a name.
func (d *Disk) Lstat(name string) (fs.FileInfo, error) {
	n, err := d.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), n}, nil
}

// SameFile says whether two answers of Lstat are of one file.
func (d *Disk) SameFile(a, b fs.FileInfo) bool {
	x, ok := a.(info)
	y, also := b.(info)
	return ok && also && x.n == y.n
}

// Readdir lists a folder.
func (d *Disk) Readdir(name string) (out []fs.DirEntry, err error) {
	if _, err := d.find("readdir", name); err != nil {
		return nil, err
	}
	for _, full := range slices.Sorted(maps.Keys(d.names)) {
		if full != "." && path.Dir(full) == d.key(name) {
			out = append(out, fs.FileInfoToDirEntry(info{path.Base(full), d.names[full]}))
		}
	}
	return out, nil
}

// Rename moves a file onto another name, as a journalling file system does: the new name is
// durable with its folder.
func (d *Disk) Rename(from, to string) error {
	n, err := d.find("rename", from)
	if err != nil {
		return err
	}
	to = d.key(to)
	if up, ok := d.names[path.Dir(to)]; !ok || !up.mode.IsDir() {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrNotExist}
	}
	delete(d.names, d.key(from))
	d.names[to] = n
	if d.rnd.IntN(2) == 0 { // the rename may be durable before anybody asks for it
		delete(d.durable, d.key(from))
		d.durable[to] = n
	}
	return nil
}

// RenameNew is Rename, unless something has the new name.
func (d *Disk) RenameNew(from, to string) error {
	if _, ok := d.names[d.key(to)]; ok {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrExist}
	}
	return d.Rename(from, to)
}

// Symlink makes a link.
func (d *Disk) Symlink(target, name string) error {
	if err := d.step(); err != nil {
		return err
	}
	return d.put("symlink", name, &node{mode: fs.ModeSymlink | 0o777, target: target, mtime: d.clock})
}

// Readlink reads a link.
func (d *Disk) Readlink(name string) (string, error) {
	n, err := d.find("readlink", name)
	if err != nil {
		return "", err
	}
	if n.mode&fs.ModeSymlink == 0 {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: syscall.EINVAL}
	}
	return n.target, nil
}

// Remove removes a file or an empty folder.
func (d *Disk) Remove(name string) error {
	n, err := d.find("remove", name)
	if err != nil {
		return err
	}
	name = d.key(name)
	for other := range d.names {
		if n.mode.IsDir() && path.Dir(other) == name {
			return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
		}
	}
	delete(d.names, name)
	return nil
}

// Chmod sets the permissions.
func (d *Disk) Chmod(name string, mode fs.FileMode) error {
	n, err := d.find("chmod", name)
	if err != nil {
		return err
	}
	n.mode = n.mode&^0o777 | mode&0o777
	return nil
}

// Chtimes sets the modification time.
func (d *Disk) Chtimes(name string, mtime time.Time) error {
	n, err := d.find("chtimes", name)
	if err != nil {
		return err
	}
	n.mtime = mtime
	return nil
}

// SyncFolder makes a folder's names durable.
func (d *Disk) SyncFolder(name string) error {
	if _, err := d.find("sync", name); err != nil {
		return err
	}
	d.syncNames(d.key(name))
	return nil
}

func (d *Disk) syncNames(folder string) {
	for at := folder; at != "."; at = path.Dir(at) {
		d.durable[at] = d.names[at]
	}
	for name := range d.durable {
		if path.Dir(name) == folder && d.names[name] == nil {
			delete(d.durable, name)
		}
	}
	for name, n := range d.names {
		if path.Dir(name) == folder {
			d.durable[name] = n
		}
	}
}

// SyncAll makes everything durable, except what LieOnSync names.
func (d *Disk) SyncAll() error {
	if err := d.step(); err != nil {
		return err
	}
	if d.FailSync != nil {
		return d.FailSync
	}
	for name, n := range d.names {
		if d.LieOnSync == nil || !d.LieOnSync(name) {
			n.keep()
		}
	}
	d.durable = maps.Clone(d.names)
	return nil
}

// Free gives what is left of Capacity.
func (d *Disk) Free() (available, size uint64, err error) {
	if err := d.step(); err != nil {
		return 0, 0, err
	}
	if d.Capacity == 0 {
		return 1 << 50, 1 << 50, nil
	}
	return d.Capacity - min(d.Capacity, d.used()), d.Capacity, nil
}

// Close does nothing: the disk continues.
func (d *Disk) Close() error { return nil }
