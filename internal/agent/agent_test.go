package agent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receiver"
)

func TestTwoGetItByMulticast(t *testing.T) {
	w := newWorld(t)
	a, b := w.enrol("anna", true), w.enrol("bert", true)
	a.cfg.Drop, b.cfg.Drop = receiver.Loss(5, 1), receiver.Loss(5, 2)
	a.run()
	b.run()
	name, data, sent := w.byMulticast(3<<20, a, b)
	for _, d := range []*device{a, b} {
		if !d.has(name, data) {
			t.Errorf("%s does not have the file", d.name)
		}
		w.await(d.name+" to say so", func() bool { return d.count("done") == sent })
		if l := d.said("done"); l.Outcome != groupcast.DeliveryVerified || !strings.Contains(l.Text, "verified in") {
			t.Errorf("%s said %+v", d.name, l)
		}
		inbox, err := d.cfg.Ledger.Inbox(t.Context(), "", 0)
		if err != nil || len(inbox) != sent ||
			!slices.ContainsFunc(inbox, func(e ledger.Entry) bool { return e.Path == name && e.Size == 3<<20 }) {
			t.Errorf("%s: inbox %+v, %v", d.name, inbox, err)
		}
		w.await("the receipts to be acknowledged", func() bool {
			left, err := d.cfg.Ledger.Receipts(t.Context(), w.authority.ID())
			return err == nil && len(left) == 0
		})
		if err := d.end(); err != nil {
			t.Errorf("%s ended with %v", d.name, err)
		}
	}
}

// byMulticast sends a file until all devices got one by multicast alone, and says how many that
// took. A machine that stands still for two seconds is rightly served over HTTPS: three times in
// a row it does not.
func (w *world) byMulticast(size int, devices ...*device) (name string, data []byte, sent int) {
	w.t.Helper()
	for {
		sent++
		name = fmt.Sprintf("image%d.bin", sent)
		var path string
		path, data = w.file(name, size)
		tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
		missed := slices.IndexFunc(devices, func(d *device) bool {
			return w.until(tr, d.name, groupcast.DeliveryVerified).Path != groupcast.PathMulticast
		})
		if missed < 0 {
			return name, data, sent
		}
		if sent == 3 {
			w.t.Fatalf("%s was served over HTTPS three times", devices[missed].name)
		}
		for _, d := range devices {
			w.until(tr, d.name, groupcast.DeliveryVerified)
		}
	}
}

// A device that multicast does not reach gets everything over HTTPS and says why; the other
// one does not wait for it.
func TestWithoutMulticast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.enrol("anna", true), w.enrol("deaf", true)
	b.cfg.Drop = func(protocol.PacketNumber) bool { return true }
	a.run()
	b.run()
	path, data := w.file("image.bin", 2<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Via: groupcast.ViaMulticast})
	w.until(tr, "anna", groupcast.DeliveryVerified)
	got := w.until(tr, "deaf", groupcast.DeliveryVerified)
	if got.Path != groupcast.PathHTTPS || !b.has("image.bin", data) || !a.has("image.bin", data) {
		t.Errorf("deaf got it by %s (%s)", got.Path, got.Reason)
	}
}

// The room on a receiver's disk is known from the moment it connects.
func TestTheServerKnowsTheRoomThereIs(t *testing.T) {
	w := newWorld(t)
	w.enrol("anna", true).run()
	w.await("the free space to be known", func() bool {
		devices, err := rows(w.server.Devices(t.Context(), local, groupcast.DeviceFilter{User: "anna"}, groupcast.Window{}))
		check(t, err)
		return len(devices) == 1 && devices[0].FreeBytes > 0
	})
}

// One that comes in the middle takes part in the running session and has everything.
func TestLateJoin(t *testing.T) {
	w := newWorld(t)
	a, b, late := w.enrol("anna", true), w.enrol("bert", true), w.enrol("late", true)
	a.run()
	b.run()
	path, data := w.file("image.bin", 4<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 30_000_000})
	w.await("the session to be under way", func() bool { return w.delivery(tr, "anna").Blocks > 3 })
	late.run()
	w.until(tr, "late", groupcast.DeliveryVerified)
	if !late.has("image.bin", data) {
		t.Error("the late one does not have the file")
	}
}

