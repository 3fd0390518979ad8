package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/wire"
)

// How far numbers move on once the server knows that it was set back: more than the lost part of
// its life drew, restarts included. Transfer numbers are typed by people and stay short.
const (
	far          = 1 << 40
	farTransfers = 100_000
)

// settle is how long after a start nothing goes out by itself: those who know more than the server
// come back first.
const settle = 2 * time.Second

// How far ahead of the server's own numbers a signed one may be: so many lives do not get lost. What
// is beyond was signed by somebody else who has the key, and moves nothing.
const (
	mostAhead          = 1 << 50
	mostTransfersAhead = 1 << 32
)

// Each start leaves out so many numbers of offers, at random: two lives that begin from one copy
// number their offers apart, and a device's offer says which of them it is of.
const (
	leastGap = 1 << 16
	mostGap  = 1 << 32
)

// setBack is what the server knows of being set back, as the setting keeps it until it is confirmed.
type setBack struct {
	How       groupcast.SetBack   `json:"how"`
	Detail    string              `json:"detail,omitempty"`
	Offers    protocol.OfferNo    `json:"offers,omitempty"` // the counters move past these
	Transfers protocol.TransferNo `json:"transfers,omitempty"`
}

// readSetBack reads the setting. Earlier versions wrote a word, after a restore only.
func readSetBack(value string) (b setBack, is bool) {
	if value == "" {
		return b, false
	}
	if json.Unmarshal([]byte(value), &b) != nil || b.How == "" {
		b = setBack{How: groupcast.SetBackRestored}
	}
	return b, true
}

// setBacks is the one place where it is decided that the server was set back.
type setBacks struct {
	mu      sync.Mutex // held over a whole decision
	pending *setBack   // it is so, and not on the disk yet
	forged  bool       // an offer from beyond was logged
}

// compareOffer looks at the newest offer that a device shows when it attaches (O4). One that this
// server signed and does not know is of a part of its life that the database has lost.
func (s *Server) compareOffer(ctx context.Context, d groupcast.Device, say groupcast.Attach) error {
	if len(say.Newest) == 0 || len(say.Newest) > groupcast.MaxAttachOffer {
		return nil
	}
	o, err := seal.VerifyOffer(s.key.Public(), say.Newest, say.NewestSignature)
	if err != nil || o.Server != s.id {
		s.log.Debug("a device shows an offer that is not of this server", "device", d.ID)
		return nil
	}
	s.setBacks.mu.Lock()
	defer s.setBacks.mu.Unlock()
	offers, transfers, err := s.numbers(ctx)
	if err != nil {
		return err
	}
	leftOut, err := s.store.OfferLeftOut(ctx, o.Number)
	if err != nil {
		return err
	}
	if o.Number <= offers && o.Transfer <= transfers && !leftOut {
		return nil
	}
	if max(o.Number, o.Floor) > offers+mostAhead || o.Transfer > transfers+mostTransfersAhead {
		s.beyond(ctx, d, o)
		return nil
	}
	return s.wasSetBack(ctx, setBack{
		How:    groupcast.SetBackDevice,
		Detail: fmt.Sprintf("%s/%s was given offer %d of transfer %d, which this server does not know of", d.User, d.Name, o.Number, o.Transfer),
		Offers: max(o.Number, o.Floor, offers) + far, Transfers: max(o.Transfer, transfers) + farTransfers,
	})
}

// beyond notes, once, that an offer cannot come from a part of this server's life.
func (s *Server) beyond(ctx context.Context, d groupcast.Device, o wire.Offer) {
	if s.setBacks.forged {
		return
	}
	s.setBacks.forged = true
	detail := fmt.Sprintf("it shows offer %d of transfer %d, far beyond this server's numbers: somebody else signs with its key", o.Number, o.Transfer)
	s.log.Error("an offer that is none of this server's bears its signature", "device", d.User+"/"+d.Name, "offer", o.Number, "transfer", o.Transfer)
	s.audit(ctx, groupcast.Principal{Local: true}, "offer.forged", d.User+"/"+d.Name, detail)
}

// numbers gives the last numbers that were drawn.
func (s *Server) numbers(ctx context.Context) (protocol.OfferNo, protocol.TransferNo, error) {
	offers, err := s.store.LastOffer(ctx)
	if err != nil {
		return 0, 0, err
	}
	transfers, err := s.store.LastTransferNo(ctx)
	return offers, transfers, err
}

