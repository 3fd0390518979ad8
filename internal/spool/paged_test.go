package spool_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/spooltest"
)

func openPaged(t testing.TB, dir string, l spool.Ledger) *spool.Spool {
	t.Helper()
	s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Reserve: -1, Ledger: l, Readers: 4})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Files come to their names as they are finished, folders and links with the final page; a file with holes has them.
func TestAPagedTransferIsDelivered(t *testing.T) {
	dir, ledger := t.TempDir(), spooltest.NewLedger()
	s, p := openPaged(t, dir, ledger), pagedOf(t, 1, pagedFiles(), nil, folderAndLink...)
	g, err := p.stage(s)
	must(t, err)
	early := false
	for n, raw := range p.pages {
		c, err := g.AddPage(raw)
		must(t, err)
		for _, b := range wants(c) {
			if ok, err := g.WriteBlock(b, p.block(b)); err != nil || !ok {
				t.Fatalf("block %d: %v, %v", b, ok, err)
			}
		}
		err = g.Commit(t.Context())
		must(t, err)
		if done, of := g.Progress(); n < len(p.pages)-1 && done > 0 && done < of {
			early = true
		}
	}
	if !early || !g.Done() || !g.Final() || g.Missing() != 0 {
		t.Errorf("early %v, done %v, final %v, %d blocks missing", early, g.Done(), g.Final(), g.Missing())
	}
	for name, data := range p.files {
		have, err := os.ReadFile(filepath.Join(dir, "lab", name))
		if err != nil || !bytes.Equal(have, data) {
			t.Errorf("%s: %v", name, err)
		}
		if d := ledger.Paths[name]; d.Digest != format2.ContentDigest(data) || d.Transfer != 3 {
			t.Errorf("the ledger has %+v of %s", d, name)
		}
	}
	if to, err := os.Readlink(filepath.Join(dir, "lab", "link")); to != "big" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
	for path, o := range outcomesOf(t, g) {
		if o.Result != spool.Committed || o.Path != path || o.Name != path {
			t.Errorf("%s: %+v", path, o)
		}
	}
	must(t, g.Remove())
	if left, err := os.ReadDir(filepath.Join(dir, ".groupcast")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// A file that is void stays away; an older version of it under that name stays as it is, and so does the ledger.
func TestAVoidFileLeavesTheOlderVersion(t *testing.T) {
	dir, ledger := t.TempDir(), spooltest.NewLedger()
	s := openPaged(t, dir, ledger)
	older := map[string][]byte{"big": []byte("older"), "many/c": []byte("older, too")}
	deliver(t, s, 1, makeTransfer(t, older))
	p := pagedOf(t, 1, pagedFiles(), []string{"big", "many/c", "many/d", "t"}, folderAndLink...)
	g, err := p.stage(s)
	must(t, err)
	fetched, out := p.receive(t, g)
	for _, b := range fetched {
		for _, x := range p.cut.Extents(nil, b) {
			if path := p.entries[x.Entry].Path; path == "big" && len(p.cut.Extents(nil, b)) == 1 {
				t.Errorf("block %d of a void file had to come", b)
			}
		}
	}
	for name := range p.files {
		have, err := os.ReadFile(filepath.Join(dir, "lab", name))
		switch {
		case older[name] != nil:
			if !bytes.Equal(have, older[name]) || ledger.Paths[name].Transfer != 1 {
				t.Errorf("the older %s is %q, and %+v in the ledger", name, have, ledger.Paths[name])
			}
		case p.void[name]:
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s lies there", name)
			}
		case !bytes.Equal(have, p.files[name]):
			t.Errorf("%s is another: %v", name, err)
		}
		if o := out[name]; (o.Result == spool.Void) != p.void[name] || (o.Reason != "") != p.void[name] {
			t.Errorf("%s: %+v", name, o)
		}
	}
	if g.VoidFiles() != 4 || g.Root() == (protocol.Digest{}) {
		t.Errorf("%d void files, root %v", g.VoidFiles(), g.Root())
	}
}

// What is not of groupcast stays under its name, with the delivered file beside it.
func TestAPagedFileKeepsBoth(t *testing.T) {
	dir := t.TempDir()
	s, p := openPaged(t, dir, spooltest.NewLedger()), pagedOf(t, 1, pagedFiles(), nil)
	must(t, os.WriteFile(filepath.Join(dir, "lab", "big"), []byte("mine"), 0o600))
	g, err := p.stage(s)
	must(t, err)
	_, out := p.receive(t, g)
	if mine, _ := os.ReadFile(filepath.Join(dir, "lab", "big")); string(mine) != "mine" ||
		out["big"].Result != spool.KeptBoth {
		t.Errorf("the user's file is %q, %+v", mine, out["big"])
	}
	theirs, err := os.ReadFile(filepath.Join(dir, "lab", out["big"].Name))
	if err != nil || !bytes.Equal(theirs, p.files["big"]) {
		t.Errorf("%s: %v", out["big"].Name, err)
	}
}

// A later edition takes over the blocks whose leaf is the same, and what was committed already: only what changed
// comes.
func TestALaterEditionKeepsWhatIsTheSame(t *testing.T) {
	dir, ledger := t.TempDir(), spooltest.NewLedger()
	s := openPaged(t, dir, ledger)
	first := pagedOf(t, 1, pagedFiles(), nil)
	g, err := first.stage(s)
	must(t, err)
	for _, raw := range first.pages[:len(first.pages)-1] {
		_, err := g.AddPage(raw)
		must(t, err)
	}
	for _, b := range wants(g.Known()) {
		_, err := g.WriteBlock(b, first.block(b))
		must(t, err)
	}
	if err := g.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, g.Close())

	// Since then a small file changed, a hole was filled, another came, and a large file was touched in one block.
	files := pagedFiles()
	files["many/e"][7]++
	copy(files["holes"][protocol.BlockSize:], "not zeros any more")
	clear(files["holes"][3*protocol.BlockSize : 4*protocol.BlockSize])
	second := pagedOf(t, 2, files, nil)
	if second.offer.Skeleton != first.offer.Skeleton {
		t.Fatal("the skeleton is another one")
	}
	differ := map[uint32]bool{}
	for b := range uint32(first.cut.Blocks()) {
		differ[b] = !bytes.Equal(first.block(b), second.block(b))
	}
	for again := range 3 { // a crash after each beginning changes nothing
		g, err = second.stage(s)
		must(t, err)
		if again < 2 {
			_, err := g.AddPage(second.pages[again])
			must(t, err)
			must(t, g.Close())
		}
	}
	fetched, _ := second.receive(t, g)
	for _, b := range fetched {
		if !differ[b] && !lastPage(first, b) && !committedBefore(second, b) {
			t.Errorf("block %d is the same and came again", b)
		}
	}
	if len(fetched) == 0 || len(fetched) > second.cut.Blocks()/2+1 {
		t.Errorf("%d of %d blocks came", len(fetched), second.cut.Blocks())
	}
	for name, data := range files {
		if have, err := os.ReadFile(filepath.Join(dir, "lab", name)); err != nil || !bytes.Equal(have, data) {
			t.Errorf("%s is another: %v", name, err)
		}
	}
}

