package server

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/delivery"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/zeebo/blake3"
)

// paging lets the server and those that attach as speaking(2) send and take paged transfers.
func (w *world) paging() {
	w.Helper()
	w.speaks = speaking(2)
	w.reboot()
	w.newPaged = func(p delivery.PagedSession) (delivery.Session, error) {
		return w.made.Add(deliverytest.NewPaged(p.Key, p.Terms, p.OnEvent)), nil
	}
}

func speaking(wire int) groupcast.Speaks {
	s := groupcast.Spoken()
	s.Wire.Most = wire
	return s
}

func (a *agent) attachAs(speaks groupcast.Speaks) *agent {
	a.w.Helper()
	var err error
	a.stream, err = a.w.AgentEvents(a.w.ctx, a.p, groupcast.Attach{Speaks: speaks})
	a.w.must(err)
	synctest.Wait()
	return a
}

// pagedOffers gives the offers of format 2 in what the stream holds now.
func (a *agent) pagedOffers() (out []format2.Offer) {
	a.w.Helper()
	synctest.Wait()
	for _, e := range waiting(a.stream.Next) {
		if e.Kind == groupcast.AgentOffer {
			o, err := seal.VerifyOffer2(a.w.key.Public(), e.Offer.Offer, e.Offer.Signature)
			a.w.must(err)
			out = append(out, o)
		}
	}
	return out
}

// verified signs that a device has all of a paged transfer.
func (a *agent) verified(o format2.Offer, root protocol.Digest, void int) error {
	a.w.Helper()
	a.number++
	r := groupcast.Receipt{
		Transfer: o.Transfer, Root: root, Outcome: groupcast.DeliveryVerified, Path: groupcast.PathMulticast, Bytes: o.Bytes,
		Tally: groupcast.Tally{Entries: int(o.Entries), Void: void}, Sequence: a.number,
		Version: groupcast.ReceiptVersionPaged, List: groupcast.EntriesDigest(nil),
		Paged: &groupcast.PagedReceipt{TransferID: o.TransferID, Skeleton: o.Skeleton, Edition: o.Edition},
	}
	_, signature, err := seal.SignReceipt2(a.key, format2.Receipt{
		Server: o.Server, Group: o.Group, Transfer: o.Transfer, TransferID: o.TransferID, Skeleton: o.Skeleton,
		Edition: o.Edition, Root: root, Device: a.p.Device.ID, Sequence: r.Sequence, Outcome: format2.OutcomeVerified,
		Path: format2.PathMulticast, Entries: o.Entries, Void: uint32(void), Bytes: r.Bytes,
		Reason: groupcast.ReasonDigest(""), List: r.List,
	})
	a.w.must(err)
	r.Signature = signature
	return a.hand(r)
}

// give writes files of these names into a folder, and adds a transfer of it to group g.
func (w *world) give(dir string, names ...string) groupcast.Transfer {
	w.Helper()
	for _, name := range names {
		at := filepath.Join(dir, name)
		w.must(os.MkdirAll(filepath.Dir(at), 0o755))
		w.must(os.WriteFile(at, []byte("this is "+name), 0o644))
	}
	tr, err := w.AddTransfer(w.ctx, local, groupcast.NewTransfer{Group: "g", Paths: []string{dir}, Now: true})
	w.must(err)
	w.settle()
	tr, err = w.Transfer(w.ctx, local, tr.No)
	w.must(err)
	return tr
}

