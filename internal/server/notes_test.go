package server

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// A time that is not carried as it is is said, with the promise.
func TestTimesBeyondTheExactYearsAreSaid(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		dir := filepath.Join(w.T.TempDir(), "t")
		w.must(os.Mkdir(dir, 0o755))
		for _, name := range []string{"a", "b", "c"} {
			w.must(os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
		}
		late := time.Date(2262, 3, 15, 0, 0, 0, 0, time.UTC)
		w.must(os.Chtimes(filepath.Join(dir, "b"), late, late))
		if fi, err := os.Stat(filepath.Join(dir, "b")); err != nil || !fi.ModTime().Equal(late) {
			t.Skip("this file system does not hold the year 2262")
		}
		tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{dir}})
		w.must(err)
		if len(tr.Notes) != 1 || tr.Notes[0] != (groupcast.Note{Code: groupcast.NoteTimes, Count: 1, Path: "t/b"}) {
			t.Errorf("%+v", tr.Notes)
		}
	})
}
