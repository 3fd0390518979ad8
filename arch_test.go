package groupcast_test

import (
	"fmt"
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

// arrows says for every package which packages of this module it may import; names are paths below
// internal, or below the root for cmd, test and bench; "." is the root package. Arrows point inward
// only: cmd → cli → edge → driver → machines → leaves (docs/architecture.md).
var arrows = map[string]string{
	"":         "protocol",
	"protocol": "",
	"fec":      "protocol",
	"wire":     "protocol",
	"format2":  "protocol wire",
	"manifest": "protocol wire",
	"seal":     "protocol wire format2",
	"skeleton": "protocol manifest format2",
	"pages":    "protocol format2 seal skeleton",
	"rate":     "protocol",
	"lease":    "protocol",
	"tenure":   "",
	"send":     "protocol wire rate manifest fec",
	"recv":     "protocol wire format2 rate manifest fec",
	"schedule": "protocol .",

	"relayproto": "protocol skeleton .",
	"relays":     "protocol auth bandwidth download offering pages relayproto seal sites store .",
	"relay": "protocol apiclient blockcache durable format2 home pages pki relayproto seal skeleton spool/diskfs " +
		"units .",
	"relaycli":  "relay apiclient device home shell terminal ui units .",
	"relaytest": "", // tests only, of relays and a server together

	"telemetry": "protocol .",
	"presence":  "protocol auth .",
	"bandwidth": "protocol rate",

	"mcast":    "protocol",
	"ownfiles": "",
	"inorder":  "",
	"lists":    "protocol manifest format2 skeleton pages listed .",
	"content": "protocol wire manifest format2 seal skeleton pages listed lists inorder ownfiles stored durable disk " +
		"pattern .",
	"bucket":       ".",
	"packs":        "protocol manifest format2 listed stored blockcache bucket durable spool/diskfs units .",
	"stored":       "manifest disk .",
	"listed":       "",
	"source":       "protocol content listed format2 skeleton pages seal stored .",
	"ledger":       "protocol manifest spool sqlfile .",
	"drops":        "",
	"sender":       "protocol wire format2 seal fec manifest skeleton pages rate send mcast drops .",
	"receiver":     "protocol wire format2 seal fec manifest skeleton pages recv mcast drops .",
	"durable":      ".",
	"disk":         "units .",
	"pattern":      ".",
	"tcp":          "",
	"pki":          "protocol seal durable .",
	"auth":         "protocol .",
	"proof":        "protocol seal wire format2 manifest skeleton pki .",
	"inspect":      "protocol spool spool/diskfs ledger .",
	"home":         "protocol durable .",
	"units":        ".",
	"batch":        "",
	"blockcache":   "protocol spool/diskfs spool/trouble",
	"store":        "protocol .",
	"sqlfile":      ".",
	"store/recent": "protocol batch store .",
	"store/tables": "protocol sqlfile store store/tables/engine store/tables/queries store/tables/records " +
		"store/tables/values .",
	"store/tables/engine":  "store/tables/queries",
	"store/tables/values":  ".",
	"store/tables/records": "store store/tables/engine store/tables/queries store/tables/values .",
	"store/sqlite":         "sqlfile store store/sqlite/commits store/tables",
	"store/sqlite/commits": "sqlfile store/tables/engine store/tables/queries",
	"store/sqlite/look":    "sqlfile .",
	"store/postgres":       "nodes store store/tables store/tables/engine store/tables/queries tenure .",
	"nodes":                "tenure .",
	"store/copier":         "sqlfile store store/postgres store/sqlite store/sqlite/look .",
	"auditlog":             "durable .",
	"backup":               "durable disk .",
	"setback":              "protocol format2 seal store wire .",
	"groupaddr":            "protocol .",
	"reach":                "protocol wire seal .",
	"history":              "protocol telemetry .",
	"download":             "protocol content pages .",
	"lacks":                "protocol format2 .",
	"summary":              "protocol schedule units .",
	"receipts":             "protocol format2 seal store .",
	"edition":              "protocol content manifest store .",
	"choice":               "manifest protocol store .",
	"forging":              "protocol format2 store .",
	"sites":                "protocol store .",
	"offering":             "protocol wire format2 seal sender store .",
	"reading":              "content pages protocol skeleton",
	"progress":             "protocol history sender store telemetry .",
	"direct":               "protocol offering seal store .",
	"delivery": "protocol bandwidth choice content direct download edition forging format2 history lacks offering pages " +
		"progress reading receipts " +
		"schedule seal send sender source store summary telemetry wire .",
	"archive":   "protocol manifest content store .",
	"selection": "protocol store .",
	"server": "protocol archive choice format2 selection receipts auditlog backup bandwidth content delivery edition " +
		"groupaddr ownfiles planner reach reading relays setback schedule seal sender sites source manifest " +
		"pattern mcast auth store store/recent stored disk presence .",
	"httpapi":    "door etag keyed listen pace paging problems protocol auth pki ready tcp disk .",
	"problems":   ".",
	"keyed":      "problems .",
	"listen":     ".",
	"door":       "auth tcp .",
	"pace":       "protocol auth .",
	"paging":     ".",
	"etag":       ".",
	"apiclient":  "protocol format2 manifest pattern pki tcp .",
	"agent/loop": "protocol wire format2 recv units .",
	"agent": "agent/loop protocol wire format2 pages seal fec manifest recv receiver mcast spool spool/diskfs " +
		"spool/room ledger apiclient pki durable units .",
	"web":      "",
	"menu":     "protocol pattern apiclient agent units ui .",
	"menu/tui": "units ui menu .",
	"ui":       "protocol proof units .",
	"daemon": "protocol auth backup disk durable home httpapi listen nodes packs pki sender server standby store " +
		"store/copier store/postgres store/sqlite store/sqlite/look stored tenure web .",
	"standby":  "",
	"ready":    "",
	"terminal": "ui .",
	"complete": "protocol apiclient .",
	"plan":     "protocol .",
	"planner":  "protocol plan selection content manifest presence store .",
	"settings": "",
	"doctor":   "protocol mcast home apiclient ui .",
	"device":   "protocol seal spool ledger durable home pki apiclient agent .",
	"demo":     "receiver home device apiclient agent daemon units ui .",
	"shell":    "terminal ui .",
	"watch":    "apiclient shell terminal ui units .",
	"verify":   "device home inspect ledger pki proof shell terminal ui .",
	"cli": "protocol plan complete spool receiver ledger durable disk home units pki apiclient agent daemon demo " +
		"relaycli device doctor menu menu/tui settings shell terminal ui verify watch .",

	"spool": "protocol manifest format2 seal skeleton pages spool/diskfs spool/digest spool/entries spool/identity " +
		"spool/journal spool/layout spool/lying spool/pagefile spool/parts spool/record spool/reuse spool/room " +
		"spool/trouble units .",
	"spool/diskfs":   "",
	"spool/digest":   "protocol spool/diskfs",
	"spool/entries":  "manifest format2 skeleton spool/diskfs spool/trouble .",
	"spool/identity": "spool/diskfs spool/trouble .",
	"spool/journal":  "protocol spool/diskfs spool/trouble",
	"spool/layout":   "protocol manifest format2 skeleton pages spool/digest spool/diskfs spool/entries spool/pagefile",
	"spool/lying":    "protocol spool/digest spool/diskfs spool/record spool/trouble",
	"spool/pagefile": "protocol format2 seal spool/diskfs spool/trouble",
	"spool/parts":    "units spool/diskfs spool/trouble",
	"spool/record":   "protocol manifest spool/trouble",
	"spool/reuse":    "protocol manifest skeleton spool/diskfs spool/record",
	"spool/room":     "units spool/diskfs spool/trouble .",
	"spool/trouble":  ".",

	"netsim":                "protocol",
	"inorder/inordertest":   "",
	"httpapi/httpapitest":   "protocol .",
	"menu/menutest":         "protocol pki httpapi httpapi/httpapitest apiclient .",
	"content/contenttest":   "protocol wire manifest",
	"delivery/deliverytest": "protocol wire format2 seal manifest skeleton pages content store sender .",
	"sessiontest":           "", // tests only, of sender and receiver together
	"spool/spooltest":       "protocol manifest spool spool/diskfs",
	"store/storetest":       "protocol store .",
	"store/storetest/crowd": "protocol store .",
	"store/postgres/pgtest": "",

	"cmd/groupcast": "cli",
	"cmd/man":       "cli .",

	// What stands beside the program. Their tests are held to it, too.
	"test/sim": "protocol wire format2 seal fec manifest skeleton pages rate lease send recv schedule agent/loop " +
		"spool spool/diskfs spool/spooltest netsim .",
	"test/e2e":      "protocol wire format2 seal pki home apiclient cmd/groupcast test/attacker test/netlab .",
	"test/attacker": "protocol wire format2 seal manifest mcast pki apiclient httpapi httpapi/httpapitest .",
	"test/netlab":   "",
	"bench":         "protocol bench/flow bench/rawcast bench/relay test/netlab .",
	"bench/flow":    "",
	"bench/rawcast": "protocol",
	"bench/relay":   "",
	"bench/swarm":   "protocol pki auth home apiclient daemon .",
}

// core packages do no I/O: what they may not import, and why.
var core = strings.Fields("protocol wire format2 seal fec manifest skeleton pages rate lease tenure send recv " +
	"relayproto schedule telemetry agent/loop units")

var forbiddenInCore = map[string]string{
	"net": "sockets belong to mcast", "os": "files belong to spool and content",
	"context": "nothing in the core blocks", "sync": "a loop owns its machine",
	"log": "the core counts, it does not log", "log/slog": "the core counts, it does not log",
	"database/sql": "state belongs to store", "net/http": "the API belongs to httpapi",
	"io/fs": "files belong to spool and content", "syscall": "no I/O",
}

var clockCalls = []string{
	"time.Now(", "time.Since(", "time.Until(", "time.Sleep(", "time.After(", "time.AfterFunc(", "time.NewTimer(",
	"time.NewTicker(", "time.Tick(",
}

// A rule looks at a tree of sources and says what breaks it. TestBrokenRulesAreFound breaks each on
// purpose.
type rule func(tree) []string

// tree is a folder with the sources of this module.
type tree string

func TestArrowsPointInward(t *testing.T)         { holds(t, arrowsPointInward) }
func TestCoreDoesNoIO(t *testing.T)              { holds(t, coreDoesNoIO) }
func TestOnlyTheMenuDrawsScreens(t *testing.T)   { holds(t, onlyTheMenuDrawsScreens) }
func TestEveryPackageSaysWhatItIs(t *testing.T)  { holds(t, everyPackageSaysWhatItIs) }
func TestNoPackageWithoutAName(t *testing.T)     { holds(t, noPackageWithoutAName) }
func TestTheCoreImportsTheCoreOnly(t *testing.T) { holds(t, coreImportsCore) }
func TestNoPackageIsTooLarge(t *testing.T)       { holds(t, noPackageIsTooLarge) }
func TestNoFileIsTooLong(t *testing.T)           { holds(t, noFileIsTooLong) }
func TestNoFunctionIsTooLong(t *testing.T)       { holds(t, noFunctionIsTooLong) }
func TestLinesFitAScreen(t *testing.T)           { holds(t, linesFitAScreen) }

func holds(t *testing.T, r rule) {
	t.Helper()
	for _, broken := range r(".") {
		t.Error(broken)
	}
}

// packages finds every folder with Go code, by the name that it has in the table; "" is the root.
func (tr tree) packages() []string {
	found := []string{""}
	for _, top := range []string{"internal", "cmd", "test", "bench"} {
		err := filepath.WalkDir(filepath.Join(string(tr), top), func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if d.Name() == "testdata" || d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if goFiles, _ := filepath.Glob(filepath.Join(path, "*.go")); len(goFiles) > 0 {
				rel, _ := filepath.Rel(string(tr), path)
				found = append(found, strings.TrimPrefix(filepath.ToSlash(rel), "internal/"))
			}
			return nil
		})
		if err != nil && !os.IsNotExist(err) {
			panic(err)
		}
	}
	return found
}

