package sim

import (
	"math/rand/v2"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

// aheadBy is how many blocks before the genuine one a forged source symbol comes.
const aheadBy = 2

// assault is what a member does who forges symbols of every block: as few as that takes, each where it
// does most harm.
type assault struct {
	device int
	parity int // forged parity symbols of a block, once its first genuine symbol is heard
	source int // forged source symbols of a block, before its first genuine one is heard
	chase  int // further ones, each ahead of the second genuine symbol of a repair
}

// assailed is how far a block is.
type assailed struct {
	heard  bool
	ahead  bool // source symbols were forged
	chases int
}

// assail hears a symbol as the attacker and forges others.
func (d *device) assail(k *work, p *packet, genuine wire.Data) {
	a := d.w.plan.assault
	if a == (assault{}) || a.device != d.i || p.forged {
		return
	}
	if d.assailed == nil || d.target != k.offer.Session {
		d.assailed, d.target = map[protocol.BlockNumber]*assailed{}, k.offer.Session
	}
	b := d.assailing(genuine.Block)
	n := protocol.SourceSymbols(genuine.Length, d.w.plan.symbol)
	switch {
	case !b.heard:
		b.heard = true
		for i := range a.parity {
			d.forgeSymbol(k, genuine.Block, n+i)
		}
		for ahead := genuine.Block; ahead <= genuine.Block+aheadBy; ahead++ {
			d.forgeAhead(k, ahead)
		}
	case int(genuine.Index) >= n && b.chases < a.chase:
		b.chases++
		d.forgeSymbol(k, genuine.Block, int(genuine.Index)+1)
	}
}

func (d *device) assailing(b protocol.BlockNumber) *assailed {
	if d.assailed[b] == nil {
		d.assailed[b] = &assailed{}
	}
	return d.assailed[b]
}

// forgeAhead forges source symbols of a block that has just begun, or is about to.
func (d *device) forgeAhead(k *work, number protocol.BlockNumber) {
	b := d.assailing(number)
	if b.ahead || int(number) >= k.blocks() {
		return
	}
	b.ahead = true
	run := d.w.server.running()
	if run == nil || run.offer.Session != k.offer.Session {
		return
	}
	length := len(run.content.block(number))
	n := protocol.SourceSymbols(length, d.w.plan.symbol)
	for _, i := range rand.New(rand.NewPCG(d.w.seed, uint64(number))).Perm(n)[:min(n, d.w.plan.assault.source)] {
		d.forgeSymbol(k, number, i)
	}
}

// forgeSymbol sends a symbol of a block with wrong bytes to the group.
func (d *device) forgeSymbol(k *work, number protocol.BlockNumber, index int) {
	run := d.w.server.running()
	if index >= protocol.MaxSymbols || run == nil || run.offer.Session != k.offer.Session {
		return
	}
	data := wire.Data{
		Block: number, Length: len(run.content.block(number)),
		Index: protocol.SymbolIndex(index), Symbol: make([]byte, d.w.plan.symbol),
	}
	for i := range data.Symbol {
		data.Symbol[i] = byte(d.rnd.Uint32())
	}
	d.w.count("fault: forged packet")
	d.w.forged++
	h := wire.Header{Kind: wire.KindData, Tag: k.offer.Tag, Number: run.sealed} // one that counts as received already
	d.w.broadcast(&packet{bytes: k.keys.Seal(nil, h, wire.AppendData(nil, data)), forged: true})
}
