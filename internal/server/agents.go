package server

import (
	"context"
	"io"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// AgentEvents attaches a device: it is active while the stream is open.
func (s *Server) AgentEvents(
	ctx context.Context, p groupcast.Principal, say groupcast.Attach,
) (groupcast.AgentStream, error) {
	d, err := mustAgent(p)
	if err != nil {
		return nil, err
	}
	if err := s.agents.MayAttach(d.ID); err != nil {
		return nil, err
	}
	if err := s.setback.Shown(ctx, d.User+"/"+d.Name, say.Newest, say.NewestSignature); err != nil {
		return nil, err
	}
	if err := s.sole(ctx, d, say, p.From); err != nil {
		return nil, err
	}
	q, replaced, err := s.agents.Attach(p, say)
	if err != nil {
		return nil, err
	}
	// Between the token's check and here the device may have been revoked.
	if _, err := s.store.Device(ctx, d.ID); err != nil {
		q.Close()
		return nil, err
	}
	if replaced {
		s.audit(ctx, p, "device.replaced", d.User+"/"+d.Name, "attached again from "+p.From)
	}
	s.delivery.Attached(d.ID)
	d.Wire = say.Speaks.Wire.Most
	s.seenDevice(ctx, d, p.From)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, User: p.User.Name, Text: d.Name + ": active"})
	return q, nil
}

func (s *Server) seenDevice(ctx context.Context, d groupcast.Device, from string) {
	d.LastSeen, d.Address = s.now(), from
	s.noteDevice(ctx, d)
}

// deviceLeft is called when a stream broke.
func (s *Server) deviceLeft(id protocol.DeviceID) {
	s.delivery.Left(id)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventDevice, Text: id.String() + ": left"})
}

// AgentState is everything an agent needs to know.
func (s *Server) AgentState(ctx context.Context, p groupcast.Principal) (groupcast.AgentState, error) {
	d, err := mustAgent(p)
	if err != nil {
		return groupcast.AgentState{}, err
	}
	// The version comes first: changes while the rest is read have later events.
	state := groupcast.AgentState{
		Version: s.agents.Version(), Now: s.now(), Signing: s.cfg.Identity.SigningChain(),
		Receipts: groupcast.ReceiptVersion,
	}
	state.Device, err = s.store.Device(ctx, d.ID)
	if err != nil {
		return state, err
	}
	s.agents.Describe(&state.Device)
	groups, err := s.store.GroupsOfDevice(ctx, d.ID)
	if err != nil {
		return state, err
	}
	for _, g := range groups {
		state.Groups = append(state.Groups, groupcast.AgentGroup{ID: g.ID, Name: g.Name, Address: g.Address.String()})
	}
	if state.Withheld, err = s.store.Withheld(ctx, d.ID); err != nil {
		return state, err
	}
	s.addNews(ctx, &state)
	s.addOwed(ctx, &state)
	state.Offers = s.delivery.Offers(d.ID)
	return state, nil
}

// maxOwedTold bounds the owed transfers in a state.
const maxOwedTold = 10_000

// addOwed adds what the device is owed. A server that could not find out, or waits after a restore, does
// not say that the list is complete, so that devices keep what they partly received. Held transfers are
// hidden.
func (s *Server) addOwed(ctx context.Context, state *groupcast.AgentState) {
	owed, err := s.store.OwedReleased(ctx, state.Device.ID, maxOwedTold+1)
	if err != nil {
		s.log.Warn("what a device is owed was not read", "device", state.Device.ID, "err", err)
		return
	}
	state.Owed = owed[:min(len(owed), maxOwedTold)]
	state.OwedComplete = len(owed) <= maxOwedTold && !s.delivery.Paused()
}

// Ready answers an offer: the keys of a running session, or the word to fetch over HTTPS.
func (s *Server) Ready(ctx context.Context, p groupcast.Principal, r groupcast.Ready) (groupcast.Handout, error) {
	d, err := mustAgent(p)
	if err != nil {
		return groupcast.Handout{}, err
	}
	s.noteRoom(ctx, d, p.From, room{r.FreeBytes, r.DiskBytes, r.Reserve})
	s.agents.NoteMTU(d.ID, r.MTU)
	return s.delivery.HandOut(ctx, d, r)
}

// room is what a device tells of the disk that receives files.
type room struct{ free, disk, reserve uint64 }

// noteRoom keeps how much room a device has, for listings and plans. Small changes are not worth a write.
func (s *Server) noteRoom(ctx context.Context, d groupcast.Device, from string, r room) {
	if r.free == 0 && r.disk == 0 {
		return // not known
	}
	changed := max(r.free, d.FreeBytes) - min(r.free, d.FreeBytes)
	if changed <= d.FreeBytes/freeStep && r.disk == d.DiskBytes && r.reserve == d.ReserveBytes {
		return
	}
	d.FreeBytes, d.DiskBytes, d.ReserveBytes = clipped(r.free), clipped(r.disk), clipped(r.reserve)
	s.seenDevice(ctx, d, from)
}

// clipped is a number that a device told, as the store can keep it.
func clipped(n uint64) uint64 { return min(n, 1<<62) }

const freeStep = 128 // a part in so many is a change of a device's free space

// Receipt closes a delivery: the device signed what became of it.
func (s *Server) Receipt(ctx context.Context, p groupcast.Principal, r groupcast.Receipt) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	return s.delivery.Receipt(ctx, d, r)
}

// Report takes an agent's report over HTTPS: the free space of its disk, the MTU of its card, and its
// progress with a transfer.
func (s *Server) Report(ctx context.Context, p groupcast.Principal, r groupcast.AgentReport) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	s.noteRoom(ctx, d, p.From, room{r.FreeBytes, r.DiskBytes, r.Reserve})
	s.agents.NoteMTU(d.ID, r.MTU)
	if r.Transfer == 0 {
		return nil
	}
	return s.delivery.Report(d.ID, r)
}

// Manifest streams the manifest of a transfer that the device is owed.
func (s *Server) Manifest(ctx context.Context, p groupcast.Principal, no protocol.TransferNo) (io.ReadCloser, error) {
	if _, err := mustAgent(p); err != nil {
		return nil, err
	}
	return s.delivery.Manifest(ctx, p, no)
}

// Blocks streams session blocks of a transfer that the device is owed.
func (s *Server) Blocks(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, first protocol.BlockNumber, count uint32,
) (io.ReadCloser, error) {
	if _, err := mustAgent(p); err != nil {
		return nil, err
	}
	return s.delivery.Blocks(ctx, p, no, protocol.Range{First: first, Count: count})
}

// Entries keeps a page of what does not lie under its name at a device.
func (s *Server) Entries(ctx context.Context, p groupcast.Principal, e groupcast.EntryPage) error {
	d, err := mustAgent(p)
	if err != nil {
		return err
	}
	return s.delivery.KeepEntries(ctx, d.ID, e)
}
