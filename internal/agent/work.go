package agent

import (
	"context"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// workEvery is how often the server hears that a job is at work while nothing is received:
// several times before anybody would take it for a machine that hangs.
var workEvery = 3 * time.Second

// tellWork tells the server that the job is at work, until it is stopped: looking through what
// lies there and putting many files in place take minutes on a slow disk.
func (j *job) tellWork(ctx context.Context) (stop func()) {
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
			if w := j.work(); w != nil {
				j.agent.reportWork(ctx, j, w)
			}
		}
	})
	return func() { cancel(); over.Wait() }
}

// work is what the job is at; nil while it receives, which tells of itself.
func (j *job) work() *groupcast.Work {
	g := j.staging()
	switch {
	case g == nil && j.receiving.Load():
		return nil
	case g == nil:
		return &groupcast.Work{Phase: groupcast.WorkLooking, Of: int(j.offer.Files)}
	case g.Missing() > 0:
		return nil
	}
	w := &groupcast.Work{Phase: groupcast.WorkWriting}
	w.Done, w.Of = g.Progress()
	return w
}

// reportWork tells what a job is at.
func (a *Agent) reportWork(ctx context.Context, j *job, w *groupcast.Work) {
	err := a.cfg.Client.Report(ctx, groupcast.AgentReport{Transfer: j.offer.Transfer, FreeBytes: a.freeBytes(), Work: w})
	if err != nil {
		a.cfg.Log.Debug("work not told", "err", err)
	}
}