// lastPage says whether a block is one of the last page's, which the first edition did not bring here.
func lastPage(p *paged, b uint32) bool {
	signed, _, _ := seal.SplitPage(p.pages[len(p.pages)-1])
	page, err := format2.ParsePage(signed)
	return err != nil || b >= page.FirstBlock
}

// committedBefore says whether a block is of a large file that has its name already and changed: it comes whole.
func committedBefore(p *paged, b uint32) bool {
	return !p.cut.Shared(b) && p.entries[p.cut.Extents(nil, b)[0].Entry].Path == "holes"
}

// Pages that the server did not sign for this transfer, or that do not follow, leave nothing on the disk; blocks that
// no page vouches for are not written.
func TestHostilePagesDoNotReachTheDisk(t *testing.T) {
	disk := spooltest.NewDisk(rand.New(rand.NewPCG(1, 1)))
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", FS: disk, Reserve: -1})
	must(t, err)
	p := pagedOf(t, 1, pagedFiles(), nil)
	g, err := p.stage(s)
	must(t, err)
	_, err = g.AddPage(p.pages[0])
	must(t, err)
	staging := ".groupcast/0000000000000000-3"
	before := bytes.Clone(disk.Files(staging)[staging+"/pages"])
	other := pagedOf(t, 2, pagedFiles(), nil)
	signed, _, _ := seal.SplitPage(p.pages[1])
	page, err := format2.ParsePage(signed)
	must(t, err)
	page.Leaves[0][0]++
	changed := bytes.Clone(p.pages[1])
	changed[400]++
	for name, raw := range map[string][]byte{
		"nothing": nil, "noise": noise(5000, 1), "of another edition": other.pages[1],
		"changed":            changed,
		"signed by somebody": seal.SignPage(seal.NewSigningKey(), page),
		"far ahead":          p.pages[len(p.pages)-1][:format2.MinPageBytes],
	} {
		if _, err := g.AddPage(raw); err == nil {
			t.Errorf("a page with %s is taken", name)
		}
		if after := disk.Files(staging)[staging+"/pages"]; !bytes.Equal(after, before) {
			t.Errorf("a page with %s is on the disk", name)
		}
	}
	last := uint32(p.cut.Blocks() - 1)
	if ok, err := g.WriteBlock(last, p.block(last)); ok || err != nil {
		t.Errorf("a block without its page: %v, %v", ok, err)
	}
	if ok, err := g.WriteBlock(0, noise(protocol.BlockSize, 99)); ok || err != nil {
		t.Errorf("a block of something else: %v, %v", ok, err)
	}
	for name := range disk.Files(staging) {
		if strings.HasSuffix(name, "/pack") || strings.HasSuffix(name, "/f0") {
			t.Errorf("%s was written", name)
		}
	}
	// Two pages for one number, both signed by the server, end the transfer at this device.
	_, err = g.AddPage(p.pages[1])
	must(t, err)
	var fault *pages.Fault
	if _, err := g.AddPage(seal.SignPage(serverKey, page)); !errors.As(err, &fault) || !fault.Final() {
		t.Errorf("two pages for one number: %v", err)
	}
}

