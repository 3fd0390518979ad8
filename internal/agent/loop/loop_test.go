package loop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lab   = groupcast.AgentGroup{ID: protocol.GroupID{1}, Name: "lab", Address: "239.1.1.1:7441"}
)

// kept is what a device keeps, in memory.
type kept struct {
	receipts []protocol.TransferNo
	newest   map[protocol.TransferNo]protocol.OfferNo
	admit    error // of every offer, if it is set
	read     error
}

func (k *kept) Read(o groupcast.Offered) (wire.Offer, error) {
	if k.read != nil {
		return wire.Offer{}, k.read
	}
	return wire.ParseOffer(o.Offer)
}

func (k *kept) Admit(offer wire.Offer, _ groupcast.Offered) error {
	switch {
	case k.admit != nil:
		return k.admit
	case offer.Number < k.newest[offer.Transfer]:
		return errors.New("older than one that was taken")
	}
	k.newest[offer.Transfer] = offer.Number
	return nil
}

func (k *kept) KeepReceipt(offer wire.Offer, _ Outcome) (bool, error) {
	if !slices.Contains(k.receipts, offer.Transfer) {
		k.receipts = append(k.receipts, offer.Transfer)
		slices.Sort(k.receipts)
	}
	return true, nil
}

func (k *kept) Receipts() ([]protocol.TransferNo, error) { return slices.Clone(k.receipts), nil }

func (k *kept) drop(no protocol.TransferNo) {
	k.receipts = slices.DeleteFunc(k.receipts, func(n protocol.TransferNo) bool { return n == no })
}

// bench is a loop with what it works on, at a time.
type bench struct {
	*Loop
	t    *testing.T
	kept *kept
	now  time.Time
}

// half draws the middle of what may be drawn.
func half(n time.Duration) time.Duration { return n / 2 }

func fresh(t *testing.T) *bench {
	k := &kept{newest: map[protocol.TransferNo]protocol.OfferNo{}}
	return &bench{Loop: New(Config{Records: k, Speaks: groupcast.Spoken(), Random: half}), t: t, kept: k, now: start}
}

// connected is one that is in the group lab and has nothing to do.
func connected(t *testing.T) *bench {
	b := fresh(t)
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(groupcast.Spoken())})
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}})
	b.Joined(lab.ID)
	b.Space(b.now, 1000)
	b.Next(b.now)
	b.Take()
	return b
}

func ptr[T any](v T) *T { return &v }

// state answers the reading that is under way.
func (b *bench) state(s groupcast.AgentState) {
	s.Now = b.now
	b.State(b.now, b.reading.number, s)
}

func offered(no protocol.TransferNo, number protocol.OfferNo) groupcast.Offered {
	return groupcast.Offered{Transfer: no, Group: "lab", Offer: wire.AppendOffer(nil, wire.Offer{
		Transfer: no, Number: number, Group: lab.ID, Session: protocol.SessionID{byte(number)}, ManifestBytes: 300, ManifestBlocks: 1,
		TotalBytes: 1000, Files: 1, Blocks: 1, SymbolSize: protocol.DefaultSymbol, MaxK: 164,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
	})}
}

func (b *bench) offer(no protocol.TransferNo, number protocol.OfferNo) {
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: ptr(offered(no, number))})
}

func verified() Outcome { return Outcome{State: groupcast.DeliveryVerified, Files: 1, Bytes: 1000} }

// names says what is wanted, in short; what is said to people only by its kind.
func names(all []Action) (out []string) {
	for _, a := range all {
		name := strings.TrimPrefix(fmt.Sprintf("%T", a), "loop.")
		switch a := a.(type) {
		case Say:
			name += " " + a.Line.Kind
		case Begin:
			name += fmt.Sprint(" ", a.Offer.Transfer, ".", a.Offer.Number)
		case Stop:
			name += fmt.Sprint(" ", a.Transfer)
		case SendReceipt:
			name += fmt.Sprint(" ", a.Transfer)
		case Refuse:
			name += fmt.Sprint(" ", a.Transfer, " ", a.Kind)
		case Resume:
			name += fmt.Sprint(" ", a.Transfer)
		case Look:
			name += fmt.Sprint(" ", a.Offer.Transfer)
		}
		out = append(out, name)
	}
	return out
}

