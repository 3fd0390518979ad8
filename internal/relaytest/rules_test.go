package relaytest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/relay"
	"github.com/groupcast/groupcast/internal/relayproto"
)

// A relay that is ended at random instants goes on with what it has: what lay whole on its disk does not come again.
func TestARelayThatIsEndedAgainAndAgain(t *testing.T) {
	w := newWorld(t)
	w.write("a", 30*mb, 1)
	tr := w.send("a")
	b := w.box()
	code := w.invite("one")
	r := rand.New(rand.NewPCG(1, 2))
	for range 8 {
		b.start(code)
		if code != "" { // a code is used up by the first answer, wherever it goes
			w.await("one", "enrolled", func(groupcast.RelayReport) bool { return true })
		}
		code = ""
		time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
		b.stop()
	}
	b.start(code)
	if last := w.await("one", "after all", whole(tr.No)); last.Bytes < 30*mb {
		t.Errorf("%d bytes are here", last.Bytes)
	}
	b.stop()
	b.start("")
	again := w.await("one", "started anew", whole(tr.No))
	if again.Fetched > mb {
		t.Errorf("%d bytes came, though all of them lay there", again.Fetched)
	}
}

// A code works once, for one machine, and not with another server.
func TestCodesOfRelays(t *testing.T) {
	w := newWorld(t)
	code := w.invite("one")
	first := w.box()
	first.start(code)
	w.await("one", "enrolled", func(groupcast.RelayReport) bool { return true })
	second := w.box()
	if err := relay.Run(t.Context(), second.config(code)); groupcast.ErrorCode(err) != groupcast.EUnauthorized {
		t.Errorf("a code that was used: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(second.folder, "relay.json")); len(left) > 0 {
		t.Error("an identity is left of a relay that was refused")
	}
	if err := relay.Run(t.Context(), second.config("")); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("a machine that is no relay: %v", err)
	}
	first.stop()
	other := w.invite("two")
	if err := relay.Run(t.Context(), first.config(other)); groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("a machine that is a relay already: %v", err)
	}
	pinned, err := relayproto.ParseCode(other)
	w.must(err)
	pinned.Server[0]++
	if err := relay.Run(t.Context(), second.config(pinned.String())); err == nil {
		t.Error("a server with another fingerprint was believed")
	}
	second.start(other) // it was not used up by that
	w.await("two", "enrolled", func(groupcast.RelayReport) bool { return true })
	_, err = w.AddRelay(t.Context(), local, groupcast.NewRelay{Site: "depot", Name: "one"})
	if groupcast.ErrorCode(err) != groupcast.EConflict {
		t.Errorf("a name that is taken: %v", err)
	}
	for _, site := range []string{"here", "nowhere", ""} {
		if _, err := w.AddRelay(t.Context(), local, groupcast.NewRelay{Site: site, Name: "x"}); err == nil {
			t.Errorf("a relay of the site %q was added", site)
		}
	}
}

// A relay that is revoked gets nothing from then on, says so, and cannot be read without the server.
func TestARevokedRelay(t *testing.T) {
	w := newWorld(t)
	w.write("a", 3*mb, 1)
	tr := w.send("a")
	b := w.box()
	b.start(w.invite("one"))
	w.await("one", "fetched", whole(tr.No))
	w.must(w.RevokeRelay(t.Context(), local, "one"))
	select {
	case err := <-b.done:
		if groupcast.ErrorCode(err) != groupcast.EUnauthorized {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(soon):
		t.Fatal("it goes on")
	}
	b.cancel = nil
	content, err := os.ReadFile(filepath.Join(w.files, "a"))
	w.must(err)
	w.must(filepath.Walk(b.folder, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		lies, err := os.ReadFile(path)
		for at := 0; at+64 < len(content); at += 100_000 {
			if strings.Contains(string(lies), string(content[at:at+64])) {
				t.Errorf("%s can be read", path)
			}
		}
		return err
	}))
	if err := w.RevokeRelay(t.Context(), local, "one"); groupcast.ErrorCode(err) != groupcast.ENotFound {
		t.Errorf("revoked twice: %v", err)
	}
}