// A skeleton that is not the offer's is refused, and nothing of it is kept.
func TestAnotherSkeletonIsRefused(t *testing.T) {
	s, p := openPaged(t, t.TempDir(), nil), pagedOf(t, 1, pagedFiles(), nil)
	other := pagedOf(t, 1, map[string][]byte{"x": []byte("y")}, nil)
	for name, list := range map[string][]byte{
		"another": other.list, "cut off": p.list[:len(p.list)-1], "longer": append(bytes.Clone(p.list), 0), "none": nil,
	} {
		_, err := s.StagePaged(t.Context(), p.offer, bytes.NewReader(list), serverKey.Public())
		if !errors.Is(err, spool.ErrOtherSkeleton) || spool.Hindrance(err) != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, there, err := s.OpenSkeleton(p.offer); there || err != nil {
			t.Errorf("%s: it is kept, %v", name, err)
		}
	}
	broken := iotest.ErrReader(errors.New("the line is cut"))
	_, err := s.StagePaged(t.Context(), p.offer, broken, serverKey.Public())
	if err == nil || spool.Hindrance(err) != nil || !strings.Contains(err.Error(), "the line is cut") {
		t.Errorf("a list that does not come: %v", err)
	}
	lying := *p
	lying.offer.Bytes++
	var r *spool.Refused
	if _, err := lying.stage(s); !errors.As(err, &r) || r.Kind != "manifest-offer" {
		t.Errorf("an offer of other sizes: %v", err)
	}
}

// A transfer that does not fit is refused before a byte of it comes, and what is promised is known to others.
func TestPagedTransfersPromiseSpace(t *testing.T) {
	disk := spooltest.NewDisk(rand.New(rand.NewPCG(1, 1)))
	disk.Capacity = 2 << 20
	shared := spool.NewShared()
	s, err := spool.Open(spool.Config{Dir: "x", Group: "lab", FS: disk, Reserve: -1, Shared: shared})
	must(t, err)
	p := pagedOf(t, 1, pagedFiles(), nil)
	var r *spool.Refused
	if _, err := p.stage(s); !errors.As(err, &r) || r.Kind != "space" {
		t.Fatalf("it fits: %v", err)
	}
	disk.Capacity = 20 << 20
	g, err := p.stage(s)
	must(t, err)
	promised := shared.Promised()
	if want := p.cut.Bytes() + p.cut.Small(); promised != want {
		t.Errorf("%d bytes are promised, not %d", promised, want)
	}
	for _, raw := range p.pages {
		_, err := g.AddPage(raw)
		must(t, err)
	}
	last := uint32(p.cut.Blocks() - 1)
	_, err = g.WriteBlock(last, p.block(last))
	must(t, err)
	if now := shared.Promised(); now != promised-uint64(len(p.block(last)))-2*protocol.BlockSize {
		t.Errorf("%d bytes are promised of %d, with a block and two of zeros", now, promised)
	}
	must(t, g.Close())
	if shared.Promised() != 0 {
		t.Error("a closed staging takes room")
	}
}

// Files that are there already, as the ledger or whoever adopted the folder says, need no blocks.
func TestPagedFilesThatAreThere(t *testing.T) {
	for _, adopt := range []bool{false, true} {
		dir, ledger := t.TempDir(), spooltest.NewLedger()
		p := pagedOf(t, 1, pagedFiles(), nil)
		g, err := p.stage(openPaged(t, dir, ledger))
		must(t, err)
		p.receive(t, g)
		must(t, g.Remove())
		if adopt {
			ledger = spooltest.NewLedger()
		}
		s, err := spool.Open(spool.Config{Dir: dir, Group: "lab", Reserve: -1, Ledger: ledger, Adopt: adopt})
		must(t, err)
		again := pagedOf(t, 1, pagedFiles(), nil)
		again.offer.Transfer, again.offer.TransferID = 4, protocol.TransferID{8}
		again.pages = nil
		again.sign(t)
		g, err = again.stage(s)
		must(t, err)
		fetched, out := again.receive(t, g)
		if len(fetched) > 0 {
			t.Errorf("adopt %v: blocks %v came", adopt, fetched)
		}
		for path, o := range out {
			if o.Result != spool.AlreadyHad {
				t.Errorf("adopt %v: %s: %+v", adopt, path, o)
			}
		}
		must(t, g.Remove())
		must(t, s.Close())
	}
}

// Names that a machine cannot hold are that entry's outcome, and its blocks need not come.
func TestPagedNamesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", 300)
	files := map[string][]byte{"a": noise(2<<20, 1), long: noise(2<<20, 2)}
	p := pagedOf(t, 1, files, nil, skeleton.Entry{Kind: manifest.KindFolder, Mode: 0o700, Path: "sub"})
	g, err := p.stage(openPaged(t, dir, nil))
	must(t, err)
	_, out := p.receive(t, g)
	if out[long].Result != spool.Rejected || out["a"].Result != spool.Committed || out["sub"].Result != spool.Committed {
		t.Errorf("%+v", out)
	}
}