// wants compares what is to be done.
func (b *bench) wants(what string, want ...string) {
	b.t.Helper()
	if got := names(b.Take()); !slices.Equal(got, want) {
		b.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestOneWorksOnATransferAtATime(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.wants("an offer", "Begin 1.5")
	b.offer(1, 5)
	b.wants("the same again")
	b.offer(1, 6)
	b.wants("a newer one", "Stop 1")
	b.offer(2, 7)
	b.wants("of another transfer", "Begin 2.7")
	b.Ended(b.now, 1, Outcome{})
	b.wants("the first has ended", "Begin 1.6")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 1, Session: ptr(protocol.SessionID{5})})
	b.wants("an earlier session has ended")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 1, Session: ptr(protocol.SessionID{6})})
	b.wants("this session has ended", "Stop 1")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 2, Over: true})
	b.wants("nothing is owed any more", "Stop 2")
	b.Ended(b.now, 2, Outcome{})
	b.wants("what is half received goes", "Sweep")
}

func TestNoMoreThanSoManyAreWorkedOn(t *testing.T) {
	b := connected(t)
	for no := range protocol.TransferNo(maxTransfers + 3) {
		b.offer(no+1, protocol.OfferNo(no+1))
	}
	if n := len(b.Take()); n != maxTransfers {
		t.Errorf("%d are begun", n)
	}
}

// What an offer is answered that this device does not take.
func TestOffersThatAreNotTaken(t *testing.T) {
	gate := NotAdmitted{errors.New("a codec of tomorrow")}
	for name, c := range map[string]struct {
		before func(*bench)
		want   []string
	}{
		"unreadable":        {func(b *bench) { b.kept.read = errors.New("no") }, []string{"Refuse 1 unreadable", "Say refused"}},
		"no key yet":        {func(b *bench) { b.kept.read = ErrNoKey }, nil},
		"not of this world": {func(b *bench) { b.kept.admit = gate }, []string{"Refuse 1 version"}},
		"the disk fails":    {func(b *bench) { b.kept.admit = errors.New("disk") }, nil},
		"set back": {func(b *bench) { b.kept.admit = NotAdmitted{fmt.Errorf("x: %w", recv.ErrOld)} },
			[]string{"Refuse 1 " + groupcast.RefusedOld, "Say warning"}},
		"another group": {func(b *bench) { delete(b.groups, lab.ID) }, []string{"ReadState"}},
		"another version": {func(b *bench) {
			b.judge(&groupcast.Speaks{Program: "9", Control: groupcast.Versions{Least: 8, Most: 9}, Wire: groupcast.Versions{Least: 1, Most: 1}})
			b.Take()
		}, []string{"Refuse 1 version"}},
		"a list that cannot be accepted": {func(b *bench) {
			b.offer(1, 4)
			b.Ended(b.now, 1, Outcome{State: groupcast.DeliveryRefused, Kind: groupcast.RefusedManifest + "entry", Reason: "no"})
			b.Take()
		}, []string{"Refuse 1 manifest-entry"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			c.before(b)
			b.offer(1, 5)
			b.wants("the offer", c.want...)
		})
	}
}

// A state says how things stood when it was read. What was heard while it was on its way is newer.
func TestAStateDoesNotUndoWhatCameAfterIt(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.offer(2, 6)
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	b.wants("a hint", "Begin 1.5", "Begin 2.6", "ReadState")
	b.offer(3, 7)                                                                           // newer than the state, which does not have it
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 4, Over: true}) // and this one it still has
	b.Ended(b.now, 2, verified())
	b.wants("meanwhile", "Begin 3.7", "Sweep", "SendReceipt 2", "Say done")
	b.kept.drop(2)
	b.ReceiptSent(b.now, 2, Over)
	b.state(groupcast.AgentState{
		Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(2, 6), offered(4, 4), offered(5, 8)},
		OwedComplete: true, Owed: []protocol.TransferNo{2, 4, 5},
	})
	b.wants("the state", "Begin 5.8", "Stop 1", "Forget", "Sweep")
	if !b.transfers[1].over || b.transfers[3].over {
		t.Error("the wrong one is over")
	}
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(5, 8)}})
	b.wants("the next one does not have it either", "ReadState", "Stop 1", "Stop 3")
}

