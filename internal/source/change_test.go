package source

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
)

// changes are what may happen to a file while its transfer is read, and the reason for which it is void then.
var changes = map[string]struct {
	do     func(t testing.TB, name string)
	reason format2.VoidReason // 0: none
}{
	"grows":                       {grow, format2.VoidChanged},
	"shrinks":                     {shrink, format2.VoidChanged},
	"is written again":            {rewrite, format2.VoidChanged},
	"is touched":                  {touch, format2.VoidChanged},
	"goes":                        {func(t testing.TB, name string) { must(t, os.Remove(name)) }, format2.VoidGone},
	"becomes a FIFO":              {pipe, format2.VoidChanged},
	"becomes a link":              {link, format2.VoidChanged},
	"becomes a link out of it":    {linkOut, format2.VoidChanged},
	"is replaced by its own copy": {copied, format2.VoidChanged},
	"has other rights":            {func(t testing.TB, name string) { must(t, os.Chmod(name, 0o640)) }, 0},
	"gets a second name":          {func(t testing.TB, name string) { must(t, os.Link(name, name+".2")) }, 0},
}

func grow(t testing.TB, name string) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString("more")
	must(t, errors.Join(err, f.Close()))
}

func shrink(t testing.TB, name string) { must(t, os.Truncate(name, 5)) }

func rewrite(t testing.TB, name string) {
	b, err := os.ReadFile(name)
	must(t, err)
	b[len(b)-1]++
	must(t, os.WriteFile(name, b, 0o644))
}

func touch(t testing.TB, name string) {
	must(t, os.Chtimes(name, time.Time{}, time.Now().Add(time.Hour)))
}

// What takes a file's place does so at once: there is no time at which it is gone.
func instead(t testing.TB, name string) { must(t, os.Rename(name+".new", name)) }

func link(t testing.TB, name string) {
	must(t, os.Link(name, name+".moved"))
	must(t, os.Symlink(filepath.Base(name)+".moved", name+".new"))
	instead(t, name)
}

func linkOut(t testing.TB, name string) {
	out := filepath.Join(t.TempDir(), "secret")
	must(t, os.Link(name, out))
	must(t, os.Symlink(out, name+".new"))
	instead(t, name)
}

func copied(t testing.TB, name string) {
	b, err := os.ReadFile(name)
	must(t, err)
	info, err := os.Stat(name)
	must(t, err)
	must(t, os.WriteFile(name+".new", b, 0o644))
	must(t, os.Chtimes(name+".new", info.ModTime(), info.ModTime()))
	instead(t, name)
}

// smallsAndLarge is a folder whose files are not all read when the first page is durable.
func smallsAndLarge() map[string]int {
	files := map[string]int{"large1": 6 << 20, "large2": 1<<20 + 1, "e1": 0}
	for i := range 30 {
		files[fmt.Sprintf("small%02d", i)] = 200_000
	}
	return files
}

// A file to which something happens while it is read, or before, is void for its reason, and all others are whole.
func TestFilesThatChangeMeanwhileAreVoid(t *testing.T) {
	for name, c := range changes {
		for _, file := range []string{"small28", "large1"} {
			t.Run(file+" "+name, func(t *testing.T) {
				if runtime.GOOS == "windows" {
					t.Skip("files that are open cannot be replaced here")
				}
				w := newWorld(t, smallsAndLarge()).list()
				want := w.contents()
				at := protocol.PageNo(0)
				if file == "large1" {
					at = 4 // 31 blocks: the large file is begun
				}
				w.store.after = func(p Page) error {
					if p.Number == at {
						c.do(t, w.path(file))
					}
					return nil
				}
				s := w.run()
				if len(w.store.pages[1]) <= int(at) {
					t.Fatal("the file did not change before the end")
				}
				void := map[string]format2.VoidReason{}
				if c.reason != 0 {
					void["d/"+file] = c.reason
				}
				w.holds(s, want, void)
				if lost := w.store.lost[1]; len(lost) != len(void) || len(lost) > 0 && lost[0].Path != "d/"+file {
					t.Errorf("kept as lost: %+v", lost)
				}
			})
		}
	}
}

