//go:build linux

package attacker

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// Member is a device that a member logged in with their own program.
type Member struct {
	Client *apiclient.Client // with the agent's token
	CLI    *apiclient.Client
	In     groupcast.LoggedIn
	key    seal.SigningKey
	speaks groupcast.Speaks
}

// Login logs in as the plan's user.
func Login(ctx context.Context, p Plan) (*Member, error) {
	id, err := pki.ParseFingerprint(p.Fingerprint)
	if err != nil {
		return nil, err
	}
	c, err := apiclient.New(apiclient.Config{Address: p.Server, Pin: pki.Pin{ID: id}})
	if err != nil {
		return nil, err
	}
	m := &Member{key: seal.NewSigningKey(), speaks: p.speaks()}
	m.In, err = c.Login(ctx, groupcast.Login{
		User: p.User, Password: groupcast.Password(p.Password), Device: "attacker", PublicKey: m.key.Public().Bytes(),
		OS: "linux/amd64", Version: groupcast.Version, ControlVersion: groupcast.ControlVersion,
		WireVersion: protocol.Version,
	})
	if err != nil {
		return nil, err
	}
	m.Client, m.CLI = c.WithToken(apiclient.Token(m.In.AgentToken)), c.WithToken(apiclient.Token(m.In.CLIToken))
	return m, nil
}

// Session is what a member holds of a session that runs.
type Session struct {
	Offer    Terms
	Raw      []byte
	Seal     *seal.Session
	Keys     SessionKeys
	Handout  groupcast.Handout
	Feedback *seal.FeedbackSealer
	Transfer protocol.TransferNo
}

// attach attaches as a receiver does, asks for everything that is offered by multicast, and hands
// over the keys of each session; each runs on its own until ctx ends.
func (m *Member) attach(ctx context.Context, each func(context.Context, *Session)) error {
	heard := make(map[protocol.SessionID]bool)
	take := func(o groupcast.Offered) {
		s, err := m.ask(ctx, o)
		if err != nil {
			say("not handed out: %v", err)
			return
		}
		if s == nil || heard[s.Offer.Session] {
			return
		}
		heard[s.Offer.Session] = true
		say("keys of session %s of transfer %d", s.Offer.Session, s.Offer.Transfer)
		go each(ctx, s)
	}
	for ctx.Err() == nil {
		state, err := m.Client.AgentState(ctx)
		if err != nil {
			return err
		}
		for _, o := range state.Offers {
			take(o)
		}
		say("attached")
		err = m.Client.AgentEvents(ctx, groupcast.Attach{Speaks: m.speaks}, func(e groupcast.AgentEvent) error {
			if e.Offer != nil {
				take(*e.Offer)
			}
			return nil
		})
		say("stream ended: %v", err)
		select {
		case <-ctx.Done():
		case <-time.After(500 * time.Millisecond):
		}
	}
	return ctx.Err()
}

// ask answers an offer with that everything is lacking; nil for what does not run by multicast.
func (m *Member) ask(ctx context.Context, o groupcast.Offered) (*Session, error) {
	offer, err := ParseTerms(o.Offer)
	if err != nil || !offer.Multicast {
		return nil, err
	}
	ready := groupcast.Ready{
		Transfer: offer.Transfer, Session: offer.Session, LacksAll: true,
		FreeBytes: 1 << 40, MTU: 1500,
	}
	if offer.Paged != nil {
		ready.TransferID = &offer.Paged.TransferID
	}
	h, err := m.Client.Ready(ctx, ready)
	if err != nil || h.HTTPS {
		return nil, err
	}
	secret, err := seal.ParseSecret(h.SessionSecret)
	if err != nil {
		return nil, err
	}
	fb, err := seal.ParseSecret(h.FeedbackKey)
	if err != nil || len(h.FeedbackID) != len(protocol.FeedbackID{}) {
		return nil, errors.Join(err, errors.New("a hand-out without a feedback key"))
	}
	_, s, err := OpenSession(secret, o.Offer)
	if err != nil {
		return nil, err
	}
	return &Session{
		Offer: offer, Raw: o.Offer, Seal: s, Handout: h, Transfer: offer.Transfer,
		Keys: SessionKeys{
			Transfer: uint64(offer.Transfer), Offer: o.Offer, Secret: h.SessionSecret,
			Feedback: h.FeedbackKey,
		},
		Feedback: seal.NewFeedbackSealer(fb, protocol.FeedbackID(h.FeedbackID)),
	}, nil
}

// feedbackAddr is where the session's feedback goes.
func (s *Session) feedbackAddr(server netip.Addr) netip.AddrPort {
	return netip.AddrPortFrom(server, s.Offer.FeedbackPort)
}