// folder is where a package of the table lies.
func (tr tree) folder(pkg string) string {
	switch top, _, _ := strings.Cut(pkg, "/"); top {
	case "":
		return string(tr)
	case "cmd", "test", "bench":
		return filepath.Join(string(tr), pkg)
	}
	return filepath.Join(string(tr), "internal", pkg)
}

// files lists the files of a package for every platform. Reading them in process (and not by
// `go list`) keeps the test cache honest.
func (tr tree) files(pkg string) []string {
	all, err := filepath.Glob(filepath.Join(tr.folder(pkg), "*.go"))
	if err != nil {
		panic(err)
	}
	return all
}

// sources are a package's files without its tests.
func (tr tree) sources(pkg string) []string {
	return slices.DeleteFunc(tr.files(pkg), func(f string) bool { return strings.HasSuffix(f, "_test.go") })
}

// generated is the package that sqlc writes.
func generated(pkg string) bool { return pkg == "store/tables/queries" }

func imports(file string) []string {
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		panic(err)
	}
	var out []string
	for _, i := range f.Imports {
		out = append(out, strings.Trim(i.Path.Value, `"`))
	}
	return out
}

func arrowsPointInward(tr tree) (broken []string) {
	for _, pkg := range tr.packages() {
		allowed, known := arrows[pkg]
		if !known {
			if !generated(pkg) {
				broken = append(broken, fmt.Sprintf("%s is not in the table of arrows: say in arch_test.go what it may "+
					"import", pkg))
			}
			continue
		}
		files := tr.sources(pkg)
		if strings.HasPrefix(pkg, "test/") || pkg == "bench" {
			files = tr.files(pkg)
		}
		for _, file := range files {
			for _, imp := range imports(file) {
				if target, ours := inModule(imp); ours && target != pkg && !slices.Contains(strings.Fields(allowed), target) {
					broken = append(broken, fmt.Sprintf("%s: %q may not import %q", file, pkg, target))
				}
			}
		}
	}
	return broken
}

