package groupcast_test

import (
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/groupcast/groupcast"

// arrows says for every package which packages of this module it may import. Arrows point
// inward only: cmd → cli → edge → driver → machines → leaves (docs/architecture.md).
var arrows = map[string]string{
	"":         "protocol",
	"protocol": "",
	"fec":      "protocol",
	"wire":     "protocol",
	"manifest": "protocol wire",
	"seal":     "protocol wire",
	"rate":     "protocol",
	"send":     "protocol wire rate manifest fec",
	"recv":     "protocol wire rate manifest fec",
	"schedule": "protocol .",

	"telemetry": "protocol .",

	"mcast":        "protocol",
	"spool":        "protocol manifest",
	"content":      "protocol wire manifest durable disk pattern .",
	"ledger":       "protocol manifest spool sqlfile .",
	"drops":        "",
	"sender":       "protocol wire seal fec manifest rate send mcast drops .",
	"receiver":     "protocol wire seal fec manifest recv mcast drops .",
	"durable":      "",
	"disk":         "units .",
	"pattern":      ".",
	"tcp":          "",
	"pki":          "protocol seal durable .",
	"auth":         "protocol .",
	"proof":        "protocol seal wire manifest pki .",
	"inspect":      "protocol spool ledger .",
	"home":         "protocol durable .",
	"units":        ".",
	"store":        "protocol .",
	"sqlfile":      ".",
	"store/sqlite": "protocol sqlfile store store/sqlite/queries .",
	"server":       "protocol schedule wire seal manifest rate send recv sender content pattern mcast auth pki store durable disk telemetry .",
	"httpapi":      "protocol auth pki tcp disk .",
	"apiclient":    "protocol manifest pattern pki tcp .",
	"agent":        "protocol wire seal fec manifest recv receiver mcast spool ledger apiclient pki durable .",
	"web":          "",
	"menu":         "protocol pattern apiclient agent units ui .",
	"ui":           "protocol units .",
	"daemon":       "protocol auth disk durable home httpapi pki sender server store/sqlite web .",
	"cli":          "*",

	"netsim":              "protocol",
	"httpapi/httpapitest": "protocol .",
	"content/contenttest": "protocol wire manifest",
	"sessiontest":         "", // tests only, of sender and receiver together
	"spool/spooltest":     "protocol manifest spool",
	"store/storetest":     "protocol store .",
}

// core packages do no I/O: what they may not import, and why.
var core = []string{"protocol", "wire", "seal", "fec", "manifest", "rate", "send", "recv", "schedule"}

var forbiddenInCore = map[string]string{
	"net": "sockets belong to mcast", "os": "files belong to spool and content",
	"context": "nothing in the core blocks", "sync": "a loop owns its machine",
	"log": "the core counts, it does not log", "log/slog": "the core counts, it does not log",
	"database/sql": "state belongs to store", "net/http": "the API belongs to httpapi",
	"io/fs": "files belong to spool and content", "syscall": "no I/O",
}

// packages finds every folder with Go code below internal, as its path below internal, plus
// "" for the root.
func packages(t *testing.T) []string {
	t.Helper()
	found := []string{""}
	err := filepath.WalkDir("internal", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if goFiles, _ := filepath.Glob(filepath.Join(path, "*.go")); len(goFiles) > 0 {
			rel, err := filepath.Rel("internal", path)
			if err != nil {
				return err
			}
			found = append(found, filepath.ToSlash(rel))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func folder(pkg string) string {
	if pkg == "" {
		return "."
	}
	return filepath.Join("internal", pkg)
}

// sources lists the files of a package for every platform, without tests. Reading them in
// process (and not by `go list`) keeps the test cache honest.
func sources(t *testing.T, pkg string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(folder(pkg), "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(all, func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range f.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func TestArrowsPointInward(t *testing.T) {
	for _, pkg := range packages(t) {
		allowed, known := arrows[pkg]
		if !known {
			if strings.HasPrefix(pkg, "store/sqlite/") {
				continue // generated queries
			}
			t.Errorf("internal/%s is not in the table of arrows: say in arch_test.go what it may import", pkg)
			continue
		}
		for _, file := range sources(t, pkg) {
			for _, imp := range imports(t, file) {
				checkArrow(t, pkg, allowed, file, imp)
			}
		}
	}
}

func checkArrow(t *testing.T, pkg, allowed, file, imp string) {
	t.Helper()
	if imp != module && !strings.HasPrefix(imp, module+"/") {
		return
	}
	target := "."
	if imp != module {
		target = strings.TrimPrefix(strings.TrimPrefix(imp, module+"/"), "internal/")
	}
	if allowed != "*" && !slices.Contains(strings.Fields(allowed), target) {
		t.Errorf("%s: %q may not import %q", file, pkg, target)
	}
}

func TestCoreDoesNoIO(t *testing.T) {
	for _, pkg := range core {
		for _, file := range sources(t, pkg) {
			for _, imp := range imports(t, file) {
				if why, bad := forbiddenInCore[imp]; bad {
					t.Errorf("%s imports %q: %s", file, imp, why)
				}
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, call := range []string{"time.Now(", "time.Since(", "time.Sleep(", "time.After(", "time.NewTimer(", "time.NewTicker("} {
				if strings.Contains(string(text), call) {
					t.Errorf("%s calls %s): the core takes now as an argument", file, call)
				}
			}
		}
	}
}

// Only the menu draws screens.
func TestOnlyTheMenuDrawsScreens(t *testing.T) {
	for _, pkg := range packages(t) {
		for _, file := range sources(t, pkg) {
			for _, imp := range imports(t, file) {
				if pkg != "menu" && (strings.HasPrefix(imp, "charm.land/") || strings.HasPrefix(imp, "github.com/charmbracelet/")) {
					t.Errorf("%s imports %s: screens belong to menu", file, imp)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, pkg := range packages(t) {
		if strings.HasPrefix(pkg, "store/sqlite/") {
			continue
		}
		p, err := build.ImportDir(folder(pkg), build.ImportComment)
		if err != nil {
			t.Errorf("%s: %v", pkg, err)
			continue
		}
		if len(p.Doc) < 20 {
			t.Errorf("internal/%s has no package comment", pkg)
		}
	}
}

func TestNoRoomsWithoutAName(t *testing.T) {
	for _, pkg := range packages(t) {
		switch filepath.Base(pkg) {
		case "util", "utils", "common", "helpers", "misc", "manager", "shared":
			t.Errorf("internal/%s: the name says nothing", pkg)
		}
	}
}
