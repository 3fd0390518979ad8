package sim

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/groupcast/groupcast/internal/fec"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/netsim"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/skeleton"
	"github.com/groupcast/groupcast/internal/wire"
)

// Sizes of a simulated transfer of format 2: everything is small, so that there are many blocks and pages.
const (
	fullSymbol = 64
	fullBlock  = 8 * fullSymbol
	fullBig    = 4 * fullBlock
	fullMaxK   = 200
	fullPool   = 24 // blocks
)

// Sabotages of what is new in format 2: the oracles must notice each.
const (
	AcceptUnsigned     Sabotage = "accept an unsigned page"
	AcceptOther        Sabotage = "accept a page of another transfer"
	CommitUnlisted     Sabotage = "commit a file that is not listed as finished"
	SendBeforePage     Sabotage = "send a block whose page is not durable"
	BarrierBeforePages Sabotage = "cover a block by a barrier before its page is durable"
	MuteWhenStarved    Sabotage = "say nothing while the source is behind"
)

// FullSabotages are those.
var FullSabotages = []Sabotage{
	AcceptUnsigned, AcceptOther, CommitUnlisted, SendBeforePage, BarrierBeforePages, MuteWhenStarved,
}

type fullPlan struct {
	devices   int
	late      []time.Duration // when each device comes
	rate      uint64
	loss      float64
	pageLoss  float64
	cost      time.Duration            // of reading and hashing a block
	stalls    map[uint32]time.Duration // of the source, before a block
	changes   map[uint32]uint32        // entries that change, and the block at which it is seen
	crashes   []time.Duration          // of the server
	falls     []time.Duration          // of devices
	reedition bool                     // the source changes while the server is down
	forger    bool
	macs      bool // sessions are authenticated
	member    bool // … and a member forges all the time
}

// fullWorld is one run: a server that reads while it sends, and devices that know of the blocks only what pages say.
type fullWorld struct {
	clock    *netsim.Clock
	rnd      *rand.Rand
	plan     fullPlan
	sabotage Sabotage
	key      seal.SigningKey
	files    [][]byte
	cut      *skeleton.Cut
	most     uint32
	code     *fec.Code
	server   *fullServer
	devices  []*fullDevice
	counts   map[string]int
	symbols  int // that servers sent
	err      error
}

type fullLayout struct{ w *fullWorld }

// Length knows the skeleton from the start: devices fetch it before they listen.
func (l fullLayout) Length(b protocol.BlockNumber) (int, bool) {
	if b == 0 {
		return fullSymbol, true
	}
	_, n := l.w.cut.Block(uint32(int(b) - l.w.head()))
	return n, n > 0
}

func (w *fullWorld) head() int   { return 1 + int(w.most) }
func (w *fullWorld) blocks() int { return w.head() + w.cut.Blocks() }

func (w *fullWorld) isPage(b protocol.BlockNumber) bool { return b > 0 && int(b) < w.head() }

func (w *fullWorld) streamBlock(n uint32) protocol.BlockNumber {
	return protocol.BlockNumber(w.head()) + protocol.BlockNumber(n)
}

func (w *fullWorld) inSession(r protocol.Range) protocol.Range {
	return protocol.Range{First: w.streamBlock(uint32(r.First)), Count: r.Count}
}

func sendDevice(i int) send.Device { return send.Device(i) }

func (w *fullWorld) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("after %v: "+format, append([]any{w.clock.Now().Sub(netsim.NewClock().Now())}, args...)...)
	}
}

func (w *fullWorld) count(what string) { w.counts[what]++ }

func (w *fullWorld) stall(b uint32) time.Duration {
	d := w.plan.stalls[b]
	delete(w.plan.stalls, b)
	if d > 0 {
		w.count("the source stalls")
	}
	return d
}

// block is what the source has: of a file that changed, something else from then on.
func (w *fullWorld) block(b uint32) []byte {
	_, n := w.cut.Block(b)
	out := make([]byte, 0, n)
	for _, x := range w.cut.Extents(nil, b) {
		part := bytes.Clone(w.files[x.Entry][x.Offset : x.Offset+uint64(x.Length)])
		if _, changes := w.plan.changes[x.Entry]; changes {
			part[0] ^= 0xFF
		}
		out = append(out, part...)
	}
	return out
}