// All files of a folder may go at once; what was begun is void, too.
func TestAllFilesMayGo(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	must(t, os.RemoveAll(w.path("")))
	s := w.run()
	void := map[string]format2.VoidReason{}
	for name := range smallsAndLarge() {
		void["d/"+name] = format2.VoidGone
	}
	w.holds(s, nil, void)
}

// A file whose bytes change while it has the same times and size is never sent as another one, and a further edition
// has what it is then.
func TestAChangeThatCannotBeSeen(t *testing.T) {
	for _, file := range []string{"small03", "large2"} {
		w := newWorld(t, smallsAndLarge()).list()
		s := w.run()
		unseen(t, w.path(file))
		entries := w.readAll(s)
		if len(entries) == 0 {
			t.Fatalf("%s was sent with other bytes", file)
		}
		want := w.contents()
		w.edition++
		w.doubted = entries
		w.holds(w.run(), want, nil)
	}
}

// A large file that is written to while it is read, and looks as before, is not a mixture of both.
func TestALargeFileIsNoMixture(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	want := w.contents()
	w.store.after = func(p Page) error {
		if p.Number == 4 { // its beginning was read
			info, err := os.Stat(w.path("large1"))
			must(t, err)
			rewriteAt(t, w.path("large1"), 10)
			must(t, os.Chtimes(w.path("large1"), info.ModTime(), info.ModTime()))
		}
		return nil
	}
	w.holds(w.run(), want, map[string]format2.VoidReason{"d/large1": format2.VoidChanged})
}

// A large file that changed is not read to its end.
func TestALargeFileThatChangedIsLeft(t *testing.T) {
	w := newWorld(t, map[string]int{"large": 0, "other": 1 << 20})
	must(t, os.Truncate(w.path("large"), 200<<20))
	w.list().store.after = func(p Page) error {
		if p.Number == 2 {
			grow(t, w.path("large"))
		}
		return nil
	}
	if s := w.run(); !w.book(s).Void(1) || w.parsed()[len(w.store.pages[1])-1].Blocks > 100 {
		t.Errorf("void %v, after %d blocks", w.book(s).Void(1), w.parsed()[len(w.store.pages[1])-1].Blocks)
	}
}

// unseen changes a byte in the middle of a file that looks as before.
func unseen(t testing.TB, name string) {
	info, err := os.Stat(name)
	must(t, err)
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.WriteAt([]byte("!!!!"), info.Size()/2)
	must(t, errors.Join(err, f.Close()))
	must(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
}

// readAll reads every block, and gives the entries of ChangedErrors. No block has bytes that its page does not say.
func (w *world) readAll(s *Source) (entries []uint32) {
	w.t.Helper()
	b := w.book(s)
	first := protocol.BlockNumber(s.skeletonBlocks() + w.most + 1)
	buf := make([]byte, protocol.BlockSize)
	for n := range uint32(s.Cut().Blocks()) {
		size, err := s.ReadBlock(first+protocol.BlockNumber(n), buf)
		var changed *ChangedError
		switch {
		case errors.As(err, &changed):
			if !errors.Is(err, pages.ErrChanged) || len(changed.Lost) == 0 {
				w.t.Errorf("%v", err)
			}
			entries = append(entries, changed.Entries...)
		case err != nil:
			w.t.Fatalf("block %d: %v", n, err)
		case !b.Verify(n, buf[:size]):
			w.t.Fatalf("block %d has bytes that its page does not say", n)
		}
	}
	return entries
}

// A file that changes after its page was signed is never sent as another one; a further edition has it as void, and
// does not read the others again.
func TestAFurtherEditionKeepsWhatIsAsItWas(t *testing.T) {
	for name, c := range changes {
		if c.reason == 0 || name == "is touched" || name == "is replaced by its own copy" {
			continue // its bytes are as they were: they are sent
		}
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, smallsAndLarge()).list()
			want := w.contents()
			s := w.run()
			c.do(t, w.path("small07"))
			c.do(t, w.path("large2"))
			if name != "grows" && name != "becomes a link" && len(w.readAll(s)) == 0 {
				t.Fatal("nothing was found to have changed")
			}
			kept := w.digests()
			unseen(t, w.path("large1")) // whoever read it again would find other bytes
			unseen(t, w.path("small20"))
			w.edition++
			s = w.run()
			b := w.book(s)
			for i, e := range w.entries(s) {
				void := strings.HasSuffix(e.Path, "/small07") || strings.HasSuffix(e.Path, "/large2")
				switch _, file := want[e.Path]; {
				case file && void != b.Void(uint32(i)), file && void == b.Finished(uint32(i)):
					t.Errorf("%s: void %v", e.Path, b.Void(uint32(i)))
				case file && !void && w.digests()[uint32(i)] != kept[uint32(i)]:
					t.Errorf("%s was read again", e.Path)
				}
			}
			if entries := w.unlike(s); len(entries) != 2 {
				t.Errorf("entries %v have other bytes, and large1 and small20 have", entries)
			}
		})
	}
}

