// Package web serves the web interface's files, which the build puts into this program. It
// knows no page and no call of the API: both are in the folder web of the repository.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// dist is empty but for a note unless `make build` ran with Node.
//
//go:embed all:dist
var dist embed.FS

// types are the files of a build; the system's own table may say something else or nothing.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".png": "image/png", ".woff2": "font/woff2", ".json": "application/json",
}

// file is one file as it is served.
type file struct {
	body      []byte
	kind, tag string
	forever   bool // its name changes with its content
}

// Handler serves the web interface; nil if this program was built without it.
func Handler() http.Handler {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // only for a path that is none
	}
	h, err := newHandler(sub)
	if err != nil {
		panic(err) // the files are in this program
	}
	return h
}

// newHandler gives a nil http.Handler without an index page.
func newHandler(from fs.FS) (http.Handler, error) {
	if _, err := fs.Stat(from, "index.html"); err != nil {
		return nil, nil
	}
	files := map[string]file{}
	err := fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		files["/"+name] = newFile(name, body)
		return nil
	})
	files["/"] = files["/index.html"]
	return served(files), err
}

func newFile(name string, body []byte) file {
	kind := types[path.Ext(name)]
	if kind == "" {
		kind = mime.TypeByExtension(path.Ext(name))
	}
	sum := sha256.Sum256(body)
	return file{
		body: body, kind: kind, tag: `"` + hex.EncodeToString(sum[:12]) + `"`, forever: strings.HasPrefix(name, "assets/"),
	}
}

// served answers with files by path.
type served map[string]file

// ServeHTTP answers a GET. What has no hash in its name is asked for again each time.
func (s served) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f, ok := s[r.URL.Path]
	if !ok && r.Method == http.MethodGet && wantsPage(r) {
		s.astray(w)
		return
	}
	if !ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		http.Error(w, "There is no such page. Start at /", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.tag)
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(f.body) // an error means that the browser is gone
}

// wantsPage says that a browser asks for a page, not for a part of one.
func wantsPage(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/assets/")
}

// astray answers for a page that there is not: the web interface leads on from there.
func (s served) astray(w http.ResponseWriter) {
	index := s["/"]
	w.Header().Set("Content-Type", index.kind)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	_, _ = w.Write(index.body) // an error means that the browser is gone
}
