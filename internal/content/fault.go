package content

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/listed"
)

// Lost is a file that is not what its manifest says any more.
type Lost struct {
	Path string
	Why  groupcast.Why // WhyChanged or WhyGone
}

// LostError says which files changed or went. It stays so: trying again does not help, and
// every other file is as good as before.
type LostError struct {
	Lost []Lost
	Err  error // what the disk said, if anything
}

func (e *LostError) Error() string {
	text := e.Lost[0].Path + " changed at the server"
	if e.Lost[0].Why == groupcast.WhyGone {
		text = e.Lost[0].Path + " is gone at the server"
	}
	if more := len(e.Lost) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

func (e *LostError) Unwrap() error { return e.Err }

// UnavailableError says that a file cannot be read now, which says nothing about the file: its
// disk is away or fails, or it is not permitted for a while. It is worth another try.
type UnavailableError struct {
	Path string
	Why  groupcast.Why // WhyForbidden or WhyUnreadable
	Err  error
}

func (e *UnavailableError) Error() string {
	if e.Why == groupcast.WhyForbidden {
		return "the server may not read " + e.Path
	}
	return fmt.Sprintf("the server cannot read %s: %s", e.Path, Cause(e.Err))
}

func (e *UnavailableError) Unwrap() error { return e.Err }

// errAway says that a file is not there, and neither is the disk that it was on.
var errAway = errors.New("its folder is not there; is the disk mounted?")

// errUnsteady says that a block differs though each of its files is whole when looked at.
var errUnsteady = errors.New("it reads differently each time")

// fault types what went wrong with file i.
func (o *opened) fault(i int, err error) error { return o.place.Fault(o.files[i].Path, err) }

// Fault types what went wrong with a file of that name.
func (p Place) Fault(name string, err error) error {
	var away *UnavailableError
	switch {
	case isEOF(err), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errNotRegular), errors.Is(err, errOwn),
		errors.Is(err, listed.ErrOther), escapes(err):
		return &LostError{Lost: []Lost{{name, groupcast.WhyChanged}}, Err: err}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		if r, _, found := p.rootOf(name); !found || p.files != nil || r.There() {
			return &LostError{Lost: []Lost{{name, groupcast.WhyGone}}, Err: err}
		}
		return &UnavailableError{name, groupcast.WhyUnreadable, errAway}
	case errors.Is(err, fs.ErrPermission):
		return &UnavailableError{name, groupcast.WhyForbidden, err}
	case errors.As(err, &away):
		return err
	}
	return &UnavailableError{name, groupcast.WhyUnreadable, err}
}

// escapes says that a folder in the path became a link that leads out of its root.
func escapes(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p) && p.Err.Error() == "path escapes from parent"
}

// There says whether the disk that the root was found on is where it was. An empty mount point
// has lost no file: its disk is away.
func (r Root) There() bool {
	for dir := r.Base; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case err == nil:
			return r.Disk == "" && dir == r.Base || r.Disk == diskOf(info)
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR), dir == filepath.Dir(dir):
			return false
		}
	}
}

// intact reads file i whole and says whether it is what its manifest says: nil, or a typed
// error.
func (o *opened) intact(i int) error {
	o.forget(i) // not by a name that was opened long ago
	h, err := o.take(i)
	if err != nil {
		return o.fault(i, err)
	}
	defer o.forget(i)
	defer o.release(h)
	f := &o.files[i]
	sum := sha256.New()
	n, err := io.Copy(sum, io.NewSectionReader(h, 0, int64(f.Size)+1))
	if err != nil {
		return o.fault(i, err)
	}
	if uint64(n) != f.Size || [32]byte(sum.Sum(nil)) != f.Digest {
		return &LostError{Lost: []Lost{{f.Path, groupcast.WhyChanged}}}
	}
	return nil
}
