package content

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/inorder/inordertest"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What a scan finds comes in the order of the whole paths, also of several roots whose names begin with one another.
func TestAScanHasTheOrderOfPaths(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("not all of these names can be there")
	}
	rnd := rand.New(rand.NewPCG(6, 6))
	for range 40 {
		dir := t.TempDir()
		var want, roots []string
		inordertest.Grow(rnd, 3).Each("", func(name string, folder bool) {
			full := filepath.Join(dir, name)
			var err error
			if folder {
				err = os.MkdirAll(full, 0o700)
			} else {
				err = errors.Join(os.MkdirAll(path.Dir(full), 0o700), os.WriteFile(full, nil, 0o600))
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, name)
			if !strings.Contains(name, "/") {
				roots = append(roots, full)
			}
		})
		slices.Sort(want)
		var got []string
		for _, f := range scan(t, roots...).Files {
			got = append(got, f.Path)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q, want %q", got, want)
		}
	}
}

// A folder whose entry was taken, and that is another one or gone when its content has its turn, is named.
func TestAFolderThatIsLostBetweenItsTwoTurns(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(folder string) error
		says string
	}{
		"gone": {func(folder string) error { return os.Rename(folder, folder+"~") }, "no such file"},
		"another one": {func(folder string) error {
			return errors.Join(os.Rename(folder, folder+"~"), os.Mkdir(folder, 0o700), os.WriteFile(folder+"/y", nil, 0o600))
		}, "another one"},
		"a link": {func(folder string) error {
			return errors.Join(os.Rename(folder, folder+"~"), os.Symlink("elsewhere", folder))
		}, "another one"},
		"forbidden": {func(folder string) error { return os.Chmod(folder, 0) }, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "forbidden" && os.Getuid() == 0 || runtime.GOOS == "windows" {
				t.Skip("it cannot be so here")
			}
			dir := plant(t, map[string]int{"d/a/x": 1, "d/a b": 1, "d/elsewhere/z": 1})
			t.Cleanup(func() { os.Chmod(filepath.Join(dir, "d", "a"), 0o700) })
			var got []string
			_, left, err := walk(ctx, []string{filepath.Join(dir, "d")}, ScanOptions{}, pagedLimits,
				func(f *manifest.File, _ listed.Identity) error {
					got = append(got, f.Path)
					if f.Path == "d/a b" { // it comes between a folder and what is in it
						return c.harm(filepath.Join(dir, "d", "a"))
					}
					return nil
				})
			if want := []string{"d", "d/a", "d/a b", "d/elsewhere", "d/elsewhere/z"}; err != nil || !slices.Equal(got, want) {
				t.Errorf("%q, %v", got, err)
			}
			if left.Bad != 1 || len(left.Entries) != 1 || left.Entries[0].Path != "d/a" ||
				left.Entries[0].Why != groupcast.WhyUnreadable || !strings.Contains(left.Entries[0].Detail, c.says) {
				t.Errorf("%+v", left)
			}
		})
	}
}

// How much is too much is said of files, or of files and folders.
func TestTooManyEntries(t *testing.T) {
	dir := plant(t, map[string]int{"d/a/x": 1, "d/b/x": 1, "d/c/": 0})
	for _, c := range []struct {
		most limits
		says string
	}{
		{limits{2, 6, "hint"}, ""},
		{limits{1, 6, "hint"}, "more than 1 files are too many for one transfer; " + splitIt},
		{limits{2, 5, "hint"}, "more than 5 files and folders are too many for one transfer; hint"},
	} {
		_, _, err := walk(ctx, []string{filepath.Join(dir, "d")}, ScanOptions{}, c.most,
			func(*manifest.File, listed.Identity) error { return nil })
		if said(err) != c.says {
			t.Errorf("%+v: %q", c.most, said(err))
		}
	}
	if pagedLimits.files != protocol.MaxFiles || pagedLimits.entries < protocol.MaxFiles*3/2 {
		t.Errorf("a million files in folders of three: %+v", pagedLimits)
	}
}

// A walk whose caller has gone ends, and leaves no folder open.
func TestAWalkThatIsCancelled(t *testing.T) {
	dir := plant(t, map[string]int{"d/a/x": 1, "d/a b": 1, "d/c/x": 1})
	for _, at := range []string{"d", "d/a", "d/a b", "d/a/x", "d/c"} {
		ctx, cancel := context.WithCancel(t.Context())
		_, _, err := walk(ctx, []string{filepath.Join(dir, "d")}, ScanOptions{}, pagedLimits,
			func(f *manifest.File, _ listed.Identity) error {
				if f.Path == at {
					cancel()
				}
				return nil
			})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("at %s: %v", at, err)
		}
	}
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		for _, f := range open {
			if to, _ := os.Readlink("/proc/self/fd/" + f.Name()); strings.HasPrefix(to, dir) {
				t.Errorf("%s is open", to)
			}
		}
	}
}
