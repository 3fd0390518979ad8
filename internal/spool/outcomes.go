package spool

import (
	"github.com/groupcast/groupcast/internal/manifest"
)

// outcomes are what became of the entries. Of those that say nothing but their result a byte is kept, if the entries
// themselves are not in memory either.
type outcomes struct {
	results []Result // 0: none yet
	whole   map[int]*Outcome
	compact bool
}

func newOutcomes(entries int, compact bool) outcomes {
	return outcomes{results: make([]Result, entries), whole: map[int]*Outcome{}, compact: compact}
}

func (o *outcomes) has(i int) bool { return o.results[i] != 0 }

// set gives an entry its outcome; nil: none.
func (o *outcomes) set(i int, out *Outcome) {
	delete(o.whole, i)
	if out == nil {
		o.results[i] = 0
		return
	}
	o.results[i] = out.Result
	plain := out.Name == out.Path && out.Reason == "" && out.Cause == "" && !out.Foreign
	if !o.compact || !plain {
		o.whole[i] = out
	}
}

// outcomeOf is what became of an entry, which is loaded; nil: nothing yet.
func (g *Staging) outcomeOf(i int) *Outcome {
	if o := g.outcomes.whole[i]; o != nil || !g.outcomes.has(i) {
		return o
	}
	o := g.outcome(i, g.outcomes.results[i], "")
	return &o
}

// filesDone says whether every file has its outcome.
func (g *Staging) filesDone() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, r := range g.outcomes.results {
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
	for _, r := range g.outcomes.results {
		if r != 0 {
			done++
		}
	}
	return done, len(g.outcomes.results)
}

// Outcomes gives what became of the entries so far.
func (g *Staging) Outcomes() (out []Outcome) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.outcomes.results {
		if o := g.outcomeOf(i); o != nil {
			out = append(out, *o)
		}
	}
	return out
}
