package loop

import (
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func noSpace() Outcome {
	return Outcome{State: groupcast.DeliveryRefused, Kind: groupcast.RefusedSpace, Reason: "full", Need: 500}
}

// rounds lets time pass, and gives the actions of all of it.
func (b *bench) rounds(d time.Duration) {
	for end := b.now.Add(d); b.now.Before(end); {
		b.Next(b.now)
		b.now = b.now.Add(roundEvery)
		b.Due(b.now)
	}
}

// A try that ends in nothing leaves a transfer that waited for the disk waiting: the server has a refusal
// of it, and asks no more by itself.
func TestATryInBetweenDoesNotEndTheWaiting(t *testing.T) {
	for name, end := range map[string]Outcome{"overtaken": {}, "broken off": {Failed: "a riddle"}} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			b.offer(1, 5)
			b.Ended(b.now, 1, noSpace())
			b.offer(1, 5) // once more, from a state that was read before
			b.Take()
			b.Ended(b.now, 1, end)
			b.Take()
			if k := b.transfers[1]; k == nil || !k.waits || k.need != 500 {
				t.Fatalf("it does not wait: %+v", k)
			}
			b.now = b.now.Add(lastLook)
			b.Due(b.now)
			b.Take()
			b.Looked(b.now, b.looks, 1, Outcome{})
			b.wants("there is room", "Resume 1")
		})
	}
}

// What the server ended, or is over, does not wait.
func TestWhatTheServerEndedDoesNotWait(t *testing.T) {
	for name, over := range map[string]bool{"for now": false, "for good": true} {
		t.Run(name, func(t *testing.T) {
			b := connected(t)
			b.offer(1, 5)
			b.Ended(b.now, 1, noSpace())
			b.offer(1, 6)
			b.Heard(b.now, groupcast.AgentEvent{
				Kind: groupcast.AgentEnd, Transfer: 1, Session: ptr(protocol.SessionID{6}), Over: over,
			})
			b.Ended(b.now, 1, Outcome{})
			if b.transfers[1] != nil {
				t.Errorf("it waits: %+v", b.transfers[1])
			}
		})
	}
}

// A state that could not be read is read again, after pauses that grow; what a new connection begins with is
// done then.
func TestAStateThatCouldNotBeReadIsReadAgain(t *testing.T) {
	b := fresh(t)
	b.kept.receipts = []protocol.TransferNo{3}
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(groupcast.Spoken())})
	b.Take()
	asked := b.now
	for range 8 {
		b.StateFailed(b.now, b.reading.number, "")
		number := b.reading.number
		for range 100 {
			if b.rounds(roundEvery); b.reading.number != number {
				break
			}
		}
		if b.reading.number != number+1 {
			t.Fatalf("after %v it is not read again", b.now.Sub(asked))
		}
	}
	if took := b.now.Sub(asked); took < 10*time.Minute {
		t.Errorf("read eight times in %v", took)
	}
	b.Take()
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}})
	b.wants("at last", "Say group", "JoinGroup", "Say connected", "SendReceipt 3", "MeasureSpace", "TellMTU")
	number := b.reading.number
	if b.rounds(10 * time.Minute); b.reading.number != number {
		t.Error("it is read again though it could be")
	}
}

// The word that a try broke off may get lost: whoever is not offered the transfer again reads the state,
// and finds the offer there, or that the server knows.
func TestAStumbleThatTheServerDidNotHearOf(t *testing.T) {
	stumbled := func(t *testing.T) *bench {
		b := connected(t)
		b.offer(1, 5)
		b.Ended(b.now, 1, Outcome{Failed: "a riddle"})
		b.Take()
		b.rounds(2 * firstLook)
		b.wants("it is not offered again", "ReadState")
		return b
	}
	b := stumbled(t)
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(1, 5)}})
	b.wants("the server waits for it", "Begin 1.5")
	b = stumbled(t)
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}})
	b.rounds(time.Minute)
	b.wants("the server knows")
	b = stumbled(t)
	b.StateFailed(b.now, b.reading.number, "")
	b.rounds(time.Minute)
	if got := names(b.Take()); len(got) == 0 || got[0] != "ReadState" {
		t.Errorf("the state was not read, and: %q", got)
	}
}

// What waits for the disk and is not owed any more goes with the state that says so.
func TestWhatWaitsAndIsNotOwedGoes(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.offer(2, 6)
	b.Ended(b.now, 1, noSpace())
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	b.Take()
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, OwedComplete: true})
	kept := map[protocol.TransferNo]bool{}
	for _, a := range b.Take() {
		if sweep, is := a.(Sweep); is {
			kept[1], kept[2] = sweep.Keep(1), sweep.Keep(2)
		}
	}
	if kept[1] || !kept[2] || b.transfers[1] != nil || b.setbacks[1] != nil {
		t.Errorf("kept: %v; it waits: %+v", kept, b.transfers[1])
	}
}

// The word that a transfer is over is newer than an offer that came before it, and older than one after it.
func TestAnOfferBeforeTheEndIsVoid(t *testing.T) {
	over := groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 1, Over: true}
	b := connected(t)
	b.offer(1, 5)
	b.offer(1, 6)
	b.Heard(b.now, over)
	b.Take()
	b.Ended(b.now, 1, Outcome{})
	b.wants("cancelled", "Sweep")
	b.offer(1, 7)
	b.Heard(b.now, over)
	b.offer(1, 8)
	b.Take()
	b.Ended(b.now, 1, Outcome{})
	b.wants("cancelled and owed again", "Begin 1.8")
}
