package agent

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
)

// Between two looks at what keeps this device from taking a transfer.
const (
	firstLook = 5 * time.Second
	lastLook  = 5 * time.Minute
)

// maxWaiting bounds the transfers that wait for the disk; those beyond are asked for again when
// the connection is new.
const maxWaiting = 1000

// setback is what kept a transfer from its end, over all tries of it.
type setback struct {
	told  string // the reason that was said last: it is not said again until it changes
	tries int
	next  time.Time // when it is looked at again
}

// looked is what a look at the disk found.
type looked struct {
	job *job
	err error
}

// again counts a try that failed, and says whether its reason is a new one.
func (a *Agent) again(no protocol.TransferNo, reason string) (fresh bool) {
	s := a.setbacks[no]
	if s == nil {
		s = &setback{}
		a.setbacks[no] = s
	}
	s.tries++
	pause := min(firstLook<<min(s.tries-1, 10), lastLook)
	s.next = time.Now().Add(pause/2 + rand.N(pause/2+1))
	fresh, s.told = s.told != reason, reason
	return fresh
}

// lasting says of a refusal that looking again is of no use: only another program or another
// setting mends it.
func lasting(kind string) bool {
	return kind == "version" || kind == "size" || groupcast.Refusal(kind).Final()
}

// setBack takes a refusal: it is said once, and unless it lasts the disk is looked at again.
func (a *Agent) setBack(j *job, out outcome) (fresh bool) {
	if groupcast.Refusal(out.kind).Final() {
		a.remember(j.offer, spool.Refused{Kind: out.kind, Reason: out.reason})
	}
	reason := out.kind
	if reason != "space" { // whose words have numbers in them that change
		reason += ": " + out.reason
	}
	if fresh = a.again(j.offer.Transfer, reason); fresh {
		a.say(j.line(out))
	}
	if out.kind == spool.RefusedFolder && !a.folderIsBack() { // a look costs nothing, and somebody may be mounting it
		a.setbacks[j.offer.Transfer].next = time.Now().Add(firstLook)
	}
	if !lasting(out.kind) && len(a.jobs) < maxWaiting {
		a.jobs[j.offer.Transfer] = waiting(j, out)
	}
	return fresh
}

// atWork counts the transfers that are worked on.
func (a *Agent) atWork() (n int) {
	for _, j := range a.jobs {
		if !j.wants {
			n++
		}
	}
	return n
}

// waiting stands for a transfer that this device cannot take now: it has no goroutine.
func waiting(j *job, out outcome) *job {
	w := &job{
		agent: j.agent, offer: j.offer, raw: j.raw, group: j.group, verify: j.verify, path: j.path, started: j.started,
		wants: true, need: out.need, cancel: func() {}, done: make(chan struct{}),
	}
	close(w.done)
	return w
}

// hindered tells what a try failed of in words of a refusal; false if the disk is not at fault.
func hindered(err error) (r spool.Refused, is bool) {
	var bad *manifest.Fault
	if errors.As(err, &bad) {
		return unacceptable(bad), true
	}
	why := spool.Hindrance(err)
	var refused *spool.Refused
	var disk *spool.DiskError
	switch {
	case errors.As(why, &refused):
		return *refused, true
	case errors.As(why, &disk):
		return spool.Refused{Kind: string(disk.Kind), Reason: disk.Reason}, true
	}
	return r, false
}

// lookAtWaiting looks at the disk for those transfers that wait and whose time has come.
func (a *Agent) lookAtWaiting(ctx context.Context) {
	for no, j := range a.jobs {
		if s := a.setbacks[no]; !j.wants || j.looking || s != nil && time.Now().Before(s.next) {
			continue
		}
		j.looking = true
		a.looking.Go(func() {
			err := j.look()
			select {
			case a.looked <- looked{j, err}:
			case <-ctx.Done():
			}
		})
	}
}

// look says whether the folder is there, the disk takes something, and there is room.
func (j *job) look() error {
	s, err := j.open()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Works(); err != nil {
		return err
	}
	return s.Room(j.need)
}

// lookedAt takes what a look found. When the disk is well the server is told, and offers the
// transfer anew; what was received so far is still there.
func (a *Agent) lookedAt(ctx context.Context, l looked) {
	j, no := l.job, l.job.offer.Transfer
	if a.jobs[no] != j {
		return // it was offered meanwhile
	}
	if l.err != nil {
		r, is := hindered(l.err)
		if !is {
			r = spool.Refused{Kind: "folder", Reason: l.err.Error()}
		}
		need := max(r.Need, j.need)
		if a.setBack(j, outcome{state: groupcast.DeliveryRefused, kind: r.Kind, reason: r.Reason, need: need}) {
			a.refuse(ctx, j.offer, r.Kind, r.Reason)
		}
		return
	}
	a.again(no, a.setbacks[no].told) // in case nothing follows
	j.looking = false
	err := a.cfg.Client.Report(ctx, groupcast.AgentReport{Transfer: no, Path: j.path, Reason: "it can be taken now", FreeBytes: a.freeBytes()})
	switch groupcast.ErrorCode(err) {
	case groupcast.ENotFound, groupcast.EConflict, groupcast.EClosed:
		delete(a.jobs, no) // it is not owed any more
		delete(a.setbacks, no)
	}
}

// stumbled says that the work on a transfer broke off for a reason of which nothing is known:
// once, until the reason changes. The server offers it again after a while.
func (a *Agent) stumbled(ctx context.Context, j *job, err error) {
	if a.again(j.offer.Transfer, err.Error()) {
		a.say(Line{Kind: "failed", Group: j.group.Name, Transfer: j.offer.Transfer, Text: fmt.Sprintf("%s: %v; it is tried again", j.group.Name, err)})
	}
	a.report(ctx, j, err.Error())
}

// forgetSetbacks forgets those of transfers that are neither offered nor waited for.
func (a *Agent) forgetSetbacks(offered map[protocol.TransferNo]bool) {
	for no := range a.setbacks {
		if a.jobs[no] == nil && !offered[no] && time.Since(a.setbacks[no].next) > lastLook {
			delete(a.setbacks, no)
		}
	}
}
