//go:build linux

package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/test/netlab"
)

// TestRedteamKills: the server is killed again and again in mid-transfer, and sometimes it
// comes back with an older copy of its home. No packet number of a session ever stands for two
// texts, no session goes on in another life of the server, nothing goes out before a server that was
// set back was confirmed, and in the end everybody has everything. REDTEAM_KILLS=20 kills so often.
func TestRedteamKills(t *testing.T) {
	kills := 6
	if full {
		kills = 100
	}
	if n, err := strconv.Atoi(os.Getenv("REDTEAM_KILLS")); err == nil {
		kills = n
	}
	s := newSite(t, netlab.Config{Receivers: 3, Rate: "50mbit"})
	pcs, agents := s.receives(3)
	k := &killer{
		site: s, pcs: pcs, seen: s.readsNumbers(), copied: filepath.Join(s.dir, "copied"),
		lives: make(map[protocol.SessionID]int), files: make(map[string][32]byte),
	}
	began := time.Now()
	backs := max(2, kills/5)
	for len(k.deaths) < kills || k.back < backs {
		k.life(k.back < backs && k.back*kills <= len(k.deaths)*backs)
	}
	k.allHaveAll()
	took := time.Since(began)
	k.seen.end()
	spanning := k.seen.spanning(k.deaths)
	s.holds(row{
		Test: "T1", Attack: fmt.Sprintf("kill -9 in mid-transfer %d times, an older home copied back %d of them",
			len(k.deaths), k.back), Quiet: "–",
		Attacked: fmt.Sprintf("%.0f s, %d packets of %d sessions, %d files to %d", took.Seconds(), len(k.seen.texts),
			len(k.seen.tags), len(k.files), len(pcs)),
		Limit: "no number with two texts, no session in two lives, all delivered",
		Named: fmt.Sprintf("%d numbers twice, %d sessions in two lives; noticed by a witness %d times, by a device %d times",
			len(k.seen.twice), len(k.again)+len(spanning), k.by[groupcast.SetBackWitness], k.by[groupcast.SetBackDevice]),
	},
		append(k.faults, unless(len(k.seen.tags) >= kills, "%d sessions were heard in %d lives", len(k.seen.tags), kills),
			unless(len(k.seen.twice) == 0, "used twice: %s", strings.Join(k.seen.twice, ", ")),
			unless(len(k.again)+len(spanning) == 0, "in two lives: %s", strings.Join(append(k.again, spanning...), ", ")),
			bounded(t, s, agents))...)
}

// killer is a server's lives so far.
type killer struct {
	*site
	pcs    []host
	seen   *numbers
	copied string
	fresh  bool // the copy was made in this life: nothing would be lost

	deaths []time.Time
	lives  map[protocol.SessionID]int // in which life a session was seen first
	files  map[string][32]byte        // all that was promised
	open   protocol.TransferNo        // what is being sent
	back   int                        // how often the copy was put back
	by     map[groupcast.SetBack]int
	again  []string // sessions in two lives
	faults []string
}

// life lets the server live until it is killed in mid-transfer, and starts it again: with an older
// home, if that is wanted and there is one.
func (k *killer) life(older bool) {
	k.t.Helper()
	k.fresh = false
	k.midTransfer()
	if k.fresh && len(k.files)%2 == 0 {
		k.copyHome(k.copied) // while it runs
	}
	k.deaths = append(k.deaths, time.Now())
	k.stop(k.serve, syscall.SIGKILL)
	if k.fresh && len(k.files)%2 == 1 {
		k.copyHome(k.copied)
	}
	if older && !k.fresh {
		k.comesBackOlder()
		return
	}
	k.startServer()
}

// midTransfer promises a file if nothing is on its way, and waits until some packets of a session of
// this life have passed.
func (k *killer) midTransfer() {
	k.t.Helper()
	c, ctx := k.admin(), context.Background()
	began, enough := time.Now(), 20+rand.IntN(1500)
	k.await("a transfer to be under way", func() bool {
		if k.open != 0 {
			tr, err := c.Transfer(ctx, k.open)
			must(k.t, err)
			if x := tr.Session; x != nil {
				k.note(x.ID)
				return x.Progress < 1 && k.seen.since(began) >= enough
			}
			if tr.State.Open() {
				return false
			}
		}
		name := fmt.Sprintf("f%d.bin", len(k.files))
		tr, sum := k.promises(name, 16<<20, 40_000_000)
		k.open, k.files[name], k.fresh = tr.No, sum, true
		return false
	})
}

// note remembers in which life a session runs.
func (k *killer) note(id protocol.SessionID) {
	if life, is := k.lives[id]; is && life != len(k.deaths) {
		k.again = append(k.again, id.String())
	}
	k.lives[id] = len(k.deaths)
}

// comesBackOlder puts the copy in place of the home and starts the server. It has to notice: on
// the same machine by a witness, after a boot by the first device. Nothing goes out before that is
// confirmed; every third time the server is killed once more before.
func (k *killer) comesBackOlder() {
	k.t.Helper()
	booted := k.back%2 == 1
	k.putBack(k.copied, booted)
	began := time.Now()
	k.startServer()
	st := k.knowsOfSetBack()
	if k.back%3 == 2 {
		k.stop(k.serve, syscall.SIGKILL)
		k.startServer()
		st = k.knowsOfSetBack()
	}
	time.Sleep(time.Second)
	k.faults = append(k.faults,
		unless(st.SetBack == wayOf(booted), "it knows by %q, not by %q", st.SetBack, wayOf(booted)),
		unless(k.seen.since(began) == 0, "%d packets before the confirmation", k.seen.since(began)))
	k.back++
	if k.by == nil {
		k.by = make(map[groupcast.SetBack]int)
	}
	k.by[st.SetBack]++
	must(k.t, k.admin().ConfirmMemberships(context.Background()))
}

// allHaveAll waits until everybody has every file that was promised.
func (k *killer) allHaveAll() {
	k.t.Helper()
	for name, sum := range k.files {
		k.await(name+" at everybody", func() bool { return allGot(k.pcs, "lab/"+name, sum) })
	}
}
