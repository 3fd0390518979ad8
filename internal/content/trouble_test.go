package content

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/stored"
)

// Whatever goes wrong with a file says either that it is not what it was, for good, or that it cannot be read now.
func TestWhatGoesWrongWithAFileIsTyped(t *testing.T) {
	dir := plant(t, map[string]int{"d/f": 10})
	tree := scan(t, filepath.Join(dir, "d"))
	o := newOpened([]manifest.File{{Path: "d/f"}}, tree.Place)
	defer o.close()
	for name, c := range map[string]struct {
		err  error
		lost groupcast.Why // empty: it is away
		away groupcast.Why
	}{
		"shorter":           {io.EOF, groupcast.WhyChanged, ""},
		"shorter in a read": {io.ErrUnexpectedEOF, groupcast.WhyChanged, ""},
		"no file any more":  {errNotRegular, groupcast.WhyChanged, ""},
		"one of our own":    {errOwn, groupcast.WhyChanged, ""},
		"a link out of it": {
			&fs.PathError{Op: "open", Err: errors.New("path escapes from parent")}, groupcast.WhyChanged,
			"",
		},
		"gone":                 {fs.ErrNotExist, groupcast.WhyGone, ""},
		"its folder is a file": {syscall.ENOTDIR, groupcast.WhyGone, ""},
		"forbidden":            {fs.ErrPermission, "", groupcast.WhyForbidden},
		"an error of the disk": {syscall.EIO, "", groupcast.WhyUnreadable},
		"too many open files":  {syscall.EMFILE, "", groupcast.WhyUnreadable},
		"typed already": {
			&UnavailableError{Path: "d/f", Why: groupcast.WhyForbidden, Err: syscall.EIO}, "",
			groupcast.WhyForbidden,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := o.fault(0, fmt.Errorf("read: %w", c.err))
			var lost *LostError
			var away *UnavailableError
			switch {
			case errors.As(err, &lost):
				if c.lost != lost.Lost[0].Why || lost.Lost[0].Path != "d/f" {
					t.Errorf("lost: %+v", lost.Lost)
				}
			case errors.As(err, &away):
				if c.away != away.Why || away.Path != "d/f" {
					t.Errorf("away: %+v", away)
				}
			default:
				t.Errorf("%v has no type", err)
			}
			if !strings.Contains(err.Error(), "d/f") {
				t.Errorf("it does not name the file: %v", err)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSeveralLostFilesInWords(t *testing.T) {
	for want, lost := range map[string][]Lost{
		"a changed at the server": {{"a", groupcast.WhyChanged}},
		"a is gone at the server": {{"a", groupcast.WhyGone}},
		"a is gone at the server (and 2 more)": {
			{"a", groupcast.WhyGone},
			{"b", groupcast.WhyChanged},
			{"c", groupcast.WhyGone},
		},
	} {
		t.Run(want, func(t *testing.T) {
			if got := (&LostError{Lost: lost}).Error(); got != want {
				t.Errorf("%q", got)
			}
		})
	}
	forbidden := &UnavailableError{Path: "a", Why: groupcast.WhyForbidden, Err: fs.ErrPermission}
	if !strings.Contains(forbidden.Error(), "may not read a") || !errors.Is(forbidden, fs.ErrPermission) {
		t.Errorf("%v", forbidden)
	}
}

func TestWhatCannotBeReadInWords(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		code groupcast.Code
	}{
		"gone": {fs.ErrNotExist, groupcast.ENotFound}, "forbidden": {fs.ErrPermission, groupcast.EForbidden},
		"anything else": {syscall.EIO, groupcast.EInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			err := cannotRead("the/file", c.err)
			if groupcast.ErrorCode(err) != c.code || !strings.Contains(err.Error(), "the/file") || !errors.Is(err, c.err) {
				t.Errorf("%s: %v", groupcast.ErrorCode(err), err)
			}
		})
	}
}

func TestWhatCannotBeWrittenInWords(t *testing.T) {
	said := groupcast.Errorf(groupcast.EExhausted, "no room")
	for name, c := range map[string]struct {
		err  error
		code groupcast.Code
		says string
	}{
		"said already": {fmt.Errorf("write: %w", said), groupcast.EExhausted, "no room"},
		"a full disk":  {syscall.ENOSPC, groupcast.EUnavailable, "nothing that came is lost"},
		"read-only":    {syscall.EROFS, groupcast.EUnavailable, "nothing that came is lost"},
		"any other":    {syscall.EIO, groupcast.EInternal, "cannot keep f"},
	} {
		t.Run(name, func(t *testing.T) {
			err := stored.CannotWrite("f", c.err)
			if groupcast.ErrorCode(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v", groupcast.ErrorCode(err), err)
			}
		})
	}
}

// IDs of uploads come from the network: none leads out of the folder, and none is made up.
func TestIDsOfUploadsStayInTheirFolder(t *testing.T) {
	u := uploads(t, UploadLimits{})
	outside := filepath.Join(filepath.Dir(u.dir), "outside")
	must(t, os.Mkdir(outside, 0o700))
	for _, id := range []string{
		"", ".", "..", "../outside", "/etc", "a/b", `a\b`, "a\x00b", "-a", "_a", strings.Repeat("a", 65), "ä", "a b", "none",
	} {
		t.Run(fmt.Sprintf("%.10q", id), func(t *testing.T) {
			for what, err := range map[string]error{
				"Entries": second(u.Entries(id)), "Have": second(u.Have(id)), "Complete": second(u.Complete(id)),
				"Show": second(u.Show(id)), "Remove": u.Remove(id), "Write": second(u.Write(id, "f", 0, strings.NewReader("x"))),
			} {
				if groupcast.ErrorCode(err) != groupcast.ENotFound {
					t.Errorf("%s: %v", what, err)
				}
			}
			if id != "none" {
				if err := u.Create(id, "eve", []manifest.File{{Path: "f", Size: 1}}); err == nil {
					t.Error("it was made")
				}
			}
		})
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error("what lies outside is gone")
	}
	if ids, err := u.List(); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}

func second[T any](_ T, err error) error { return err }

// Unfinished uploads are bounded in number and in bytes; one that is complete or gone makes room.
func TestUnfinishedUploadsAreBounded(t *testing.T) {
	u := uploads(t, UploadLimits{MaxOpen: 2, MaxBytes: 100})
	file := func(n uint64) []manifest.File { return []manifest.File{{Path: "f", Size: n}} }
	must(t, u.Create("a", "ann", file(10)))
	must(t, u.Create("b", "bob", file(10)))
	if err := u.Create("c", "eve", file(1)); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("a third: %v", err)
	}
	if _, err := u.Write("a", "f", 0, bytes.NewReader(make([]byte, 10))); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Complete("a"); err != nil {
		t.Fatal(err)
	}
	if err := u.Create("c", "eve", file(91)); groupcast.ErrorCode(err) != groupcast.EExhausted {
		t.Errorf("101 bytes: %v", err)
	}
	must(t, u.Create("c", "eve", file(90)))
	must(t, u.Remove("b"))
	must(t, u.Create("d", "dan", file(10)))
	if err := u.Create("d", "dan", nil); err == nil {
		t.Error("the same ID twice")
	}
}

// Many write at once: to files of their own all of it arrives, and one file has one writer at a time.
func TestWritingAtOnce(t *testing.T) {
	u := uploads(t, UploadLimits{})
	var files []manifest.File
	for i := range 16 {
		files = append(files, manifest.File{Path: fmt.Sprint("f", i), Size: 1000})
	}
	must(t, u.Create("a", "ann", files))
	var all sync.WaitGroup
	for i := range files {
		for range 2 { // of two for one file one may be refused, and neither harms the other
			all.Go(func() {
				_, err := u.Write("a", fmt.Sprint("f", i), 0, bytes.NewReader(noise(1000, fmt.Sprint(i))))
				if err != nil && groupcast.ErrorCode(err) != groupcast.EConflict {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	if _, err := u.Complete("a"); err != nil {
		t.Fatal(err)
	}
	for i := range files {
		got, err := os.ReadFile(filepath.Join(u.dir, "a", "data", fmt.Sprint("f", i)))
		if err != nil || !bytes.Equal(got, noise(1000, fmt.Sprint(i))) {
			t.Errorf("file %d: %d bytes, %v", i, len(got), err)
		}
	}
}

// A closed folder takes nothing any more.
func TestAClosedFolderOfUploads(t *testing.T) {
	u := uploads(t, UploadLimits{})
	must(t, u.Create("a", "ann", []manifest.File{{Path: "f", Size: 2}}))
	must(t, u.Close())
	if err := u.Create("b", "bob", []manifest.File{{Path: "f"}}); err == nil {
		t.Error("an upload was made")
	}
	if n, err := u.Write("a", "f", 0, strings.NewReader("x")); err == nil || n != 0 {
		t.Errorf("%d bytes were taken", n)
	}
	again, err := OpenUploads(u.dir, UploadLimits{})
	must(t, err)
	if have, err := again.Have("a"); err != nil || len(have) != 1 || have[0] != 0 {
		t.Errorf("%v, %v", have, err)
	}
}

// A list of an upload that cannot be read now is not thrown away: it may be readable at the next start.
func TestAnUploadWhoseListCannotBeRead(t *testing.T) {
	u := uploads(t, UploadLimits{})
	must(t, u.Create("a", "ann", []manifest.File{{Path: "f", Size: 2}}))
	must(t, u.Close())
	list := filepath.Join(u.dir, "a", entriesName)
	must(t, os.Rename(list, list+"-"))
	must(t, os.Mkdir(list, 0o700)) // which is an error of another kind than that it is gone
	if _, err := OpenUploads(u.dir, UploadLimits{}); err == nil {
		t.Error("it was passed over")
	}
	must(t, errors.Join(os.Remove(list), os.Rename(list+"-", list)))
	again, err := OpenUploads(u.dir, UploadLimits{})
	must(t, err)
	if files, err := again.Entries("a"); err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}