// A transfer is paged if all can take it, from its listing to the last receipt; what was sent before is of mode delta.
func TestWhichTransfersArePaged(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(w *world) {
		w.paging()
		w.group("g")
		ann, bob := w.enrol("ann", "g"), w.enrol("bob", "g")
		unseen := w.give(filepath.Join(dir, "unseen"), "x")
		if unseen.FileHash != groupcast.SHA256 {
			t.Errorf("to those who never were there: %s", unseen.FileHash)
		}
		_, err := w.CancelTransfer(w.ctx, local, unseen.No)
		w.must(err)
		ann.attachAs(speaking(2))
		bob.attachAs(speaking(2))
		ann.offers()
		bob.offers()
		tr := w.give(filepath.Join(dir, "course"), "a", "b/c", "d")
		if tr.FileHash != groupcast.BLAKE3 || tr.Hashing != nil || tr.Root == (protocol.Digest{}) || tr.Files != 3 {
			t.Fatalf("%s, hashed %+v, root %s, %d files", tr.FileHash, tr.Hashing, tr.Root, tr.Files)
		}
		for _, a := range []*agent{ann, bob} {
			var o format2.Offer
			for _, o = range a.pagedOffers() {
				if o.Transfer != tr.No || o.Edition != 1 || o.Blocks == 0 {
					t.Fatalf("%+v", o)
				}
			}
			w.must(a.verified(o, tr.Root, 0))
		}
		if tr, _ = w.Transfer(w.ctx, local, tr.No); tr.State != groupcast.TransferDone || tr.Verified != 2 {
			t.Errorf("%s, verified by %d", tr.State, tr.Verified)
		}
		if again := w.give(filepath.Join(dir, "course")); again.FileHash != groupcast.BLAKE3 {
			t.Errorf("what was sent before: %s", again.FileHash)
		}
		for _, o := range bob.pagedOffers() {
			if staged := format2.OfferStaged | format2.OfferDelta; o.Flags&staged != staged {
				t.Errorf("what was sent before is offered with flags %b", o.Flags)
			}
		}
		if other := w.give(filepath.Join(dir, "other"), "a"); other.FileHash != groupcast.BLAKE3 {
			t.Errorf("another folder: %s", other.FileHash)
		}
		bob.stream.Close()
		bob.attachAs(speaking(1))
		if old := w.give(filepath.Join(dir, "third"), "a"); old.FileHash != groupcast.SHA256 {
			t.Errorf("with an old receiver: %s", old.FileHash)
		}
		bob.stream.Close()
		w.settle()
		if away := w.give(filepath.Join(dir, "fourth"), "a"); away.FileHash != groupcast.SHA256 {
			t.Errorf("with an old receiver that is away: %s", away.FileHash)
		}
	})
}

// newest gives the newest offer of a paged transfer that the agent was given since the last call.
func (a *agent) newest() (o format2.Offer) {
	a.w.Helper()
	all := a.pagedOffers()
	if len(all) == 0 {
		a.w.Fatalf("%s was offered nothing", a.p.User.Name)
	}
	return all[len(all)-1]
}

// A file that changes after its digests were signed makes a further edition, in which it is named and the others
// arrive; a retry takes it as it is then.
func TestAFileThatChangesAfterItsPage(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(w *world) {
		tr, both, first := w.changesAfterItsPage(dir)
		for _, a := range both {
			o := a.newest()
			if o.Edition != 2 || o.Skeleton != first.Skeleton {
				t.Errorf("edition %d", o.Edition)
			}
			w.must(a.verified(o, tr.Root, 1))
		}
		if tr = w.shown(tr.No); tr.State != groupcast.TransferDone || tr.Incomplete != 2 {
			t.Fatalf("%s, incomplete at %d", tr.State, tr.Incomplete)
		}
		_, err := w.RetryTransfer(w.ctx, local, tr.No)
		w.must(err)
		time.Sleep(time.Second)
		tr = w.shown(tr.No)
		if tr.Lost != 0 || tr.Bytes != uint64(len("this is a")+len("another one")) || !tr.State.Open() {
			t.Errorf("%d lost, %d bytes, %s", tr.Lost, tr.Bytes, tr.State)
		}
		for _, a := range both {
			o := a.newest()
			if o.Edition != 3 || o.Skeleton == first.Skeleton {
				t.Errorf("edition %d", o.Edition)
			}
			w.must(a.verified(o, tr.Root, 0))
		}
		if tr = w.shown(tr.No); tr.State != groupcast.TransferDone || tr.Verified != 2 {
			t.Errorf("%s, verified by %d", tr.State, tr.Verified)
		}
		files, err := w.Files(w.ctx, local, tr.No, groupcast.Window{}) // after its content went
		w.must(err)
		want := blake3.Sum256([]byte("another one"))
		if n := len(files.Rows); n < 2 || files.Rows[n-1].Hash != groupcast.BLAKE3 || files.Rows[n-1].Digest != want {
			t.Errorf("%+v", files.Rows)
		}
		found, err := w.SentFiles(w.ctx, local, groupcast.SentFileQuery{Name: "z"})
		w.must(err)
		if len(found.Rows) != 1 || found.Rows[0].Hash != groupcast.BLAKE3 || found.Rows[0].Digest != want {
			t.Errorf("%+v", found.Rows)
		}
	})
}

