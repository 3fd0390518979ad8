package spool

import (
	"github.com/groupcast/groupcast/internal/manifest"
)

// outcomeOf is what became of an entry, which is loaded; nil: nothing yet.
func (g *Staging) outcomeOf(i int) *Outcome {
	if o := g.outcomes.Whole[i]; o != nil || !g.outcomes.Has(i) {
		return o
	}
	o := g.outcome(i, g.outcomes.Results[i], "")
	return &o
}

// filesDone says whether every file has its outcome.
func (g *Staging) filesDone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range g.outcomes.Results {
		if r == 0 && g.layout.Kind(i) == manifest.KindFile {
			return false
		}
	}
	return true
}

// Done says whether every entry has an outcome.
func (g *Staging) Done() bool {
	done, of := g.Progress()
	return done == of
}

// Progress says of how many of the entries it is settled what became of them.
func (g *Staging) Progress() (done, of int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.outcomes.Results {
		if r != 0 {
			done++
		}
	}
	return done, len(g.outcomes.Results)
}

// Outcomes gives what became of the entries so far.
func (g *Staging) Outcomes() (out []Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.outcomes.Results {
		if o := g.outcomeOf(i); o != nil {
			out = append(out, *o)
		}
	}
	return out
}