// inModule says how the table calls what is imported, if it is of this module.
func inModule(imp string) (target string, ours bool) {
	if imp == module {
		return ".", true
	}
	below, ours := strings.CutPrefix(imp, module+"/")
	return strings.TrimPrefix(below, "internal/"), ours
}

// coreImportsCore holds the table itself to what it is for.
func coreImportsCore(tree) (broken []string) {
	for _, pkg := range core {
		for _, target := range strings.Fields(arrows[pkg]) {
			if target != "." && !slices.Contains(core, target) {
				broken = append(broken, fmt.Sprintf("the table of arrows lets %q, which is of the core, import %q, which is "+
					"not", pkg, target))
			}
		}
	}
	return broken
}

func coreDoesNoIO(tr tree) (broken []string) {
	for _, pkg := range core {
		for _, file := range tr.sources(pkg) {
			for _, imp := range imports(file) {
				if why, bad := forbiddenInCore[imp]; bad {
					broken = append(broken, fmt.Sprintf("%s imports %q: %s", file, imp, why))
				}
			}
			text := read(file)
			for _, call := range clockCalls {
				if strings.Contains(text, call) {
					broken = append(broken, fmt.Sprintf("%s calls %s): the core takes now as an argument", file, call))
				}
			}
		}
	}
	return broken
}

