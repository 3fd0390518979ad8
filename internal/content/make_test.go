package content

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

// library is an empty one.
func library(t *testing.T) *Library {
	t.Helper()
	l, err := OpenLibrary(t.TempDir(), UploadLimits{}, func(uint64) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Uploads.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// finds looks for what a transfer is made of, as the local administrator.
func finds(t *testing.T, l *Library, n groupcast.NewTransfer) *Tree {
	t.Helper()
	tree, err := l.Find(ctx, n, Allowed{Any: true})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// said is an error with its hint.
func said(err error) string {
	var e *groupcast.Error
	if errors.As(err, &e) {
		return e.Message + "; " + e.Hint
	}
	return ""
}

func TestWhichPathsMayBeNamed(t *testing.T) {
	dir := plant(t, map[string]int{"src/a": 1, "src/d/b": 1, "secret": 1})
	src := filepath.Join(dir, "src")
	for name, c := range map[string]struct {
		path    string
		allowed Allowed
		code    groupcast.Code
	}{
		"any":                         {filepath.Join(dir, "secret"), Allowed{Any: true}, ""},
		"any, relative":               {"secret", Allowed{Any: true}, groupcast.EInvalid},
		"nowhere":                     {filepath.Join(src, "a"), Allowed{}, groupcast.EForbidden},
		"below":                       {filepath.Join(src, "a"), Allowed{Below: []string{src}}, ""},
		"below, relative":             {"d/b", Allowed{Below: []string{src}}, ""},
		"below the second":            {filepath.Join(src, "a"), Allowed{Below: []string{"/nowhere", src}}, ""},
		"beside":                      {filepath.Join(dir, "secret"), Allowed{Below: []string{src}}, groupcast.EForbidden},
		"out of it":                   {"../secret", Allowed{Below: []string{src}}, groupcast.EForbidden},
		"out of it, by a way through": {filepath.Join(src, "../secret"), Allowed{Below: []string{src}}, groupcast.EForbidden},
		"a name that begins alike":    {src + "x", Allowed{Below: []string{src}}, groupcast.EForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			tree, err := library(t).Find(ctx, groupcast.NewTransfer{Paths: []string{c.path}}, c.allowed)
			if c.code == "" {
				if err != nil || len(tree.Files) != 1 {
					t.Errorf("%+v, %v", tree, err)
				}
				return
			}
			if groupcast.ErrorCode(err) != c.code {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestWhatCannotBeFound(t *testing.T) {
	l := library(t)
	for name, n := range map[string]groupcast.NewTransfer{
		"too many paths":          {Paths: make([]string, maxPaths+1)},
		"a pattern that is none":  {Paths: []string{"/"}, Exclude: []string{"[a-"}},
		"an upload that is none":  {Upload: "none"},
		"an upload with a folder": {Upload: "../content"},
	} {
		if _, err := l.Find(ctx, n, Allowed{Any: true}); err == nil || groupcast.ErrorCode(err) == groupcast.EInternal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingToSend(t *testing.T) {
	dir := plant(t, map[string]int{"d/a.tmp": 1})
	l := library(t)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d", "a.tmp")}, Exclude: []string{"*.tmp"}}
	_, err := l.Make(ctx, finds(t, l, n), n)
	if groupcast.ErrorCode(err) != groupcast.EInvalid || !strings.Contains(said(err), "left out: 1 entries") {
		t.Errorf("all is left out: %q", said(err))
	}
	if _, err := l.Make(ctx, &Tree{}, n); !strings.Contains(said(err), "name files or folders") {
		t.Errorf("nothing: %q", said(err))
	}
}

// Entries that cannot be sent end it, unless they are to be left out.
func TestBadEntriesEndItUnlessTheyAreLeftOut(t *testing.T) {
	dir := plant(t, map[string]int{"d/a": 10})
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "d", "link")); err != nil {
		t.Skip("links cannot be made here: ", err)
	}
	l := library(t)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}}
	if _, err := l.Make(ctx, finds(t, l, n), n); err == nil {
		t.Error("a link that leads out is sent")
	}
	n.SkipBad = true
	b, err := l.Make(ctx, finds(t, l, n), n)
	if err != nil || b.Files != 1 || b.LeftOut.Count != 1 {
		t.Errorf("%+v, %v", b, err)
	}
}

// A copy is the files as they were; one that fails leaves no upload behind.
func TestCopiesOfFiles(t *testing.T) {
	dir := plant(t, map[string]int{"d/a": 1000, "d/e/b": 0})
	l := library(t)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}, Copy: true}
	b, err := l.Make(ctx, finds(t, l, n), n)
	if err != nil || b.InPlace || b.Files != 2 {
		t.Fatalf("%+v, %v", b, err)
	}
	id, _ := strings.CutPrefix(b.Source, FromUpload)
	write(t, filepath.Join(dir, "d", "a"), []byte("something else"))
	u, err := l.Uploads.Show(id)
	if err != nil || !slices.ContainsFunc(u.Entries, func(e groupcast.UploadEntry) bool { return e.Offset == 1000 }) {
		t.Errorf("%+v, %v", u, err)
	}
	tree := finds(t, l, n)
	if err := os.RemoveAll(filepath.Join(dir, "d", "e")); err != nil {
		t.Fatal(err)
	}
	before, _ := l.Uploads.List()
	if _, err := l.Make(ctx, tree, n); err == nil {
		t.Error("a file that went is copied")
	}
	if after, _ := l.Uploads.List(); len(after) != len(before) {
		t.Errorf("uploads %v became %v", before, after)
	}
}

// What became a pipe since it was found is not waited for.
func TestAPipeInTheFilesPlace(t *testing.T) {
	dir := plant(t, map[string]int{"d/a": 10, "d/b": 10})
	l := library(t)
	n := groupcast.NewTransfer{Paths: []string{filepath.Join(dir, "d")}, Copy: true, SkipBad: true}
	tree := finds(t, l, n)
	pipe := filepath.Join(dir, "d", "a")
	if err := os.Remove(pipe); err != nil {
		t.Fatal(err)
	}
	makeFIFO(t, pipe)
	b, err := l.Make(ctx, tree, n)
	if err != nil || b.Files != 1 || b.LeftOut.Count != 1 {
		t.Errorf("%+v, %v", b, err)
	}
}

// An upload is declared, shown, listed as unfinished, kept as long as a transfer is made of it, and swept.
func TestTheLifeOfAnUpload(t *testing.T) {
	l := library(t)
	for name, entries := range map[string][]groupcast.UploadEntry{
		"nothing": nil, "no kind": {{Path: "a", Kind: "pipe"}}, "no name": {{Path: "..", Kind: "file"}},
	} {
		if id, err := l.Declare("ann", entries); groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	id, err := l.Declare("ann", []groupcast.UploadEntry{
		{Path: "d", Kind: "folder", Mode: 0o755}, {Path: "d/f", Kind: "file", Size: 6, Mode: 0o644},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Uploads.Write(id, "d/f", 0, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	u, err := l.Uploads.Show(id)
	if err != nil || len(u.Entries) != 2 {
		t.Fatalf("%+v, %v", u, err)
	}
	if f := u.Entries[1]; f.Offset != 3 || f.Kind != "file" || f.Mode != 0o644 {
		t.Errorf("%+v", f)
	}
	list, err := l.Unfinished()
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if u := list[0]; u.By != "ann" || u.Held != 3 || u.Bytes != 6 || u.Name != "d" {
		t.Errorf("%+v", u)
	}
	done := l.Reserve(id)
	if list, err := l.Unfinished(); err != nil || len(list) != 0 {
		t.Errorf("while a transfer is made of it: %+v, %v", list, err)
	}
	if err := l.Discard(id); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("while a transfer is made of it: %v", err)
	}
	later := time.Now().Add(UploadLife + time.Hour)
	if err := l.SweepUploads(later); err != nil || !l.has(id) {
		t.Errorf("swept while a transfer is made of it: %v", err)
	}
	done()
	if err := l.SweepUploads(time.Now()); err != nil || !l.has(id) {
		t.Errorf("swept before its time: %v", err)
	}
	if err := l.SweepUploads(later); err != nil || l.has(id) {
		t.Errorf("kept beyond its time: %v", err)
	}
}

func (l *Library) has(id string) bool {
	ids, err := l.Uploads.List()
	return err == nil && slices.Contains(ids, id)
}

// Names, links and patterns are judged before anything is declared.
func TestWhatOfAnUploadIsRefused(t *testing.T) {
	refused, err := Refused([]groupcast.UploadEntry{
		{Path: "d/fine", Kind: "file"},
		{Path: "d/old.tmp", Kind: "file"},
		{Path: "d/build/deep/x.o", Kind: "file"}, // its folders are no entries of their own
		{Path: "d/build.txt", Kind: "file"},
		{Path: "d/../x", Kind: "file"},
		{Path: "d/link", Kind: "symlink", Target: "/etc/passwd"},
		{Path: "d/inner", Kind: "symlink", Target: "fine"},
	}, []string{"*.tmp", "build/"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range refused {
		got = append(got, string(l.Why)+" "+l.Path)
	}
	want := []string{"excluded d/old.tmp", "excluded d/build/deep/x.o", "name d/../x", "target d/link"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := Refused(nil, []string{"[a-"}); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("a pattern that is none: %v", err)
	}
}