// What is delivered waits for the membership: approved in mid-air, the device takes part at once.
func TestNewGroupAtOnce(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", false).run()
	path, _ := w.file("first.bin", 1000)
	w.send(groupcast.NewTransfer{Paths: []string{path}}) // promised to those who come
	_, err := w.server.AddMember(t.Context(), local, w.group, "anna")
	check(t, err)
	w.await("the group", func() bool { return a.said("group").Group == w.group })
	path, data := w.file("second.bin", 1000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("second.bin", data) {
		t.Error("the file is not there")
	}
}

// K2 as the agents see it: the removed one gets nothing more, the others keep what they had
// verified and go on with the new key.
func TestRemovedInMidTransfer(t *testing.T) {
	w := newWorld(t)
	a, b, gone := w.enrol("anna", true), w.enrol("bert", true), w.enrol("gone", true)
	for _, d := range []*device{a, b, gone} {
		d.run()
	}
	path, data := w.file("image.bin", 5<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 20_000_000})
	w.await("the session to be under way", func() bool { return w.delivery(tr, "gone").Blocks > 3 })
	check(t, w.server.RemoveMember(t.Context(), local, w.group, "gone"))
	w.until(tr, "anna", groupcast.DeliveryVerified)
	w.until(tr, "bert", groupcast.DeliveryVerified)
	if !a.has("image.bin", data) || !b.has("image.bin", data) {
		t.Error("those who stayed do not have the file")
	}
	if _, err := os.Stat(filepath.Join(gone.cfg.Dir, w.group, "image.bin")); err == nil {
		t.Error("the removed one has the file")
	}
	after, err := w.server.Transfer(t.Context(), local, tr.No)
	if check(t, err); after.WireBytes > 8<<20 {
		t.Errorf("%d bytes on the wire: verified blocks were sent again", after.WireBytes)
	}
	w.await("the group to be left", func() bool { return strings.Contains(gone.said("group").Text, "no longer") })
}

// The server goes away in mid-transfer and comes back: agents reconnect, what they verified is
// not sent again.
func TestServerComesBack(t *testing.T) {
	w := newWorld(t)
	a, b := w.enrol("anna", true).run(), w.enrol("bert", true).run()
	path, data := w.file("image.bin", 5<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 20_000_000})
	w.await("the session to be under way", func() bool { return w.delivery(tr, "anna").Blocks > 3 })
	w.stop()
	w.start(w.address)
	w.until(tr, "anna", groupcast.DeliveryVerified)
	w.until(tr, "bert", groupcast.DeliveryVerified)
	if !a.has("image.bin", data) || !b.has("image.bin", data) {
		t.Error("the file is not there")
	}
	// A receipt may get through before the event stream is up again.
	w.await("the agent to say that the server was away",
		func() bool { return a.count("lost") > 0 && a.count("connected") > 1 })
}

// Restarted in mid-transfer, an agent goes on from its journal.
func TestAgentComesBack(t *testing.T) {
	w := newWorld(t)
	w.enrol("bert", true).run()
	a := w.enrol("anna", true).run()
	path, data := w.file("image.bin", 5<<20)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true, Rate: 20_000_000})
	w.await("the session to be under way", func() bool { return w.delivery(tr, "anna").Blocks > 3 })
	check(t, a.end())
	a.run()
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("image.bin", data) {
		t.Error("the file is not there")
	}
}

func TestOnceEndsAfterOne(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true)
	a.cfg.Once = true
	a.run()
	path, data := w.file("one.bin", 5000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	if err := a.wait(); err != nil || !a.has("one.bin", data) {
		t.Errorf("ended with %v", err)
	}
	w.until(tr, "anna", groupcast.DeliveryVerified)
}

