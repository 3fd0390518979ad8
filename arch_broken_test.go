package groupcast_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const packageDoc = "// Package x is here to break a rule.\n"

// brokenTrees are small trees, each with one file that breaks a rule, or just does not.
var brokenTrees = []struct {
	name       string
	rule       rule
	file, text string
	want       string // in what is said; empty: nothing is to be said
}{
	{
		"an arrow outward", arrowsPointInward, "internal/wire/x.go", importing("wire", module+"/internal/server"),
		`"wire" may not import "server"`,
	},
	{"an arrow inward", arrowsPointInward, "internal/wire/x.go", importing("wire", module+"/internal/protocol"), ""},
	{
		"cli reaches past its list", arrowsPointInward, "internal/cli/x.go",
		importing("cli", module+"/internal/store/sqlite"), `"cli" may not import "store/sqlite"`,
	},
	{
		"a test reaches into the server", arrowsPointInward, "test/e2e/x_test.go",
		importing("e2e", module+"/internal/server"), `"test/e2e" may not import "server"`,
	},
	{
		"the benchmark reaches into send", arrowsPointInward, "bench/x.go", importing("main", module+"/internal/send"),
		`"bench" may not import "send"`,
	},
	{
		"a package that is not in the table", arrowsPointInward, "internal/new/x.go", "package new\n",
		"new is not in the table",
	},
	{"the core opens files", coreDoesNoIO, "internal/telemetry/x.go", importing("telemetry", "os"), `imports "os"`},
	{
		"the core looks at a clock", coreDoesNoIO, "internal/schedule/x.go", "package schedule\nvar now = time.Now()\n",
		"calls time.Now()",
	},
	{
		"cli draws a screen", onlyTheMenuDrawsScreens, "internal/cli/x.go", importing("cli", "charm.land/bubbletea/v2"),
		"screens belong to menu",
	},
	{
		"a package says nothing", everyPackageSaysWhatItIs, "internal/wire/x.go", "package wire\n",
		"wire has no package comment",
	},
	{
		"a package's name says nothing", noPackageWithoutAName, "internal/ui/util/x.go", packageDoc + "package util\n",
		"ui/util: the name says nothing",
	},
	{
		"a large package", noPackageIsTooLarge, "internal/wire/x.go", "package wire\n" + strings.Repeat("\n", maxPackage),
		"wire has 4001 lines, 4000 at most",
	},
	{
		"a large test", noPackageIsTooLarge, "internal/wire/x_test.go",
		"package wire\n" + strings.Repeat("\n", maxPackage), "",
	},
	{
		"a long file", noFileIsTooLong, "internal/wire/x.go", "package wire\n" + strings.Repeat("\n", maxFile),
		"wire/x.go has 501 lines, 500 at most",
	},
	{
		"a long function", noFunctionIsTooLong, "internal/wire/x.go", "package wire\nfunc f() {" +
			strings.Repeat("\n", maxFunction) + "}\n", "wire.f has 61 lines, 60 at most",
	},
	{
		"a long line", linesFitAScreen, "internal/wire/x.go", "package wire\n//" + strings.Repeat("ä", maxLine-1) + "\n",
		"x.go:2 has 121 characters",
	},
	{
		"a line that just fits", linesFitAScreen, "internal/wire/x.go",
		"package wire\n//" + strings.Repeat("ä", maxLine-2) + "\n", "",
	},
}

// TestBrokenRulesAreFound breaks each rule once in a small tree: a rule that finds nothing there would
// find nothing here.
func TestBrokenRulesAreFound(t *testing.T) {
	for _, c := range brokenTrees {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			writeSource(t, root, "doc.go", packageDoc+"package groupcast\n")
			writeSource(t, root, c.file, c.text)
			said := strings.Join(c.rule(tree(root)), "\n")
			if c.want == "" && said != "" || !strings.Contains(said, c.want) {
				t.Errorf("said %q, not %q", said, c.want)
			}
		})
	}
}

// TestTheTableOfTheCoreIsHeld breaks the table itself.
func TestTheTableOfTheCoreIsHeld(t *testing.T) {
	before := arrows["wire"]
	t.Cleanup(func() { arrows["wire"] = before })
	arrows["wire"] += " mcast"
	if said := coreImportsCore("."); len(said) != 1 || !strings.Contains(said[0], `"mcast"`) {
		t.Errorf("said %q", said)
	}
}

// importing is the source of a package with one import.
func importing(pkg, what string) string { return "package " + pkg + "\nimport _ \"" + what + "\"\n" }

func writeSource(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