// token enrols a relay without running it.
func (w *world) token(name string) *apiclient.Client {
	w.Helper()
	code, err := relayproto.ParseCode(w.invite(name))
	w.must(err)
	in := groupcast.RelayEnrolment{Code: code.Token(), PublicKey: make([]byte, 32)}
	got, err := w.client("").EnrolRelay(w.Context(), in)
	w.must(err)
	return w.client(apiclient.Token(got.Token))
}

// Every call asks anew whether the relay may have the transfer; one that it may not have is as if it were not there.
func TestWhatARelayMayFetch(t *testing.T) {
	w := newWorld(t)
	w.write("a", 1*mb, 1)
	tr := w.send("a")
	c := w.token("one")
	calls := map[string]func() error{
		"skeleton": func() error { _, err := c.RelaySkeleton(t.Context(), tr.No); return err },
		"pages":    func() error { _, err := c.RelayPages(t.Context(), tr.No, 0); return err },
		"stream":   func() error { _, err := c.RelayStream(t.Context(), tr.No, 0, 1); return err },
	}
	ordered := func() int {
		t.Helper()
		orders, err := c.RenewRelay(t.Context(), groupcast.RelayReport{})
		w.must(err)
		w.must(relayproto.CheckOrders(orders))
		return len(orders.Transfers)
	}
	all := func(when string, want groupcast.Code, orders int) {
		t.Helper()
		for name, call := range calls {
			if err := call(); groupcast.ErrorCode(err) != want && (err != nil || want != "") {
				t.Errorf("%s, %s: %v", when, name, err)
			}
		}
		if n := ordered(); n != orders {
			t.Errorf("%s: %d transfers are ordered", when, n)
		}
	}
	time.Sleep(100 * time.Millisecond)
	end := time.Now().Add(soon)
	for calls["stream"]() != nil && time.Now().Before(end) {
		time.Sleep(20 * time.Millisecond) // its first page is not signed yet
	}
	all("granted and owed", "", 1)
	w.must(w.UngrantSite(t.Context(), local, "depot", "lab"))
	all("not granted", groupcast.ENotFound, 0)
	w.must(w.GrantSite(t.Context(), local, "depot", "lab"))
	w.must(w.store.MoveDevice(t.Context(), w.device.ID, protocol.SiteID{}, 1))
	all("owed in another site", groupcast.ENotFound, 0)
	w.must(w.store.MoveDevice(t.Context(), w.device.ID, protocol.SiteID{1}, 2))
	all("back", "", 1)
	if _, err := c.Me(t.Context()); groupcast.ErrorCode(err) != groupcast.EForbidden {
		t.Errorf("its token is more than a relay's: %v", err)
	}
	if _, err := c.RelayStream(t.Context(), tr.No, 1000, 1); groupcast.ErrorCode(err) != groupcast.EInvalid {
		t.Errorf("a block that there is not: %v", err)
	}
}

// A cache that is too small says so, and how much is needed; what else fits goes on.
func TestACacheThatIsTooSmall(t *testing.T) {
	w := newWorld(t)
	b := w.box()
	b.quota = 5 * mb
	b.start(w.invite("one"))
	w.write("a", 10*mb, 1)
	large := w.send("a")
	got := w.await("one", "a reason", func(r groupcast.RelayReport) bool {
		return len(r.Transfers) == 1 && r.Transfers[0].Problem != ""
	})
	says := got.Transfers[0].Problem
	if !strings.Contains(says, "too small") || !strings.Contains(b.words(), "too small") {
		t.Errorf("it says %q, and here %q", says, b.words())
	}
	if got.Bytes > b.quota {
		t.Errorf("%d bytes are in a cache of %d", got.Bytes, b.quota)
	}
	_, err := w.CancelTransfer(t.Context(), local, large.No)
	w.must(err)
	w.write("b", 2*mb, 2)
	small := w.send("b")
	w.await("one", "one that fits", whole(small.No))
}