func TestStatesAreReadOneAfterAnother(t *testing.T) {
	b := connected(t)
	hint := groupcast.AgentEvent{Kind: groupcast.AgentHint}
	for range 3 {
		b.Heard(b.now, hint)
	}
	b.wants("three hints", "ReadState")
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}})
	b.wants("there is news since", "ReadState")
	b.StateFailed(b.now, b.reading.number, "")
	b.wants("it failed")
	b.Heard(b.now, hint)
	old := b.reading.number
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(groupcast.Spoken())})
	b.wants("a new connection does not wait", "ReadState", "ReadState")
	b.State(b.now, old, groupcast.AgentState{})
	b.StateFailed(b.now, old, "too late")
	b.wants("an answer to the earlier one")
	b.StateFailed(b.now, b.reading.number, "another server")
	b.wants("a server that is not trusted", "Say warning")
}

func TestANewConnection(t *testing.T) {
	b := connected(t)
	b.kept.receipts = []protocol.TransferNo{3, 4}
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(groupcast.Spoken())})
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}})
	b.wants("it", "ReadState", "Say connected", "SendReceipt 3", "SendReceipt 4", "MeasureSpace", "TellMTU")
	b.Space(b.now, 1000)
	b.wants("the room is told again", "TellSpace")
}

func TestGroupsComeAndGo(t *testing.T) {
	b := fresh(t)
	dot := groupcast.AgentGroup{ID: protocol.GroupID{2}, Name: "lab."}
	bad := groupcast.AgentGroup{ID: protocol.GroupID{3}, Name: "../x"}
	state := func(groups ...groupcast.AgentGroup) {
		b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
		b.state(groupcast.AgentState{Groups: groups})
	}
	state(lab, dot, bad)
	b.wants("three groups", "ReadState", "Say group", "JoinGroup", "Say warning", "Note")
	b.JoinFailed(lab.ID, errors.New("no card"))
	b.JoinFailed(lab.ID, errors.New("no card"))
	b.wants("it cannot be joined: said once", "Say warning")
	b.rejoin()
	b.Joined(lab.ID)
	b.rejoin()
	b.wants("it can be joined later", "JoinGroup", "Say group")
	state()
	b.wants("no group is left", "ReadState", "LeaveGroup", "Say group")
}

func TestNoticesAreSaidOnce(t *testing.T) {
	b := connected(t)
	state := groupcast.AgentState{
		Groups:     []groupcast.AgentGroup{lab},
		NewDevices: []groupcast.NewDevice{{ID: protocol.DeviceID{7}, Name: "phone"}},
		Withheld:   []groupcast.WithheldGroup{{Name: "secret", State: groupcast.RequestOpen}},
	}
	for _, want := range [][]string{{"ReadState", "Say warning", "Say group"}, {"ReadState"}} {
		b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
		b.state(state)
		b.wants("notices", want...)
	}
	state.Withheld[0].State = groupcast.RequestDenied
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	b.state(state)
	b.wants("it is denied", "ReadState", "Say group")
}

func TestAClockThatIsOffIsSaidOnce(t *testing.T) {
	b := connected(t)
	for _, want := range [][]string{{"ReadState", "Say warning"}, {"ReadState"}} {
		b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
		b.State(b.now, b.reading.number, groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, Now: b.now.Add(time.Hour)})
		b.wants("an hour", want...)
	}
}

func TestAServerOfAnotherVersion(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.Take()
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: &groupcast.Speaks{
		Program: "9.0.0", Control: groupcast.Versions{Least: 8, Most: 9}, Wire: groupcast.Versions{Least: 1, Most: 1},
	}})
	b.wants("it", "Say warning", "Stop 1")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentProbe, Probe: "x"})
	b.wants("it may still ask who is there", "AnswerProbe")
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(groupcast.Spoken())})
	b.wants("one that fits", "ReadState")
}