// wasSetBack stops everything first, then keeps why and moves the counters. If the disk does not
// take it, the server stays stopped, and it is tried again. The lock of setBacks is held.
func (s *Server) wasSetBack(ctx context.Context, b setBack) error {
	ctx = context.WithoutCancel(ctx)
	s.setBacks.pending = &b
	s.live.halt()
	s.log.Error("this server's home was set back to an earlier state; nothing is sent until an administrator confirms the memberships", "how", b.How, "why", b.Detail)
	if err := s.keepSetBack(ctx); err != nil {
		return groupcast.Errorf(groupcast.EUnavailable, "the server found that it was set back and cannot note it").
			WithHint("it is tried again by itself").Wrap(err)
	}
	s.audit(ctx, groupcast.Principal{Local: true}, "setback", "", b.Detail)
	s.events.Publish(groupcast.Event{Kind: groupcast.EventGroup, Text: errUnconfirmed.Message})
	return nil
}

// keepSetBack writes down what is pending. The setting comes first, with the numbers in it: a start
// that finds it moves the counters again. What was known before stays the reason that is shown.
func (s *Server) keepSetBack(ctx context.Context) error {
	b := s.setBacks.pending
	if b == nil {
		return nil
	}
	known, unconfirmed, err := s.unconfirmed(ctx)
	if err != nil {
		return err
	}
	next := *b
	if unconfirmed {
		next.How, next.Detail = known.How, known.Detail
		next.Offers, next.Transfers = max(b.Offers, known.Offers), max(b.Transfers, known.Transfers)
	}
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := s.store.SetSetting(ctx, confirmSetting, string(value)); err != nil {
		return err
	}
	if err := s.movePast(ctx, next); err != nil {
		return err
	}
	s.setBacks.pending = nil
	return nil
}

// movePast moves the counters; doing it twice is the same as doing it once.
func (s *Server) movePast(ctx context.Context, b setBack) error {
	if err := s.store.SkipOffersPast(ctx, b.Offers); err != nil {
		return err
	}
	if err := s.store.SkipTransfersPast(ctx, b.Transfers); err != nil {
		return err
	}
	s.witnessed(ctx)
	return nil
}

// unconfirmed reads whether an administrator has to confirm the memberships, and why.
func (s *Server) unconfirmed(ctx context.Context) (setBack, bool, error) {
	v, err := s.store.Setting(ctx, confirmSetting)
	if err != nil && groupcast.ErrorCode(err) != groupcast.ENotFound {
		return setBack{}, false, err
	}
	b, is := readSetBack(v)
	return b, is, nil
}

// whySetBack is unconfirmed, and what is not on the disk yet.
func (s *Server) whySetBack(ctx context.Context) (setBack, bool, error) {
	s.setBacks.mu.Lock()
	defer s.setBacks.mu.Unlock()
	b, is, err := s.unconfirmed(ctx)
	if err == nil && !is && s.setBacks.pending != nil {
		return *s.setBacks.pending, true, nil
	}
	return b, is, err
}

// beginNumbers comes at each start, before the first offer: it looks at the witnesses and sets
// this life's numbers apart from those of any other.
func (s *Server) beginNumbers(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx) // a stop in the middle is no error
	s.setBacks.mu.Lock()
	defer s.setBacks.mu.Unlock()
	if b, is, err := s.unconfirmed(ctx); err != nil {
		return err
	} else if is {
		if err := s.movePast(ctx, b); err != nil { // a start before this one may not have come so far
			return err
		}
	}
	if err := s.askWitnesses(ctx); err != nil {
		return err
	}
	if err := s.store.LeaveOutOffers(ctx, leastGap+rand.Uint64N(mostGap-leastGap)); err != nil {
		return err
	}
	return s.loadPause(ctx)
}

// halt stops sending and handing out, as long as nobody confirmed the memberships: sessions seal
// nothing more, and whatever was offered is offered anew afterwards, under higher numbers.
func (l *live) halt() {
	l.mu.Lock()
	l.sched.StandStill()
	stop := make([]*run, 0, len(l.runs))
	for _, r := range l.runs {
		r.stopped = true
		stop = append(stop, r)
	}
	direct := l.direct
	l.direct = map[protocol.TransferNo]*directOffer{}
	clear(l.given)
	l.mu.Unlock()
	for _, r := range stop {
		r.sender.Stop()
		l.finish(r)
	}
	for _, d := range direct {
		l.closeOffer(d.number)
	}
	l.s.log.Info("sessions were stopped", slog.Int("sessions", len(stop)))
	l.s.agents.HintAll() // who fetches something reads that it is not offered any more
	l.poke()
}
