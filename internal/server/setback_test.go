package server

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// keep copies the server's home while it is stopped; what it gives puts the copy back.
func (w *world) keep(except ...string) (putBack func()) {
	w.Helper()
	copied := w.TempDir()
	w.must(os.CopyFS(filepath.Join(copied, "home"), os.DirFS(w.dir)))
	return func() {
		w.Helper()
		w.must(filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				for _, name := range except {
					if d.Name() == name {
						return nil
					}
				}
				err = os.Remove(p)
			}
			return err
		}))
		root := os.DirFS(filepath.Join(copied, "home"))
		w.must(fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			for _, name := range except {
				if d.Name() == name {
					return nil
				}
			}
			b, err := fs.ReadFile(root, p)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(w.dir, p), b, 0o600)
		}))
	}
}

// shows attaches a device that shows an offer, as agents do.
func (a *agent) shows(o wire.Offer, key seal.SigningKey) {
	a.w.Helper()
	bytes := wire.AppendOffer(nil, o)
	var err error
	a.stream, err = a.w.AgentEvents(a.w.ctx, a.p, groupcast.Attach{Newest: bytes, NewestSignature: seal.SignOffer(key, bytes)})
	a.w.must(err)
	a.w.settle()
}

func (w *world) status() groupcast.ServerStatus {
	w.Helper()
	st, err := w.ServerStatus(w.ctx, local)
	w.must(err)
	return st
}

// A home is copied, a member is removed, more is sent, and the copy is put back: whoever has an
// offer of the part that is lost stops the server, before anybody is handed anything.
func TestAServerThatWasSetBackStops(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("lab")
		ann, bob, eve := w.enrol("ann", "lab"), w.enrol("bob", "lab"), w.enrol("eve", "lab")
		w.send("lab", func(n *groupcast.NewTransfer) { n.Now = false })
		w.stop()
		putBack := w.keep()
		w.boot()
		w.must(w.RemoveMember(w.ctx, local, "lab", "eve"))
		ann.attach()
		bob.attach()
		newer := w.send("lab", nil)
		offers := ann.offers()
		if len(offers) == 0 {
			t.Fatal("nothing was offered")
		}
		lost := offers[len(offers)-1]
		w.stop()
		putBack()
		w.boot()
		// The removed member's device is the first, says nothing, and is not served before those
		// who lack something had time to come back.
		eve.attach()
		old := offers[0].Transfer
		if _, err := w.Blocks(w.ctx, eve.p, old, 0, 1); err == nil {
			t.Error("the removed member fetched blocks that were not offered")
		}
		bob.attach()
		time.Sleep(200 * time.Millisecond)
		ann.shows(lost, w.key)
		st := w.status()
		if !st.Restored || st.SetBack != groupcast.SetBackDevice {
			t.Fatalf("status %+v", st)
		}
		time.Sleep(5 * time.Minute)
		for _, a := range []*agent{ann, bob, eve} {
			if got := a.offers(); len(got) > 0 {
				t.Fatalf("%s was offered %+v before the memberships were confirmed", a.p.User.Name, got)
			}
			if _, err := w.Blocks(w.ctx, a.p, old, 0, 1); err == nil {
				t.Fatalf("%s fetched blocks", a.p.User.Name)
			}
			if _, err := w.Manifest(w.ctx, a.p, old); err == nil {
				t.Fatalf("%s fetched a manifest", a.p.User.Name)
			}
		}
		w.reboot() // it is not forgotten
		if st := w.status(); st.SetBack != groupcast.SetBackDevice {
			t.Fatalf("after a start: %+v", st)
		}
		for _, a := range []*agent{ann, bob} {
			a.attach()
		}
		w.must(w.RemoveMember(w.ctx, local, "lab", "eve"))
		w.must(w.ConfirmMemberships(w.ctx, local))
		time.Sleep(2 * time.Minute)
		for _, a := range []*agent{ann, bob} {
			if o := a.offers(); len(o) == 0 || o[0].Number <= lost.Number || o[0].Floor <= lost.Number {
				t.Errorf("%s: %+v after offer %d", a.p.User.Name, o, lost.Number)
			}
		}
		if tr := w.send("lab", nil); tr.No <= newer.No {
			t.Errorf("transfer %d was drawn again", tr.No)
		}
		// Others who come with what is lost now say nothing new.
		bob.shows(lost, w.key)
		if st := w.status(); st.Restored {
			t.Errorf("it stops again: %+v", st)
		}
	})
}

