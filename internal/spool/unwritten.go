package spool

import (
	"path"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// unwritten takes an error of writing a block: the disk's ends the work, any other is that of
// the files in it, which are refused, and their blocks are not needed any more.
func (g *Staging) unwritten(n protocol.BlockNumber, err error) error {
	if sick := g.blame(err); sick != nil {
		return sick
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.layout.Extents(nil, n) {
		if g.outcomes[e.File] == nil {
			g.refuse(e.File, err)
		}
	}
	return nil
}

// giveUpFile refuses a big file that could not be made durable: what was written of it is void.
func (g *Staging) giveUpFile(i int, err error) error {
	r := g.layout.FileBlocks(i)
	lost := make([]uint32, 0, int(r.End()-r.First))
	for b := r.First; b < r.End(); b++ {
		lost = append(lost, uint32(b))
	}
	if g.outcomes[i] == nil {
		g.refuse(i, err)
	}
	return g.journal.Add(journal.Lost, lost...)
}

// refuse gives a file that cannot be written its outcome; the caller holds the lock.
func (g *Staging) refuse(i int, err error) {
	o := g.outcome(i, Rejected, "cannot write it: "+trouble.Plain(err))
	o.Cause = trouble.CauseOf(err)
	g.outcomes[i] = &o
	g.unsaid = append(g.unsaid, o)
	r := g.layout.FileBlocks(i)
	var extents []manifest.Extent
	for b := r.First; b < r.End(); b++ {
		open := false
		extents = g.layout.Extents(extents[:0], b)
		for _, e := range extents {
			open = open || g.outcomes[e.File] == nil
		}
		if !open {
			g.add(b)
		}
	}
}

// settleUnwritten records what could not be written since the last commit.
func (g *Staging) settleUnwritten() ([]Outcome, error) {
	g.mu.Lock()
	unsaid := g.unsaid
	g.unsaid = nil
	g.mu.Unlock()
	if err := g.settle(unsaid); err != nil {
		g.mu.Lock()
		g.unsaid = append(unsaid, g.unsaid...)
		g.mu.Unlock()
		return nil, err
	}
	return unsaid, nil
}

// bigPart gives the file that a staged file of its own holds.
func bigPart(name string) (int, bool) {
	digits, big := strings.CutPrefix(path.Base(name), "f")
	i, err := strconv.Atoi(digits)
	return i, big && err == nil
}
