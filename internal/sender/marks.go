package sender

import (
	"sync"
	"time"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// The chain of a session whose packets have MACs: receivers hold what came within its slots and the lag.
const (
	markSlot = 50 * time.Millisecond
	markLag  = 3 // slots
	// markSpare is for what is sealed while the session ends, when its time is used up.
	markSpare = 100 // slots
)

// marks makes the MACs of a session's packets (docs/format-2.md §6). The writers share it.
type marks struct {
	seal  *seal.Session
	slot  time.Duration
	clock func() time.Duration // of the session

	mu    sync.Mutex // guards the chain
	chain *seal.Chain
}

// element gives an element of the chain; false: the session's time is over.
func (m *marks) element(i uint32) (format2.Element, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.chain.Element(i)
}

// markKey is the key of one slot, of one writer.
type markKey struct {
	slot uint32
	key  *seal.MACKey
}

// renew takes the key of the present slot; false: there is none.
func (k *markKey) renew(m *marks) bool {
	now := uint32(m.clock() / m.slot)
	if k.key != nil && k.slot == now {
		return true
	}
	e, ok := m.element(now)
	if ok {
		k.slot, k.key = now, m.seal.MACKey(now, e)
	}
	return ok
}

// mark puts slot and MAC into a packet that is about to be sealed where it is.
func (k *markKey) mark(h wire.Header, packet []byte) {
	format2.AppendHeader(packet[:0], h)
	at := len(packet) - protocol.TagBytes - format2.MACBytes
	packet[at] = uint8(k.slot)
	format2.AppendMAC(packet[:at], k.key.Sum(h.Number, packet[:at+1]))
}
