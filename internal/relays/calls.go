package relays

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/auth"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/offering"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/relayproto"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

const (
	mostStreams = 16          // of one relay at once
	lookAgain   = time.Second // a stream goes on so long before it is asked anew whether the relay may have it
)

// EnrolRelay makes a relay of who has the code of one. The code is used up with that.
func (r *Calls) EnrolRelay(
	ctx context.Context, from string, e groupcast.RelayEnrolment,
) (groupcast.RelayEnrolled, error) {
	none := groupcast.RelayEnrolled{}
	if err := relayproto.CheckEnrolment(e); err != nil {
		return none, err
	}
	token, _ := auth.NewToken()
	token = tokenBegins + token
	is, err := r.cfg.Store.EnrolRelay(ctx, store.Enrolment{
		Code: auth.HashToken(e.Code), Token: auth.HashToken(token), Key: e.PublicKey,
	}, r.cfg.Now())
	if groupcast.ErrorCode(err) == groupcast.ENotFound {
		return none, errUsed
	}
	if err != nil {
		return none, err
	}
	out := groupcast.RelayEnrolled{ID: is.ID, Name: is.Name, Token: token}
	sites, err := r.cfg.Store.Sites(ctx)
	for _, s := range sites {
		if s.Site == is.Site {
			out.Site = s.Name
		}
	}
	if err != nil { // it is only for words: the code is used already
		r.cfg.Log.Warn("the site of a relay could not be read", "relay", is.Name, "err", err)
	}
	by := groupcast.Principal{User: groupcast.User{Name: "relay " + is.Name}, From: from}
	r.note(ctx, by, "relay.enrol", is.Name, "site "+out.Site)
	return out, nil
}

var errUsed = groupcast.Errorf(groupcast.EUnauthorized, "this code was used, is over, or its relay was revoked").
	WithHint("an administrator revokes that relay, adds it again, and gets another code with that")

func mustRelay(p groupcast.Principal) (groupcast.RelayRef, error) {
	if p.Local || p.Scope != groupcast.ScopeRelay || p.Relay == nil {
		return groupcast.RelayRef{}, groupcast.Errorf(groupcast.EForbidden, "only a relay may do this").
			WithHint("use the token that a relay got when it was enrolled")
	}
	return *p.Relay, nil
}

// RenewRelay keeps what a relay says of itself, and says what it should hold.
func (r *Calls) RenewRelay(
	ctx context.Context, p groupcast.Principal, report groupcast.RelayReport,
) (groupcast.RelayOrders, error) {
	is, err := mustRelay(p)
	if err == nil {
		err = relayproto.CheckReport(report)
	}
	if err != nil {
		return groupcast.RelayOrders{}, err
	}
	out := groupcast.RelayOrders{Signing: r.cfg.Signing(), Transfers: []groupcast.RelayOrder{}}
	owed, err := r.cfg.Store.RelayOwed(ctx, is.ID, groupcast.MostRelayOrders)
	if err != nil {
		return out, err
	}
	r.mu.Lock()
	r.said[is.ID] = said{r.cfg.Now(), report}
	r.mu.Unlock()
	for _, no := range owed {
		tr, err := r.cfg.Store.Transfer(ctx, no)
		if groupcast.ErrorCode(err) == groupcast.ENotFound {
			continue
		}
		if err != nil {
			return out, err
		}
		if tr.Paged {
			out.Transfers = append(out.Transfers, r.order(is.ID, tr))
		}
	}
	return out, nil
}

func (r *Calls) order(relay protocol.RelayID, tr store.Transfer) groupcast.RelayOrder {
	return groupcast.RelayOrder{
		Transfer: tr.No, TransferID: tr.ID, Group: tr.GroupID, Edition: tr.Edition, Skeleton: tr.Skeleton,
		SkeletonBytes: tr.SkeletonBytes, Pages: tr.Pages,
		Blocks: uint32(tr.Blocks), Bytes: tr.Bytes, CacheKey: seal.CacheKey(r.cfg.Key, relay, tr.GroupID),
	}
}