// changesAfterItsPage sends files a and z to two agents, and lets z become another one once it is hashed.
func (w *world) changesAfterItsPage(dir string) (groupcast.Transfer, []*agent, format2.Offer) {
	w.Helper()
	w.paging()
	w.group("g")
	ann, bob := w.enrol("ann", "g").attachAs(speaking(2)), w.enrol("bob", "g").attachAs(speaking(2))
	w.must(os.WriteFile(filepath.Join(dir, "z"), bytes.Repeat([]byte("z"), 3<<20), 0o644))
	tr := w.give(dir, "a")
	first := ann.newest()
	bob.newest()
	w.must(os.WriteFile(filepath.Join(dir, "z"), []byte("another one"), 0o644))
	r, err := w.Stream(w.ctx, ann.p, tr.No, protocol.Range{First: protocol.BlockNumber(tr.Blocks - 1), Count: 1})
	if err == nil {
		_, err = io.Copy(io.Discard, r)
		w.must(r.Close())
	}
	if err == nil {
		w.Fatal("a block was given that is not what its page says")
	}
	time.Sleep(time.Second)
	tr = w.shown(tr.No)
	if tr.Lost != 1 || tr.Hashing != nil || !tr.State.Open() {
		w.Fatalf("%d lost, hashed %+v, %s: %s", tr.Lost, tr.Hashing, tr.State, tr.Reason)
	}
	left, err := w.LeftOut(w.ctx, local, tr.No, groupcast.Window{})
	w.must(err)
	if len(left.Entries) != 1 || filepath.Base(left.Entries[0].Path) != "z" ||
		left.Entries[0].Why != groupcast.WhyChanged {
		w.Errorf("%+v", left.Entries)
	}
	return tr, []*agent{ann, bob}, first
}

// shown is a transfer as it stands.
func (w *world) shown(no protocol.TransferNo) groupcast.Transfer {
	w.Helper()
	w.settle()
	tr, err := w.Transfer(w.ctx, local, no)
	w.must(err)
	return tr
}

// A server that is started anew goes on, and proves in the end what was delivered.
func TestAPagedTransferOverARestart(t *testing.T) {
	dir := t.TempDir()
	inBubble(t, func(w *world) {
		w.paging()
		w.group("g")
		ann := w.enrol("ann", "g").attachAs(speaking(2))
		tr := w.give(dir, "a", "b")
		ann.stream.Close()
		w.paging()
		ann.attachAs(speaking(2))
		time.Sleep(time.Minute)
		o := ann.newest()
		if got := w.shown(tr.No); o.Edition != 1 || got.Root != tr.Root || got.Hashing != nil {
			t.Fatalf("edition %d, root %s after %s", o.Edition, got.Root, tr.Root)
		}
		w.must(ann.verified(o, tr.Root, 0))
		if got := w.shown(tr.No); got.State != groupcast.TransferDone {
			t.Error(got.State)
		}
		p, err := w.TransferProof(w.ctx, local, tr.No)
		w.must(err)
		if len(p.Receipts) != 1 || len(p.Offer.Page) == 0 {
			t.Errorf("%d receipts, a final page of %d bytes", len(p.Receipts), len(p.Offer.Page))
		}
	})
}