// The keys of a session that runs are of no use once the server knows, and none are handed out.
func TestASetBackStopsWhatRuns(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := running(w, "ann", "bob")
		snd := w.sender()
		lost := offers[0]
		lost.Number += 1 << 33
		carl := w.login("bob")
		carl.shows(lost, w.key)
		if snd.Sealing() {
			t.Error("the session goes on")
		}
		if _, err := agents[0].ready(offers[0]); groupcast.ErrorCode(err) != groupcast.EUnconfirmed {
			t.Errorf("keys: %v", err)
		}
		if state, err := w.AgentState(w.ctx, agents[0].p); err != nil || len(state.Offers) > 0 || state.OwedComplete {
			t.Errorf("state %+v, %v", state, err)
		}
		_, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{t.TempDir()}, Now: true})
		if groupcast.ErrorCode(err) != groupcast.EUnconfirmed {
			t.Errorf("send: %v", err)
		}
		w.must(w.ConfirmMemberships(w.ctx, local))
		time.Sleep(time.Minute)
		if o := agents[0].offers(); len(o) == 0 || o[len(o)-1].Number <= lost.Number {
			t.Errorf("after the confirmation: %+v", o)
		}
	})
}

// fullDisk keeps no setting while it is full.
type fullDisk struct {
	store.Store
	full atomic.Bool
}

func (d *fullDisk) SetSetting(ctx context.Context, name, value string) error {
	if d.full.Load() {
		return errors.New("disk full")
	}
	return d.Store.SetSetting(ctx, name, value)
}

// numbers gives the last numbers that were drawn.
func (w *world) numbers(ctx context.Context) (protocol.OfferNo, protocol.TransferNo, error) {
	offers, err := w.store.LastOffer(ctx)
	if err != nil {
		return 0, 0, err
	}
	transfers, err := w.store.LastTransferNo(ctx)
	return offers, transfers, err
}

// A disk that does not take the note changes nothing: all is stopped, the status says how the server
// knows, and a confirmation waits until it can be kept.
func TestASetBackThatCannotBeKept(t *testing.T) {
	inBubble(t, func(w *world) {
		disk := &fullDisk{}
		w.wrap = func(s store.Store) store.Store { disk.Store = s; return disk }
		w.reboot()
		_, agents, offers := running(w, "ann", "bob")
		lost := offers[0]
		lost.Number += 1 << 33
		bytes := wire.AppendOffer(nil, lost)
		show := groupcast.Attach{Newest: bytes, NewestSignature: seal.SignOffer(w.key, bytes)}
		disk.full.Store(true)
		if _, err := w.AgentEvents(w.ctx, w.login("bob").p, show); groupcast.ErrorCode(err) != groupcast.EUnavailable {
			t.Errorf("attaching: %v", err)
		}
		if st := w.status(); st.SetBack != groupcast.SetBackDevice || !strings.Contains(st.Note, "bob/") {
			t.Errorf("status %+v", st)
		}
		if err := w.ConfirmMemberships(w.ctx, local); err == nil {
			t.Error("it was confirmed and the numbers were not moved")
		}
		if _, err := agents[0].ready(offers[0]); groupcast.ErrorCode(err) != groupcast.EUnconfirmed {
			t.Errorf("keys: %v", err)
		}
		disk.full.Store(false)
		w.must(w.ConfirmMemberships(w.ctx, local))
		time.Sleep(time.Minute)
		if o := agents[0].offers(); len(o) == 0 || o[len(o)-1].Number <= lost.Number {
			t.Errorf("after the confirmation: %+v", o)
		}
	})
}

