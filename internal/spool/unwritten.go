package spool

import (
	"path"
	"strconv"
	"strings"

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
	for i := range g.layout.FilesOf(n) {
		if !g.outcomes.Has(i) {
			g.refuse(i, err)
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
	if !g.outcomes.Has(i) {
		g.refuse(i, err)
	}
	return g.journal.Add(journal.Lost, lost...)
}

// refuse gives a file that cannot be written its outcome; the caller holds the lock. What the outcome says of the entry
// is filled in when it is recorded: entries are not looked up under the lock.
func (g *Staging) refuse(i int, err error) {
	g.outcomes.Set(i, &Outcome{
		File: i, Result: Rejected, Reason: "cannot write it: " + trouble.Plain(err), Cause: trouble.CauseOf(err),
	})
	g.unsaid = append(g.unsaid, i)
	g.skip(g.layout.FileBlocks(i))
}

// settleUnwritten records what could not be written since the last commit.
func (g *Staging) settleUnwritten() error {
	g.mu.Lock()
	unsaid := g.unsaid
	g.unsaid = nil
	g.mu.Unlock()
	err := g.sayUnwritten(unsaid)
	if err != nil {
		g.mu.Lock()
		g.unsaid = append(unsaid, g.unsaid...)
		g.mu.Unlock()
	}
	return err
}

func (g *Staging) sayUnwritten(files []int) error {
	var fresh []Outcome
	if err := g.layout.Load(files); err != nil {
		return err
	}
	for _, i := range files {
		g.mu.Lock()
		why := g.outcomes.Whole[i]
		g.mu.Unlock()
		if why == nil || why.Result != Rejected {
			continue
		}
		o := g.outcome(i, Rejected, why.Reason)
		o.Cause = why.Cause
		fresh = append(fresh, o)
	}
	return g.settle(fresh)
}

// bigPart gives the file that a staged file of its own holds.
func bigPart(name string) (int, bool) {
	digits, big := strings.CutPrefix(path.Base(name), "f")
	i, err := strconv.Atoi(digits)
	return i, big && err == nil
}