func read(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func onlyTheMenuDrawsScreens(tr tree) (broken []string) {
	for _, pkg := range tr.packages() {
		for _, file := range tr.sources(pkg) {
			for _, imp := range imports(file) {
				screen := strings.HasPrefix(imp, "charm.land/") || strings.HasPrefix(imp, "github.com/charmbracelet/")
				if screen && pkg != "menu/tui" {
					broken = append(broken, fmt.Sprintf("%s imports %s: screens belong to menu/tui", file, imp))
				}
			}
		}
	}
	return broken
}

func everyPackageSaysWhatItIs(tr tree) (broken []string) {
	for _, pkg := range tr.packages() {
		if generated(pkg) {
			continue
		}
		doc := 0
		for _, file := range tr.files(pkg) {
			f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				panic(err)
			}
			doc += len(f.Doc.Text())
		}
		if doc < 20 {
			broken = append(broken, fmt.Sprintf("%s has no package comment", pkg))
		}
	}
	return broken
}

func noPackageWithoutAName(tr tree) (broken []string) {
	for _, pkg := range tr.packages() {
		switch filepath.Base(pkg) {
		case "util", "utils", "common", "helpers", "misc", "manager", "shared":
			broken = append(broken, fmt.Sprintf("%s: the name says nothing", pkg))
		}
	}
	return broken
}
