package agent

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// workEvery is how often the server hears that a transfer is worked on while nothing is received:
// several times before anybody would take it for a machine that hangs.
var workEvery = 3 * time.Second

// tellWork reports to the server what is done for the transfer, until it is stopped: to look through
// existing files and to put many files in place takes minutes on a slow disk.
func (t *transfer) tellWork(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var over sync.WaitGroup
	over.Go(func() {
		tick := time.NewTicker(workEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if w := t.work(); w != nil {
				t.agent.report(ctx, t.offer.Transfer, "work", &groupcast.AgentReport{Work: w})
			}
		}
	})
	return func() { cancel(); over.Wait() }
}

// work is what is being done; nil while data is received, which is reported otherwise.
func (t *transfer) work() *groupcast.Work {
	g := t.form.onDisk()
	switch {
	case g == nil && t.receiving.Load():
		return nil
	case !t.receiving.Load():
		return t.form.looking()
	case g.Missing() > 0:
		return nil
	}
	w := &groupcast.Work{Phase: groupcast.WorkWriting}
	w.Done, w.Of = g.Progress()
	return w
}
