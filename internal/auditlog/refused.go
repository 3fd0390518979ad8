package auditlog

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
)

// countEvery is how often the refused calls of strangers are written into the audit log.
const countEvery = time.Minute

// maxRefusedAddresses bounds the addresses that are counted separately within a minute.
const maxRefusedAddresses = 1000

// refusals counts refused calls without an account. The first of a kind is written at once; those that
// follow share one entry a minute, so that such calls can neither fill the disk nor hide other entries.
type refusals struct {
	mu sync.Mutex
	of map[string]*refused // by action
}

type refused struct {
	since     time.Time
	count     int
	last      groupcast.AuditEntry
	addresses map[string]bool
}

// Refused notes that a stranger's call was turned away.
func (l *Log) Refused(ctx context.Context, action, object, from string) {
	e := groupcast.AuditEntry{Action: action, Object: object, Address: from}
	if first, counted := l.refused.note(e, l.cfg.Now()); first {
		l.Add(ctx, groupcast.Principal{From: from}, action, object, "")
	} else if counted != nil {
		l.addCount(ctx, *counted)
	}
}

// note counts a refusal. It says whether it is the first one for a while, and gives the count of the
// minute that is over, if there is one.
func (r *refusals) note(e groupcast.AuditEntry, now time.Time) (first bool, over *refused) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.of[e.Action]
	if c == nil {
		r.of[e.Action] = &refused{since: now, addresses: map[string]bool{}}
		return true, nil
	}
	if now.Sub(c.since) >= countEvery && c.count > 0 {
		over = c
		c = &refused{since: now, addresses: map[string]bool{}}
		r.of[e.Action] = c
	}
	c.count++
	c.last = e
	if len(c.addresses) < maxRefusedAddresses {
		c.addresses[e.Address] = true
	}
	return false, over
}

// over gives the counts of the minutes that are over, or of all of them.
func (r *refusals) over(now time.Time, all bool) (out []refused) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for action, c := range r.of {
		if !all && now.Sub(c.since) < countEvery {
			continue
		}
		if delete(r.of, action); c.count > 0 {
			out = append(out, *c)
		}
	}
	return out
}

// count writes the counts of the minutes that are over, or of all of them.
func (l *Log) count(ctx context.Context, all bool) {
	for _, c := range l.refused.over(l.cfg.Now(), all) {
		l.addCount(ctx, c)
	}
}

func (l *Log) addCount(ctx context.Context, c refused) {
	more := ""
	if len(c.addresses) == maxRefusedAddresses {
		more = " or more"
	}
	detail := fmt.Sprintf("%d more since %s, from %d addresses%s; the last one is named", c.count,
		c.since.UTC().Format(time.TimeOnly), len(c.addresses), more)
	l.Add(ctx, groupcast.Principal{From: c.last.Address}, c.last.Action, c.last.Object, detail)
}