// unlike finds the entries whose bytes are not those of their pages; small20 stands for those that share its block.
func (w *world) unlike(s *Source) (entries []uint32) {
	first := protocol.BlockNumber(s.skeletonBlocks() + w.most + 1)
	buf := make([]byte, protocol.BlockSize)
	seen := map[uint32]bool{}
	for n := range uint32(s.Cut().Blocks()) {
		_, err := s.ReadBlock(first+protocol.BlockNumber(n), buf)
		var changed *ChangedError
		if errors.As(err, &changed) && len(changed.Entries) == 1 {
			seen[changed.Entries[0]] = true
		} else if errors.As(err, &changed) {
			for _, e := range changed.Entries { // of several that look alike
				if f, _ := s.cfg.Files.File(e); strings.HasSuffix(f.Path, "/small20") {
					seen[e] = true
				}
			}
		} else if err != nil && !errors.Is(err, pages.ErrVoid) {
			w.t.Fatalf("block %d: %v", n, err)
		}
	}
	for e := range seen {
		entries = append(entries, e)
	}
	return entries
}

// A disk that is away makes no file void: the run ends, and goes on once it is back.
func TestADiskThatIsAwayIsNoLoss(t *testing.T) {
	w := newWorld(t, smallsAndLarge()).list()
	want := w.contents()
	w.elsewhere()
	aside := t.TempDir()
	w.store.after = func(p Page) error {
		if p.Number == 1 {
			move(t, w.path(""), aside)
			must(t, os.Remove(w.path("")))
		}
		return nil
	}
	s := w.open()
	var away *content.UnavailableError
	if err := s.Run(ctx); !errors.As(err, &away) {
		t.Fatalf("the disk is away, and the run ended with %v", err)
	}
	w.store.after = nil
	if len(s.Voids()) > 0 {
		t.Fatalf("void: %v", s.Voids())
	}
	if _, err := w.tryOpen(); !errors.As(err, &away) {
		t.Errorf("opened again while it is away: %v", err)
	}
	must(t, os.Mkdir(w.path(""), 0o755))
	move(t, aside, w.path(""))
	must(t, s.Run(ctx))
	w.holds(s, want, nil)
}

func move(t testing.TB, from, to string) {
	list, err := os.ReadDir(from)
	must(t, err)
	for _, e := range list {
		must(t, os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())))
	}
}

// elsewhere makes the listing say that its files were found on another disk than that of the folder above them.
func (w *world) elsewhere() {
	w.t.Helper()
	name := filepath.Join(w.home, "content", w.built.Content, "place.json")
	b, err := os.ReadFile(name)
	must(w.t, err)
	at := bytes.Index(b, []byte(`"disk":"`))
	if at < 0 {
		w.t.Skip("disks are not told apart here")
	}
	must(w.t, os.WriteFile(name, slicesInsert(b, at+len(`"disk":"`), "x"), 0o600))
}

func slicesInsert(b []byte, at int, text string) []byte {
	return append(append(append([]byte(nil), b[:at]...), text...), b[at:]...)
}
