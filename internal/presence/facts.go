package presence

import (
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Describe adds to a device of the store what is known of it here: whether it is attached, from
// where, and how many machines use it.
func (a *Agents) Describe(d *groupcast.Device) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at := a.attached[d.ID]; at != nil {
		d.Active, d.Address, d.LastSeen, d.Wire = true, at.from, a.cfg.Now(), max(at.say.Speaks.Wire.Most, 1)
	}
	if a.cfg.Speaks.Wire.Most >= protocol.PagedVersion {
		d.Earlier = groupcast.EarlierOf(d.Wire)
	}
	d.Machines = a.countMachines(d.ID)
}

// Unfit says why an attached device can be sent nothing: it and this server have no version of a
// protocol in common. It is empty for all others.
func (a *Agents) Unfit(id protocol.DeviceID) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.attached[id]
	if at == nil {
		return ""
	}
	theirs, ours := at.say.Speaks.Named(), a.cfg.Speaks.Named()
	switch a.cfg.Speaks.Judge(at.say.Speaks) {
	case groupcast.TooOld:
		return fmt.Sprintf("too old: its receiver is %s; install %s there", theirs, ours)
	case groupcast.TooNew:
		return fmt.Sprintf("too new: its receiver is %s; install that at the server, or %s there", theirs, ours)
	default:
		return ""
	}
}

// Wire is the newest version of the wire that an attached device speaks; false: it is not attached. One that does
// not say so is of the first release.
func (a *Agents) Wire(id protocol.DeviceID) (most int, attached bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.attached[id]
	if at == nil {
		return 0, false
	}
	return max(at.say.Speaks.Wire.Most, 1), true
}

// TooOldFor says in words why an attached device cannot take a transfer that needs this version of the wire; empty:
// it can, or is not attached.
func (a *Agents) TooOldFor(id protocol.DeviceID, wire int) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	at := a.attached[id]
	if at == nil || at.say.Speaks.Wire.Most >= wire {
		return ""
	}
	return fmt.Sprintf("too old for this transfer: its receiver is %s; install %s there", at.say.Speaks.Named(),
		a.cfg.Speaks.Named())
}

// NoteMTU keeps what a device said of the network card by which it hears groups; it may say so
// before it attaches and after. 0 says nothing.
func (a *Agents) NoteMTU(id protocol.DeviceID, mtu int) {
	if mtu <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.mtus) > 2*a.cfg.Streams.All {
		clear(a.mtus) // they say it again
	}
	a.mtus[id] = mtu
}

// SymbolFor gives the symbol size that all of the devices can take. Smaller packets cost all
// devices one or two percent; a device that cannot take the packets costs a copy over HTTPS. A device with
// a card that does not even take the smallest symbol does not make the packets of the others small.
func (a *Agents) SymbolFor(devices []protocol.DeviceID, six bool) uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	least := 0
	for _, id := range devices {
		mtu := a.mtus[id]
		if mtu >= protocol.PacketBytes(protocol.TunnelSymbol, six) && (least == 0 || mtu < least) {
			least = mtu
		}
	}
	return uint16(protocol.SymbolFor(least, six))
}
