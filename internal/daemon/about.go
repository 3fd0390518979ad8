package daemon

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/disk"
)

// How old the sizes of what is kept may be: to measure them walks folders, which takes at most a fiftieth of
// the time, however many files there are.
const (
	measureEvery = 30 * time.Second
	measureRest  = 50
)

// about is what a server says of itself.
type about struct {
	folder  string // of the server's state
	state   database
	maxRate uint64 // bits a second
	server  *Server
	kept    *kept

	mu       sync.Mutex
	next     time.Time // when it is measured again
	database uint64
	content  uint64
}

// tell gives what is known now.
func (a *about) tell() groupcast.ServerAbout {
	out := groupcast.ServerAbout{
		Addresses: a.server.Addresses(), Certificate: a.server.CertificateFingerprint().String(),
		MaxRate: a.maxRate, Errors: a.kept.newestFirst(),
	}
	out.FreeBytes, out.DiskBytes, _ = disk.Space(a.folder) // unknown shows as such
	out.DatabaseBytes, out.ContentBytes = a.measure()
	return out
}

// measure gives the bytes of the database and of the uploads that are kept.
func (a *about) measure() (database, content uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if began := time.Now(); began.After(a.next) {
		a.database = a.state.size()
		a.content = sizeBelow(filepath.Join(a.folder, "uploads"))
		a.next = time.Now().Add(max(measureEvery, measureRest*time.Since(began)))
	}
	return a.database, a.content
}

func sizeOf(path string) uint64 {
	if fi, err := os.Stat(path); err == nil {
		return uint64(fi.Size())
	}
	return 0
}

// sizeBelow adds up the files of a folder and of those below it.
func sizeBelow(folder string) (n uint64) {
	_ = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // what cannot be read, or went meanwhile, is not counted
		}
		if fi, err := d.Info(); err == nil {
			n += uint64(fi.Size())
		}
		return nil
	})
	return n
}
