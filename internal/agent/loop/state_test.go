package loop

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// A state says how things stood when it was read. What was heard while it was on its way is newer.
func TestAStateDoesNotUndoWhatCameAfterIt(t *testing.T) {
	b := connected(t)
	b.offer(1, 5)
	b.offer(2, 6)
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHint})
	b.wants("a hint", "Begin 1.5", "Begin 2.6", "ReadState")
	// Newer than the state, which does not have it.
	b.offer(3, 7)
	// And this one it still has.
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentEnd, Transfer: 4, Over: true})
	b.Ended(b.now, 2, verified())
	b.wants("meanwhile", "Begin 3.7", "Sweep", "SendReceipt 2", "Say done")
	b.kept.drop(2)
	b.ReceiptSent(b.now, 2, Over)
	b.state(groupcast.AgentState{
		Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(2, 6), offered(4, 4), offered(5, 8)},
		OwedComplete: true, Owed: []protocol.TransferNo{2, 4, 5},
	})
	b.wants("the state, which does not say whether 3 is owed", "Begin 5.8", "Stop 1", "Forget", "Sweep", "ReadState")
	if !b.transfers[1].over || b.transfers[3].over {
		t.Error("the wrong one is over")
	}
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}, Offers: []groupcast.Offered{offered(5, 8)}})
	b.wants("the next one does not have it either", "Stop 1", "Stop 3")
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
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(tomorrow)})
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
	for free, told := range map[uint64]bool{0: true, 1000: false, 990: false, 1100: true} {
		t.Run(fmt.Sprint(free), func(t *testing.T) {
			b.space = 1000
			b.Space(b.now, free)
			if got := len(b.Take()) > 0; got != told {
				t.Errorf("it is told: %v", got)
			}
		})
	}
}