// What the event stream has brought already is not asked for again.
func TestAnnouncedOffersAreExpected(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.Take()
	b.Announced(b.now, 5)
	if !b.expected.lookAt.IsZero() {
		t.Error("an offer that came is looked for again")
	}
	b.Announced(b.now, 6)
	at := b.Next(b.now)
	if want := b.now.Add(announceWait + announceSpread/2); !at.Equal(want) {
		t.Errorf("it is looked for at %v, want %v", at, want)
	}
	b.Due(at)
	b.wants("it did not come", "ReadState")
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(1, 5)}})
	b.Announced(b.now, 8)
	b.offer(2, 8)
	b.Due(b.Next(b.now))
	b.wants("it came meanwhile", "Begin 2.8")
}

func TestRoomIsToldWhenItChanged(t *testing.T) {
	b := connected(t)
	b.now = b.now.Add(spaceEvery)
	b.Due(b.now)
	b.wants("after a while", "MeasureSpace")
	for free, told := range map[uint64]bool{0: false, 1000: false, 990: false, 1100: true} {
		b.space = 1000
		b.Space(b.now, free)
		if got := len(b.Take()) > 0; got != told {
			t.Errorf("%d: told is %v", free, got)
		}
	}
}

func TestAStumbleIsSaidOnce(t *testing.T) {
	b := connected(t)
	for i, want := range []string{"Say failed", "", "Say failed"} {
		b.offer(1, protocol.OfferNo(5+i))
		b.Take()
		b.Ended(b.now, 1, Outcome{Failed: []string{"a riddle", "a riddle", "another"}[i]})
		if got := strings.Join(names(b.Take()), ","); got != want {
			t.Errorf("stumble %d: %q, want %q", i, got, want)
		}
	}
}

// The same reason is said once; the looks become rarer, to five minutes.
func TestSetbacksBackOff(t *testing.T) {
	b := connected(t)
	want := firstLook
	for i := range 12 {
		if fresh := b.again(b.now, 7, "a riddle"); fresh != (i == 0) {
			t.Errorf("try %d: fresh is %v", i, fresh)
		}
		if wait := b.setbacks[7].next.Sub(b.now); wait != want*3/4 {
			t.Errorf("try %d: looked at again after %v, want %v", i, wait, want*3/4)
		}
		want = min(2*want, lastLook)
	}
	if !b.again(b.now, 7, "another") {
		t.Error("another reason is not said")
	}
	b.forgetSetbacks(b.now.Add(time.Hour), map[protocol.TransferNo]bool{7: true})
	if b.setbacks[7] == nil {
		t.Error("one that is offered is forgotten")
	}
	if b.forgetSetbacks(b.now.Add(time.Hour), nil); b.setbacks[7] != nil {
		t.Error("one that is not offered is not forgotten")
	}
}

// A full disk is told in numbers that change: it is one reason all the same. When there is room the
// server is told, and offers it again.
func TestATransferWaitsForTheDisk(t *testing.T) {
	b := connected(t)
	full := func(text string) Outcome {
		return Outcome{State: groupcast.DeliveryRefused, Kind: "space", Reason: text, Need: 500}
	}
	b.offer(1, 5)
	b.Take()
	b.Ended(b.now, 1, full("1 GB free"))
	b.wants("it does not fit", "Say refused")
	if b.atWork() != 0 {
		t.Error("somebody works on it")
	}
	due := func() {
		b.now = b.now.Add(lastLook)
		b.Due(b.now)
		b.Take()
	}
	due()
	b.Looked(b.now, b.looks, 1, full("0.9 GB free"))
	b.wants("still not, in other words")
	due()
	b.Looked(b.now, b.looks, 1, Outcome{State: groupcast.DeliveryRefused, Kind: "io", Reason: "broken"})
	b.wants("for another reason", "Say refused", "Refuse 1 io")
	due()
	first := b.looks
	b.Looked(b.now, first+1, 1, Outcome{})
	b.wants("an answer to another look")
	b.Looked(b.now, first, 1, Outcome{})
	b.wants("now it fits", "Resume 1")
	b.Resumed(1, true)
	b.offer(1, 6)
	b.wants("it is offered again", "Begin 1.6")
	b.Ended(b.now, 1, full("no"))
	b.Resumed(1, false)
	if b.transfers[1] != nil || b.setbacks[1] != nil {
		t.Error("one that is not owed any more is still waited for")
	}
	b.offer(2, 7)
	b.Ended(b.now, 2, Outcome{State: groupcast.DeliveryRefused, Kind: "size", Reason: "too large"})
	if b.transfers[2] != nil {
		t.Error("it waits for what only another setting mends")
	}
}

