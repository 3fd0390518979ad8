package spool

// Progress says of how many of the entries it is settled what became of them.
func (g *Staging) Progress() (done, of int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, o := range g.outcomes {
		if o != nil {
			done++
		}
	}
	return done, len(g.outcomes)
}
