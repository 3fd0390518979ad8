package sim

import (
	"encoding/binary"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// book is what the server keeps on its disk: a crash leaves it as it is. Each method is one transaction.
type book struct {
	members     []bool
	rooms       []int  // the labels of devices
	version     uint64 // of the group's membership
	lastOffer   protocol.OfferNo
	open        map[protocol.OfferNo]bool
	transfers   []*transfer
	unconfirmed bool // nothing is sent until an administrator confirms the memberships
}

type transfer struct {
	no         protocol.TransferNo
	content    *content
	first      *content // before files of it changed; nil: none did
	hold       bool
	pick       pick
	may        []bool                  // whether a device ever belonged to it
	closed     groupcast.TransferState // empty: it is open
	deliveries []delivery              // by device
}

type delivery struct {
	state   groupcast.DeliveryState // empty: nothing was ever owed
	reason  string
	refusal groupcast.Refusal
	later   time.Time // when it was put off; zero: it is not
	at      time.Time // when it was closed
}

func (d *delivery) owed() bool { return d.state != "" && d.state.Owed() }

// delivered says that the device's receipt says it has the files.
func (d *delivery) delivered() bool {
	return d.state.Delivered() || d.state == groupcast.DeliveryIncomplete
}

// deviceID and indexOf name the devices of a world.
func deviceID(i int) (id protocol.DeviceID) {
	binary.BigEndian.PutUint32(id[:], uint32(i+1))
	return id
}

func indexOf(id protocol.DeviceID) int { return int(binary.BigEndian.Uint32(id[:])) - 1 }

func (b *book) transfer(no protocol.TransferNo) *transfer { return b.transfers[no-1] }

// known gives a transfer that a device names; nil for none.
func (b *book) known(no protocol.TransferNo) *transfer {
	if no == 0 || int(no) > len(b.transfers) {
		return nil
	}
	return b.transfers[no-1]
}

// entitled is the check of every hand-out and every block (security.md K9, C8), and the version of the
// membership at that moment.
func (b *book) entitled(no protocol.TransferNo, i int) (t *transfer, version uint64, err error) {
	t = b.known(no)
	if t == nil || t.closed != "" || t.hold || !b.members[i] || !t.deliveries[i].owed() {
		return nil, 0, errNotOwed
	}
	return t, b.version, nil
}

// openOffer draws the next offer number.
func (b *book) openOffer() (number, floor protocol.OfferNo) {
	b.lastOffer++
	b.open[b.lastOffer] = true
	floor = b.lastOffer
	for n := range b.open {
		floor = min(floor, n)
	}
	return b.lastOffer, floor
}

// addTransfer promises content to the members there are, of them to those that belong to its selection.
func (b *book) addTransfer(c *content, hold bool, whom pick, s Sabotage) *transfer {
	t := &transfer{
		no: protocol.TransferNo(len(b.transfers) + 1), content: c, hold: hold, pick: whom,
		deliveries: make([]delivery, len(b.members)), may: make([]bool, len(b.members)),
	}
	for i, in := range b.members {
		t.may[i] = in && whom.takes(i, b.rooms[i])
		if t.may[i] || in && s == OweTheGroup {
			t.deliveries[i].state = groupcast.DeliveryQueued
		}
	}
	b.transfers = append(b.transfers, t)
	return t
}

// addMember makes a member and owes it what is open and takes it by its label of now, but for what it got already.
func (b *book) addMember(i int) (owed []*transfer) {
	b.members[i] = true
	b.version++
	for _, t := range b.transfers {
		if t.closed != "" || !t.pick.takes(i, b.rooms[i]) {
			continue
		}
		t.may[i] = true
		if d := &t.deliveries[i]; d.state == "" || d.state == groupcast.DeliveryCancelled {
			*d = delivery{state: groupcast.DeliveryQueued}
			owed = append(owed, t)
		}
	}
	return owed
}

func (b *book) removeMember(i int, at time.Time) {
	b.members[i] = false
	b.version++
	for _, t := range b.transfers {
		if d := &t.deliveries[i]; d.owed() {
			d.state, d.at = groupcast.DeliveryCancelled, at
		}
	}
}

// closeTransfer ends a transfer with everything it still owes.
func (b *book) closeTransfer(t *transfer, state groupcast.TransferState, at time.Time) {
	t.closed = state
	for i := range t.deliveries {
		if d := &t.deliveries[i]; d.owed() {
			d.state, d.at = groupcast.DeliveryCancelled, at
		}
	}
}

// retry owes again what did not come to a good end.
func (b *book) retry(t *transfer) {
	for i := range t.deliveries {
		d := &t.deliveries[i]
		switch d.state {
		case groupcast.DeliveryIncomplete, groupcast.DeliveryFailed, groupcast.DeliveryRefused, groupcast.DeliveryCancelled:
			if b.members[i] {
				*d = delivery{state: groupcast.DeliveryQueued}
			}
		default: // it is owed, or came to a good end
		}
	}
	if t.closed != "" && t.owed() > 0 {
		t.closed, t.hold = "", false
	}
}

func (b *book) release(t *transfer) {
	t.hold = false
	for i := range t.deliveries {
		t.deliveries[i].later = time.Time{}
	}
}

// owed counts the devices that lack a transfer.
func (t *transfer) owed() (n int) {
	for i := range t.deliveries {
		if t.deliveries[i].owed() {
			n++
		}
	}
	return n
}

// had says that somebody was owed a transfer and it ended for them.
func (t *transfer) had() bool {
	for i := range t.deliveries {
		if t.deliveries[i].delivered() {
			return true
		}
	}
	return false
}

// settled says whether nobody who is honest and a member is owed anything.
func (b *book) settled(devices []*device) bool {
	for _, t := range b.transfers {
		for i := range t.deliveries {
			if t.closed == "" && t.deliveries[i].owed() && !devices[i].plan.liar {
				return false
			}
		}
	}
	return true
}