func TestReceiptsAreSentAFewAtATime(t *testing.T) {
	b := connected(t)
	for no := range protocol.TransferNo(6) {
		b.offer(no+1, protocol.OfferNo(no+1))
		b.Take()
		b.Ended(b.now, no+1, verified())
	}
	b.wants("the sixth waits", "Say done")
	if b.receipts.sending != maxSending || !b.Busy() {
		t.Fatalf("%d are on their way", b.receipts.sending)
	}
	b.kept.drop(1)
	b.ReceiptSent(b.now, 1, Over)
	b.wants("one is taken: the next", "SendReceipt 6")
}

func TestWhatBecomesOfReceipts(t *testing.T) {
	for name, c := range map[string]struct {
		fate Fate
		wait bool
	}{"taken": {Over, false}, "refused": {Refused, true}, "unheard": {Unheard, true}} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			b.offer(1, 5)
			b.Ended(b.now, 1, verified())
			b.wants("it is verified", "Begin 1.5", "SendReceipt 1", "Say done")
			b.offer(1, 6)
			b.wants("it is offered while the receipt is on its way")
			if c.fate == Over {
				b.kept.drop(1)
			}
			b.ReceiptSent(b.now, 1, c.fate)
			b.wants("now it is looked at", "Begin 1.6")
			if waits := !b.receipts.again.IsZero(); waits != c.wait {
				t.Errorf("it is sent again: %v", waits)
			}
			b.Ended(b.now, 1, Outcome{})
			b.now = b.now.Add(firstReceiptPause)
			if b.Due(b.now); c.wait {
				b.wants("it is sent again", "SendReceipt 1")
			} else {
				b.wants("nothing is left")
			}
		})
	}
}

// A receipt that is never taken does not keep others back, and is sent ever more rarely.
func TestReceiptsThatAreNotTaken(t *testing.T) {
	b := connected(t)
	for no := range protocol.TransferNo(3 * maxRefused) {
		b.kept.receipts = append(b.kept.receipts, no+1)
	}
	sent, last := map[protocol.TransferNo]bool{}, time.Duration(0)
	for range 4 {
		b.sendKept(b.now)
		for all := b.Take(); len(all) > 0; all = b.Take() {
			for _, a := range all {
				no := a.(SendReceipt).Transfer
				sent[no] = true
				b.ReceiptSent(b.now, no, Refused)
			}
		}
		if wait := b.receipts.again.Sub(b.now); wait <= last {
			t.Errorf("after %v they are sent again after %v", last, wait)
		} else {
			last = wait
		}
	}
	if len(sent) != len(b.kept.receipts) {
		t.Errorf("%d of %d were sent at all", len(sent), len(b.kept.receipts))
	}
}

// Devices of a large group take turns; those of a small one do not wait, nor does one that ends.
func TestTurns(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.Take()
	out := verified()
	out.Devices = 10_000
	b.Ended(b.now, 1, out)
	b.wants("in a large group", "Say done")
	b.offer(1, 6)
	b.wants("it is here: there is nothing to answer")
	turn := b.now.Add(protocol.Spread(10_000) / 2)
	if !b.receipts.turn.Equal(turn) {
		t.Errorf("its turn is %v, want %v", b.receipts.turn, turn)
	}
	b.Due(turn)
	b.wants("its turn", "SendReceipt 1")
	b.ReceiptSent(b.now, 1, Over)
	b.kept.drop(1)
	b.offer(2, 7)
	b.Take()
	b.Ended(b.now, 2, out)
	b.Take()
	b.Leave(b.now)
	b.wants("an agent that ends does not wait", "SendReceipt 2")
}