func newFullWorld(seed uint64, s Sabotage) *fullWorld {
	w := &fullWorld{
		clock: netsim.NewClock(), rnd: rand.New(rand.NewPCG(seed, 77)), sabotage: s, code: fec.NewCode(),
		counts: map[string]int{},
	}
	w.key, _ = seal.SigningKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	w.drawFiles()
	w.drawPlan()
	w.most = pages.PagesFor(w.cut)
	w.server = &fullServer{w: w, edition: 1}
	for i := range w.plan.devices {
		w.devices = append(w.devices, newFullDevice(w, i))
	}
	return w
}

func (w *fullWorld) drawFiles() {
	w.cut = skeleton.NewCutOf(fullBlock, fullBig)
	for i := range 1 + w.rnd.IntN(12) {
		n := w.rnd.IntN(fullBig)
		if chance(w.rnd, 0.4) {
			n = fullBig + w.rnd.IntN(40*fullBlock)
		}
		content := make([]byte, n)
		for j := range content {
			content[j] = byte(w.rnd.Uint32())
		}
		if n > 4*fullBlock && chance(w.rnd, 0.3) { // it has a hole
			clear(content[fullBlock : 3*fullBlock])
		}
		w.files = append(w.files, content)
		w.cut.Add(i, &skeleton.Entry{Path: fmt.Sprint(i), Size: uint64(n)})
	}
	if err := w.cut.Close(); err != nil {
		w.fail("%v", err)
	}
}

func (w *fullWorld) drawPlan() {
	r := w.rnd
	p := fullPlan{
		devices: 1 + r.IntN(4), rate: uint64(100_000 + r.IntN(2_000_000)), loss: []float64{0, 0.01, 0.05}[r.IntN(3)],
		pageLoss: []float64{0, 0.2}[r.IntN(2)], cost: time.Duration(50+r.IntN(2000)) * time.Microsecond,
		stalls: map[uint32]time.Duration{}, changes: map[uint32]uint32{}, forger: chance(r, 0.3),
		reedition: chance(r, 0.3),
	}
	blocks := max(1, w.cut.Blocks())
	for range r.IntN(4) {
		p.stalls[uint32(r.IntN(blocks))] = within(r, 30*time.Second)
	}
	for e, content := range w.files {
		first, end, _ := w.cut.File(uint32(e))
		if len(content) > 0 && chance(r, 0.2) {
			p.changes[uint32(e)] = first + uint32(r.IntN(int(end-first)))
		}
	}
	for i := range p.devices {
		at := within(r, 100*time.Millisecond)
		if i > 0 && chance(r, 0.4) {
			at = within(r, 20*time.Second)
		}
		p.late = append(p.late, at)
		if chance(r, 0.3) {
			p.falls = append(p.falls, at+within(r, 5*time.Second))
		} else {
			p.falls = append(p.falls, 0)
		}
	}
	for range r.IntN(3) {
		p.crashes = append(p.crashes, within(r, 10*time.Second))
	}
	w.plan = p
}

// play goes on until every device has all there is.
func (w *fullWorld) play() error {
	start := w.clock.Now()
	w.server.start()
	for i, d := range w.devices {
		w.clock.After(w.plan.late[i], d.restart)
		w.clock.After(w.plan.late[i], d.barrier)
		if at := w.plan.falls[i]; at > 0 {
			w.clock.After(at, d.crash)
		}
	}
	for _, at := range w.plan.crashes {
		w.clock.After(at, w.server.crash)
	}
	if w.plan.forger {
		w.clock.After(within(w.rnd, 50*time.Millisecond), w.forge)
	}
	if w.plan.member {
		w.clock.After(within(w.rnd, 50*time.Millisecond), w.assault)
	}
	end := start.Add(10 * time.Minute)
	for w.err == nil && !w.finished() && w.clock.Step(end) {
	}
	if w.err == nil && !w.finished() {
		w.fail("not everybody is done: %s", w.unfinished())
	}
	if w.err == nil {
		w.judge()
	}
	return w.err
}