// What is there already is not fetched, and a newer file is not overwritten by an older one.
func TestAlreadyHadAndSuperseded(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true).run()
	path, data := w.file("same.bin", 300_000)
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "anna", groupcast.DeliveryVerified)
	again := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	w.await("the second one to be over", func() bool { return !w.delivery(again, "anna").State.Owed() })
	if got := w.delivery(again, "anna"); got.State != groupcast.DeliveryAlreadyHad &&
		got.State != groupcast.DeliveryVerified {
		t.Errorf("%s (%s)", got.State, got.Reason)
	}

	more, _ := w.file("more.bin", 10) // with it no transfer of the other file alone takes its place
	old := w.send(groupcast.NewTransfer{Paths: []string{path, more}, Hold: true})
	check(t, os.WriteFile(path, append(data, "newer"...), 0o644))
	w.until(w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true}), "anna", groupcast.DeliveryVerified)
	check(t, os.WriteFile(path, data, 0o644))
	_, err := w.server.SendTransfer(t.Context(), local, old.No)
	check(t, err)
	w.await("the old one to be over", func() bool {
		tr, err := w.server.Transfer(t.Context(), local, old.No)
		return err == nil && !tr.State.Open()
	})
	if !a.has("same.bin", append(data, "newer"...)) {
		t.Error("an older transfer overwrote a newer file")
	}
}

func TestTooLargeIsRefusedInWords(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true)
	a.cfg.MaxSize = 1000
	a.run()
	path, _ := w.file("big.bin", 2000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	got := w.until(tr, "anna", groupcast.DeliveryRefused)
	w.await("the agent to say so", func() bool { return a.count("refused") > 0 })
	if got.Reason == "" || a.said("refused").Text == "" {
		t.Errorf("refused without words: %+v", got)
	}
	if _, err := os.Stat(filepath.Join(a.cfg.Dir, w.group, "big.bin")); err == nil {
		t.Error("it is there all the same")
	}
}

// What the server says against a login may pass: the receiver stays, says it once, and is back
// when it is let in again.
func TestAReceiverOutlivesRefusals(t *testing.T) {
	w := newWorld(t)
	a, b := w.enrol("anna", true).run(), w.enrol("bert", true).run()
	path, data := w.file("image.bin", 3000)
	yes, no := true, false
	_, err := w.server.UpdateUser(t.Context(), local, "anna", groupcast.UserChange{Disabled: &yes})
	check(t, err)
	check(t, w.server.RevokeDevice(t.Context(), local, b.in.Device.ID))
	for _, d := range []*device{a, b} {
		w.await(d.name+" to say that it is turned away",
			func() bool { return strings.Contains(d.said("lost").Text, "tries again") })
	}
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	_, err = w.server.UpdateUser(t.Context(), local, "anna", groupcast.UserChange{Disabled: &no})
	check(t, err)
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("image.bin", data) || b.count("lost") != 1 {
		b.mu.Lock()
		t.Errorf("anna has the file: %v; bert said %+v", a.has("image.bin", data), b.lines)
		b.mu.Unlock()
	}
	select {
	case <-b.over:
		t.Errorf("bert's receiver ended with %v", b.err)
	default:
	}
}

// A machine that is logged out has nothing to wait for, nor has somebody at a screen.
func TestWhatEndsAReceiver(t *testing.T) {
	w := newWorld(t)
	a, b, c := w.enrol("anna", true), w.enrol("bert", true), w.enrol("cleo", true)
	var out atomic.Bool
	a.cfg.LoggedIn = func() bool { return !out.Load() }
	a.run()
	out.Store(true)
	for _, d := range []*device{a, b, c} {
		check(t, w.server.RevokeDevice(t.Context(), local, d.in.Device.ID))
	}
	b.cfg.GiveUp, c.cfg.Once = true, true
	b.launch()
	c.launch()
	for _, d := range []*device{a, b, c} {
		if err := d.wait(); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Errorf("%s ended with %v", d.name, err)
		}
	}
}