func TestOnceEndsAfterTheReceipt(t *testing.T) {
	for name, c := range map[string]struct {
		out        Outcome
		ends, sent bool
	}{
		"verified":        {verified(), true, true},
		"for good":        {Outcome{State: groupcast.DeliveryRefused, Kind: "size"}, true, false},
		"the disk is off": {Outcome{State: groupcast.DeliveryRefused, Kind: "io"}, false, false},
		"it stumbled":     {Outcome{Failed: "x"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			b.cfg.Once = true
			b.offer(1, 5)
			b.Ended(b.now, 1, c.out)
			got := names(b.Take())
			if sent := slices.Contains(got, "SendReceipt 1"); sent != c.sent || sent && slices.Contains(got, "End") {
				t.Errorf("%q", got)
			}
			if c.sent {
				b.ReceiptSent(b.now, 1, Unheard)
				got = names(b.Take())
			}
			if slices.Contains(got, "End") != c.ends {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 4_700_000_000: "4.7 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}

// walk plays events from a seed and answers what is asked for at random, much later or not at all. It
// gives all that was wanted, and checks what must hold at every step.
func walk(t *testing.T, seed uint64) (done []string) {
	r := rand.New(rand.NewPCG(seed, 1))
	b := connected(t)
	b.cfg.Random = func(n time.Duration) time.Duration { return time.Duration(r.Int64N(int64(n) + 1)) }
	working, sending, number := map[protocol.TransferNo]bool{}, map[protocol.TransferNo]bool{}, protocol.OfferNo(1)
	for range 400 {
		no := protocol.TransferNo(r.IntN(6) + 1)
		b.now = b.now.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
		switch r.IntN(9) {
		case 0, 1:
			number++
			b.offer(no, number)
		case 2:
			b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
		case 3:
			b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: no, Over: r.IntN(2) == 0})
		case 4:
			b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(no, number)},
				OwedComplete: true, Owed: []protocol.TransferNo{no}})
		case 5, 6:
			if working[no] {
				delete(working, no)
				b.Ended(b.now, no, []Outcome{verified(), {}, {Failed: "x"}, {State: groupcast.DeliveryRefused, Kind: "io"}}[r.IntN(4)])
			}
		case 7:
			if sending[no] {
				delete(sending, no)
				fate := Fate(r.IntN(3))
				if fate == Over {
					b.kept.drop(no)
				}
				b.ReceiptSent(b.now, no, fate)
			}
		case 8:
			b.Due(b.now)
		}
		for _, a := range b.Take() {
			switch a := a.(type) {
			case Begin:
				if no := a.Offer.Transfer; working[no] || sending[no] {
					t.Fatalf("seed %d: %d is begun while it is worked on (%v) or its receipt is sent (%v)", seed, no, working[no], sending[no])
				}
				working[a.Offer.Transfer] = true
			case SendReceipt:
				if sending[a.Transfer] || working[a.Transfer] || !slices.Contains(b.kept.receipts, a.Transfer) {
					t.Fatalf("seed %d: the receipt of %d is sent: on its way %v, worked on %v, kept %v",
						seed, a.Transfer, sending[a.Transfer], working[a.Transfer], b.kept.receipts)
				}
				if sending[a.Transfer] = true; len(sending) > maxSending {
					t.Fatalf("seed %d: %d receipts are on their way", seed, len(sending))
				}
			case Sweep:
				for no := range working {
					if !a.Keep(no) {
						t.Fatalf("seed %d: what is received of %d is deleted", seed, no)
					}
				}
			}
			done = append(done, fmt.Sprintf("%T", a)+strings.Join(names([]Action{a}), ""))
		}
		if next := b.Next(b.now); next.Sub(b.now) > roundEvery {
			t.Fatalf("seed %d: nothing is due before %v", seed, next)
		}
	}
	return done
}

// Nothing depends on chance but what is drawn: a seed gives the same run each time.
func TestAnyOrderOfEvents(t *testing.T) {
	for seed := range uint64(200) {
		if first := walk(t, seed); !reflect.DeepEqual(first, walk(t, seed)) {
			t.Fatalf("seed %d runs otherwise the second time", seed)
		}
	}
}