func (w *fullWorld) finished() bool {
	return !slices.ContainsFunc(w.devices, func(d *fullDevice) bool { return !d.done })
}

func (w *fullWorld) unfinished() (out string) {
	for _, d := range w.devices {
		out += fmt.Sprintf("\ndevice %d: alive %v, %d pages of %d, %d blocks", d.index, d.alive, len(d.pages),
			len(w.server.durable), len(d.order))
		if d.machine != nil {
			out += fmt.Sprintf(", %+v", d.machine.Status())
		}
	}
	if x := w.server.session; x != nil {
		out += fmt.Sprintf("\nserver: %+v, starved %v, over %v, final %v", x.machine.Status(), x.machine.Starved(),
			x.over, x.final)
	}
	return out
}

// accepted is the oracle of pages: a device takes those that the server published, and no others.
func (w *fullWorld) accepted(d *fullDevice, n int, raw []byte) {
	if d.edition != w.server.edition {
		return // of the edition before, which it is about to leave
	}
	if n >= len(w.server.durable) || !bytes.Equal(w.server.durable[n], raw) {
		w.fail("device %d accepts a page %d that the server did not publish", d.index, n)
	}
}

// committed is the oracle of files: what is under its name is what was listed, and was finished.
func (w *fullWorld) committed(d *fullDevice, e uint32, content []byte) {
	if _, changes := w.plan.changes[e]; changes || !bytes.Equal(content, w.files[e]) {
		w.fail("device %d commits entry %d, which is not what was listed", d.index, e)
	}
}

// judge looks at the end: every file that did not change is there.
func (w *fullWorld) judge() {
	for _, d := range w.devices {
		for e := range w.files {
			if _, changes := w.plan.changes[uint32(e)]; !changes && !d.committed[uint32(e)] {
				w.fail("device %d is done without entry %d", d.index, e)
			}
		}
		if !d.book.Final() || d.book.Root() == (protocol.Digest{}) {
			w.fail("device %d is done without the final page", d.index)
		}
	}
}

// forge sends whole pages of a member's own, and those of another transfer, the moment that a page is declared.
func (w *fullWorld) forge() {
	s, x := w.server, w.server.session
	if w.finished() {
		return
	}
	w.clock.After(within(w.rnd, 300*time.Millisecond), w.forge)
	if !s.up || x == nil || len(s.durable) == 0 {
		return
	}
	n := len(s.durable) - 1
	key, change := w.key, func(p *format2.Page) { p.TransferID[0]++ }
	if chance(w.rnd, 0.5) {
		key, _ = seal.SigningKeyFromSeed(bytes.Repeat([]byte{8}, 32))
		change = func(p *format2.Page) {
			for i := range p.Leaves {
				p.Leaves[i][0]++
			}
		}
	}
	raw := w.forgedPage(s.durable[n], key, change)
	w.count("forged pages")
	for i := range protocol.SourceSymbols(len(raw), fullSymbol) {
		d := wire.Data{
			Block: protocol.BlockNumber(1 + n), Length: len(raw), Index: protocol.SymbolIndex(i),
			Symbol: symbolOf(w.code, raw, protocol.SymbolIndex(i)),
		}
		_, high, _ := x.machine.NextSync(time.Time{})
		for _, dev := range w.devices {
			w.clock.After(time.Microsecond, func() { dev.hearData(x, max(high, 1), d) })
		}
	}
}

// sabotaged lets a device take a page that its book refused.
func (w *fullWorld) sabotaged(d *fullDevice, f *pages.Fault, raw []byte) bool {
	switch {
	case w.sabotage == AcceptUnsigned && f.Code == pages.FaultSignature:
	case w.sabotage == AcceptOther && f.Code == pages.FaultOther:
	default:
		return false
	}
	w.accepted(d, int(f.Number), raw)
	return true
}