// What a device shows moves nothing unless this server signed it, and nothing beyond its life.
func TestOffersThatProveNothing(t *testing.T) {
	inBubble(t, func(w *world) {
		_, agents, offers := running(w, "ann", "bob")
		genuine := offers[0]
		with := func(change func(*wire.Offer)) wire.Offer {
			o := genuine
			change(&o)
			return o
		}
		before, transfers, err := w.numbers(w.ctx)
		w.must(err)
		another := seal.NewSigningKey()
		for name, c := range map[string]struct {
			offer wire.Offer
			key   seal.SigningKey
		}{
			"its own of this life": {genuine, w.key},
			"forged":               {with(func(o *wire.Offer) { o.Number += 5 }), another},
			"of another server":    {with(func(o *wire.Offer) { o.Number += 5; o.Server[0]++ }), w.key},
			"beyond any life":      {with(func(o *wire.Offer) { o.Number = 1<<63 - 1 }), w.key},
			"past all numbers":     {with(func(o *wire.Offer) { o.Number = 1<<64 - 1 }), w.key},
			"floor beyond":         {with(func(o *wire.Offer) { o.Number += 5; o.Floor = 1<<64 - 1 }), w.key},
			"transfer beyond":      {with(func(o *wire.Offer) { o.Transfer = 1<<64 - 1 }), w.key},
		} {
			agents[0].shows(c.offer, c.key)
			if st := w.status(); st.Restored {
				t.Fatalf("%s: %+v", name, st)
			}
		}
		for _, say := range []groupcast.Attach{
			{Newest: []byte("x")},
			{Newest: make([]byte, 1<<20)},
			{NewestSignature: []byte("x")},
			{Newest: wire.AppendOffer(nil, with(func(o *wire.Offer) { o.Number += 5 }))},
			{Newest: wire.AppendOffer(nil, with(func(o *wire.Offer) { o.Number += 5 })), NewestSignature: seal.SignOffer(w.key, wire.AppendOffer(nil, genuine))},
		} {
			_, err := w.AgentEvents(w.ctx, agents[1].p, say)
			w.must(err)
		}
		after, now, err := w.numbers(w.ctx)
		w.must(err)
		if after > before+10 || now != transfers || w.status().Restored {
			t.Errorf("offer %d became %d, transfer %d %d", before, after, transfers, now)
		}
		log, err := auditOf(w.Audit(w.ctx, local, groupcast.AuditQuery{Action: "offer.forged"}))
		w.must(err)
		if len(log) != 1 {
			t.Errorf("who has the key besides was noted %d times", len(log))
		}
	})
}

// Two lives that begin from one copy number their offers apart: one of the lost life is known by
// its number, also long after this life counted past it.
func TestTheLostLifeIsKnownLater(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("lab")
		ann, bob := w.enrol("ann", "lab"), w.enrol("bob", "lab")
		w.stop()
		putBack := w.keep()
		w.boot()
		ann.attach()
		w.send("lab", nil)
		time.Sleep(time.Minute)
		lost := ann.offers()[0]
		w.stop()
		putBack()
		w.boot()
		bob.attach()
		last, _, err := w.numbers(w.ctx)
		w.must(err)
		for last <= lost.Number { // other starts, until it is behind
			w.reboot()
			last, _, err = w.numbers(w.ctx)
			w.must(err)
		}
		lost.Transfer = 0 // not by the transfer's number
		ann.shows(lost, w.key)
		if !w.status().Restored {
			t.Error("an offer of the lost life passes for one of this")
		}
		w.must(w.ConfirmMemberships(w.ctx, local))
		ann.shows(lost, w.key)
		if w.status().Restored {
			t.Error("it is asked twice about one loss")
		}
	})
}