// may checks at this moment that a relay may have a transfer, which is a paged one.
func (r *Calls) may(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (is groupcast.RelayRef, tr store.Transfer, err error) {
	if is, err = mustRelay(p); err != nil {
		return is, tr, err
	}
	if err = r.cfg.Store.RelayMay(ctx, is.ID, no); err != nil {
		return is, tr, err
	}
	tr, err = r.cfg.Store.Transfer(ctx, no)
	if err == nil && !tr.Paged {
		err = groupcast.Errorf(groupcast.ENotFound, "there is no paged transfer %d", no)
	}
	return is, tr, err
}

// RelaySkeleton streams the skeleton of a transfer.
func (r *Calls) RelaySkeleton(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (io.ReadCloser, error) {
	is, tr, err := r.may(ctx, p, no)
	if err != nil {
		return nil, err
	}
	src, err := r.cfg.Open(ctx, tr)
	if err != nil {
		return nil, err
	}
	parts, err := download.Skeleton(src)
	if err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return r.give(ctx, is, tr, parts)
}

// RelayPages streams the pages there are of a transfer from a number on.
func (r *Calls) RelayPages(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, from protocol.PageNo,
) (io.ReadCloser, error) {
	is, tr, err := r.may(ctx, p, no)
	if err != nil {
		return nil, err
	}
	if uint32(from) > tr.Pages {
		return nil, groupcast.Errorf(groupcast.EInvalid, "pages from %d on were asked for; there are never more than %d",
			from, tr.Pages).WithHint("ask for those after the newest that is here")
	}
	src, err := r.cfg.Open(ctx, tr)
	if err != nil {
		return nil, err
	}
	list, err := r.polls.Await(ctx, src, protocol.DeviceID(is.ID), from)
	if err != nil || len(list) == 0 {
		if err = errors.Join(err, src.Close()); err != nil {
			return nil, err
		}
		return io.NopCloser(bytes.NewReader(nil)), nil
	}
	return r.give(ctx, is, tr, download.PagesOf(src, list))
}

// RelayStream streams blocks of a transfer.
func (r *Calls) RelayStream(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, asked protocol.Range,
) (io.ReadCloser, error) {
	is, tr, err := r.may(ctx, p, no)
	if err != nil {
		return nil, err
	}
	if asked.Count == 0 || asked.Count > groupcast.MaxStreamCount ||
		uint64(asked.First)+uint64(asked.Count) > uint64(tr.Blocks) {
		return nil, groupcast.Errorf(groupcast.EInvalid, "%d blocks from block %d on were asked for; there are %d",
			asked.Count, asked.First, tr.Blocks).WithHint("ask for 1 to %d blocks at once", groupcast.MaxStreamCount)
	}
	src, err := r.cfg.Open(ctx, tr)
	if err != nil {
		return nil, err
	}
	return r.give(ctx, is, tr, download.BlocksOf(src, offering.FirstStream(tr), asked))
}

// give gives parts of a transfer to a relay as long as it may have them, as the limits allow.
func (r *Calls) give(
	ctx context.Context, is groupcast.RelayRef, tr store.Transfer, parts download.Source,
) (io.ReadCloser, error) {
	if !r.begin(is.ID) {
		err := groupcast.Errorf(groupcast.EExhausted, "the relay %s fetches %d things at once already", is.Name, mostStreams).
			WithHint("try again when one of them is through")
		return nil, errors.Join(err, parts.Close())
	}
	line := r.cfg.Lines.Enter(tr.No, tr.RateLimit/8, false)
	looked := r.cfg.Now()
	s := download.New(download.Config{
		Source: parts, Now: r.cfg.Now,
		Others: func() bool { return false }, // its places are its own
		Allow: func(int) error {
			now := r.cfg.Now()
			if now.Sub(looked) < lookAgain {
				return nil
			}
			looked = now
			return r.cfg.Store.RelayMay(ctx, is.ID, tr.No)
		},
		Wait: func(n int) (int, error) { return r.cfg.Lines.Wait(ctx, line, false, n) },
		Broke: func(err error) {
			if !errors.Is(err, pages.ErrNotYet) {
				r.cfg.Log.Warn("what a relay asked for could not be read", "transfer", tr.No, "relay", is.Name, "err", err)
			}
		},
		Over: func(uint64) {
			r.end(is.ID)
			r.cfg.Lines.Leave(tr.No, tr.RateLimit/8, false)
		},
	})
	err := s.Begin()
	if err == nil {
		return s, nil
	}
	if errors.Is(err, pages.ErrNotYet) {
		err = groupcast.Errorf(groupcast.EConflict, "the first of these blocks has no page yet").
			WithHint("read the pages first").Wrap(err)
	}
	return nil, errors.Join(err, s.Close())
}

// begin takes one of a relay's places.
func (r *Calls) begin(id protocol.RelayID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams[id] >= mostStreams {
		return false
	}
	r.streams[id]++
	return true
}

func (r *Calls) end(id protocol.RelayID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.streams[id]--; r.streams[id] == 0 {
		delete(r.streams, id)
	}
}