// A receipt is kept whatever is said against it, until the server took it or calls it closed.
func TestAReceiptOutlivesRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var answer atomic.Pointer[groupcast.Error]
	var asked atomic.Int32
	w.receipt = func() error {
		asked.Add(1)
		if e := answer.Load(); e != nil {
			return e
		}
		return nil
	}
	a := w.enrol("anna", true).run()
	for i, code := range []groupcast.Code{
		groupcast.EInvalid, groupcast.ENotFound, groupcast.EConflict, groupcast.EForbidden,
	} {
		answer.Store(groupcast.Errorf(code, "not now"))
		path, _ := w.file(fmt.Sprint(i, ".bin"), 1000)
		tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
		before := asked.Load()
		w.await("the receipt to be refused", func() bool { return asked.Load() > before })
		w.await("the receiver to be done with it", func() bool { return a.count("done") > i })
		if left, err := a.cfg.Ledger.Receipts(t.Context(), w.authority.ID()); err != nil || len(left) != 1 {
			t.Errorf("after %s %d receipts are kept, %v", code, len(left), err)
		}
		answer.Store(nil)
		w.until(tr, "anna", groupcast.DeliveryVerified)
		w.await("the receipt to be forgotten", func() bool {
			left, err := a.cfg.Ledger.Receipts(t.Context(), w.authority.ID())
			return err == nil && len(left) == 0
		})
	}
	answer.Store(groupcast.Errorf(groupcast.EClosed, "it is over"))
	path, _ := w.file("closed.bin", 1000)
	w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	before := asked.Load()
	w.await("the receipt to be called closed", func() bool {
		left, err := a.cfg.Ledger.Receipts(t.Context(), w.authority.ID())
		return asked.Load() > before && err == nil && len(left) == 0
	})
}

// A second process with the same login is told that another one lives; the first goes on.
func TestASecondAgentIsToldWhileTheFirstLives(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true)
	twin := &device{w: w, name: "twin", cfg: a.cfg, in: a.in}
	twin.cfg.Say = twin.hear
	a.run()
	twin.launch()
	if err := twin.wait(); groupcast.ErrorCode(err) != groupcast.ECopied {
		t.Errorf("the second ended with %v", err)
	}
	select {
	case <-a.over:
		t.Errorf("the first ended, too: %v", a.err)
	default:
	}
	page, err := w.server.Devices(t.Context(), local, groupcast.DeviceFilter{}, groupcast.Window{})
	check(t, err)
	if page.Rows[0].Machines != 2 {
		t.Errorf("the login is used by %d machines", page.Rows[0].Machines)
	}
}

// C1: an agent whose pin is another server's sends nothing and says so.
func TestAnotherServerIsRefused(t *testing.T) {
	w, other := newWorld(t), newWorld(t)
	a := w.enrol("anna", true)
	a.cfg.Client = other.enrol("anna", false).cfg.Client
	a.cfg.VerifySigning = w.enrol("bert", false).cfg.VerifySigning
	a.cfg.Seen = nil
	a.launch()
	w.await("a warning", func() bool { return a.count("warning") > 0 })
	if text := a.said("warning").Text; !strings.Contains(text, "signing key") {
		t.Errorf("said %q", text)
	}
}

// An offer that a device cannot read is answered at once, in words.
func TestAnOfferOfAnotherVersionIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.newer = true
	a := w.enrol("anna", true).run()
	path, _ := w.file("one.bin", 1000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	got := w.until(tr, "anna", groupcast.DeliveryRefused)
	if !strings.Contains(got.Reason, "install") || a.count("done") > 0 {
		t.Errorf("refused with %q", got.Reason)
	}
}

// A receiver whose version does not fit says so and stays; it gets what it is owed from the next
// server that fits.
func TestAServerOfAnotherVersionIsWaitedFor(t *testing.T) {
	w := newWorld(t)
	a := w.enrol("anna", true)
	w.speaks = &groupcast.Speaks{
		Program: "9.0.0", Control: groupcast.Versions{Least: 8, Most: 9}, Wire: groupcast.Versions{Least: 1, Most: 1},
	}
	a.launch()
	w.await("anna to say it",
		func() bool { return strings.Contains(a.said("warning").Text, "install groupcast 9.0.0 here") })
	path, data := w.file("one.bin", 1000)
	tr := w.send(groupcast.NewTransfer{Paths: []string{path}, Now: true})
	w.until(tr, "anna", groupcast.DeliveryRefused)
	address := w.address
	w.stop()
	w.speaks = nil
	w.start(address)
	w.until(tr, "anna", groupcast.DeliveryVerified)
	if !a.has("one.bin", data) || a.count("warning") != 1 {
		t.Errorf("the file is there: %v; warned %d times", a.has("one.bin", data), a.count("warning"))
	}
}