// A witness beside the database, or where a home that is copied back does not reach, knows more
// than the database does.
func TestWitnesses(t *testing.T) {
	for name, c := range map[string]struct {
		outside, removal bool
	}{"the database alone, after a send": {}, "the whole home, after a removal": {outside: true, removal: true}} {
		t.Run(name, func(t *testing.T) {
			outside := filepath.Join(t.TempDir(), "run", "x.witness")
			inBubble(t, func(w *world) {
				w.witnesses = []string{filepath.Join(w.dir, "witness")}
				except := []string{"witness"}
				if c.outside {
					w.witnesses, except = append(w.witnesses, outside), nil
				}
				w.reboot()
				w.group("lab")
				ann, eve := w.enrol("ann", "lab"), w.enrol("eve", "lab")
				w.reboot()
				if w.status().Restored {
					t.Fatal("a start like any other is taken for a set-back")
				}
				w.stop()
				putBack := w.keep(except...)
				w.boot()
				if c.removal {
					w.must(w.RemoveMember(w.ctx, local, "lab", "eve"))
				} else {
					ann.attach()
					w.send("lab", nil)
					time.Sleep(time.Minute)
				}
				before, _, err := w.numbers(w.ctx)
				w.must(err)
				w.stop()
				putBack()
				w.boot()
				if st := w.status(); st.SetBack != groupcast.SetBackWitness {
					t.Fatalf("status %+v", st)
				}
				if after, _, err := w.numbers(w.ctx); err != nil || after <= before {
					t.Errorf("offer %d after %d, %v", after, before, err)
				}
				eve.attach()
				w.must(w.ConfirmMemberships(w.ctx, local))
				w.reboot()
				if w.status().Restored {
					t.Error("it is asked again after the confirmation")
				}
				w.must(os.WriteFile(w.witnesses[0], []byte("groupcast 0000"), 0o600)) // torn
				w.reboot()
				if w.status().Restored {
					t.Error("a torn witness is believed")
				}
			})
		})
	}
}

// A backup that is restored stays what it was called, whatever else says that it is old.
func TestARestoreIsCalledARestore(t *testing.T) {
	inBubble(t, func(w *world) {
		w.witnesses = []string{filepath.Join(t.TempDir(), "x.witness")}
		w.reboot()
		_, agents, offers := running(w, "ann", "bob")
		w.must(os.WriteFile(filepath.Join(w.dir, "ca.key"), []byte("the CA's key"), 0o600))
		r, err := w.Backup(w.ctx, local, groupcast.BackupOptions{})
		w.must(err)
		saved, err := io.ReadAll(r)
		w.must(err)
		w.must(r.Close())
		w.must(w.RemoveMember(w.ctx, local, "g", "bob"))
		lost := offers[0]
		lost.Number += 1 << 16
		w.stop()
		w.must(os.WriteFile(filepath.Join(w.dir, "restored"), nil, 0o600))
		_ = saved
		w.boot()
		agents[0].shows(lost, w.key)
		if st := w.status(); st.SetBack != groupcast.SetBackRestored {
			t.Errorf("status %+v", st)
		}
	})
}

// A device that was given newer offers says so; a stale answer to an offer that was overtaken on
// its way is none.
func TestOffersThatAreTooOldAreShown(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		ann := w.enrol("ann", "g").attach()
		bob := w.enrol("bob", "g").attach()
		tr := w.send("g", nil)
		o := ann.offered()
		bob.offered()
		say := func(session protocol.SessionID) groupcast.Delivery {
			t.Helper()
			_, err := w.Ready(w.ctx, ann.p, groupcast.Ready{Transfer: tr.No, Session: session, Refused: "newer ones came before", Kind: groupcast.RefusedOld})
			w.must(err)
			w.settle()
			all, err := rows(w.Deliveries(w.ctx, local, tr.No, groupcast.Window{}))
			w.must(err)
			return all[0]
		}
		if d := say(protocol.NewSessionID()); d.State == groupcast.DeliveryRefused {
			t.Errorf("a stale word counts: %+v", d)
		}
		if d := say(o.Session); d.State != groupcast.DeliveryRefused || d.Reason != "newer ones came before" {
			t.Errorf("it is not shown: %+v", d)
		}
	})
}
