package web

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
)

func get(h http.Handler, method, path, tag string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("If-None-Match", tag)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestNoIndexNoHandler(t *testing.T) {
	h, err := newHandler(fstest.MapFS{"README": {Data: []byte("words")}})
	if h != nil || err != nil {
		t.Fatalf("got %v, %v: a build without pages must have no handler", h, err)
	}
}

func TestFiles(t *testing.T) {
	h, err := newHandler(fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>")}, "assets/index-abc.js": {Data: []byte("1")},
		"icon.svg": {Data: []byte("<svg/>")},
	})
	if err != nil {
		t.Fatal(err)
	}
	const forever = "public, max-age=31536000, immutable"
	for _, c := range []struct {
		method, path string
		status       int
		kind, cache  string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8", "no-cache"},
		{"GET", "/index.html", 200, "text/html; charset=utf-8", "no-cache"},
		{"HEAD", "/icon.svg", 200, "image/svg+xml", "no-cache"},
		{"GET", "/assets/index-abc.js", 200, "text/javascript; charset=utf-8", forever},
		{"GET", "/assets/", 404, "text/plain; charset=utf-8", ""},
		{"GET", "/../web.go", 404, "text/plain; charset=utf-8", ""},
		{"POST", "/", 404, "text/plain; charset=utf-8", ""},
	} {
		t.Run(fmt.Sprint(c.method, " ", c.path, " ", c.status), func(t *testing.T) {
			w := get(h, c.method, c.path, "")
			if w.Code != c.status || w.Header().Get("Content-Type") != c.kind || w.Header().Get("Cache-Control") != c.cache {
				t.Errorf("%s %s: %d %v", c.method, c.path, w.Code, w.Header())
			}
		})
	}
	first := get(h, "GET", "/", "")
	if again := get(h, "GET", "/", first.Header().Get("ETag")); again.Code != http.StatusNotModified ||
		again.Body.Len() != 0 {
		t.Errorf("the same page again: %d, %d bytes", again.Code, again.Body.Len())
	}
}

// A browser that comes to an unknown path is led on by the interface; programs get words.
func TestAstray(t *testing.T) {
	h, err := newHandler(fstest.MapFS{"index.html": {Data: []byte("<!doctype html>")}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, accept, kind string }{
		{"GET", "/machines", "text/html,*/*", "text/html; charset=utf-8"},
		{"GET", "/machines", "*/*", "text/plain; charset=utf-8"},
		{"POST", "/machines", "text/html", "text/plain; charset=utf-8"},
		{"GET", "/assets/old.js", "text/html", "text/plain; charset=utf-8"},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Accept", c.accept)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != c.kind || w.Header().Get("ETag") != "" {
			t.Errorf("%s %s as %s: %d %v", c.method, c.path, c.accept, w.Code, w.Header())
		}
	}
}

// Names come from anybody: no page inserts text as markup (security.md W2).
func TestPagesInsertNoMarkup(t *testing.T) {
	files := 0
	err := filepath.WalkDir(filepath.Join("..", "..", "web", "src"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		for _, bad := range []string{"{@html", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"} {
			if bytes.Contains(text, []byte(bad)) {
				t.Errorf("%s uses %s", path, bad)
			}
		}
		return err
	})
	if err != nil || files < 20 {
		t.Fatalf("%d files read, %v", files, err)
	}
}
