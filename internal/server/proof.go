package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
	"github.com/groupcast/groupcast/internal/wire"
)

// Bounds of what a proof holds beside signatures.
const (
	proofManifest = 256 << 10 // bytes of the manifest, with the names
	proofEntries  = 200       // of one device …
	proofListed   = 20_000    // … and of all of them
)

// openReceipt checks a receipt's signature with the device's key and gives what was signed.
func (l *live) openReceipt(
	d groupcast.Device, tr store.Transfer, r groupcast.Receipt,
) (store.SignedReceipt, error) {
	out := store.SignedReceipt{
		Transfer: r.Transfer, Device: d.ID, Sequence: r.Sequence, Signature: r.Signature,
		Key: d.PublicKey, Since: d.CreatedAt, Reason: groupcast.Clip(r.Reason),
	}
	key, err := seal.VerifyKeyFrom(d.PublicKey)
	if err != nil {
		return out, groupcast.Errorf(groupcast.EInvalid, "this device has no key to sign receipts with").
			WithHint("log in again").Wrap(err)
	}
	if r.Version >= groupcast.ReceiptVersion && out.Reason != r.Reason {
		return out, groupcast.Errorf(groupcast.EInvalid, "a receipt's reason has at most %d bytes", groupcast.MaxReason)
	}
	full := l.signedOf(d, tr, r)
	if r.Version < groupcast.ReceiptVersion {
		out.Signed = full.Receipt.Signed()
		err = seal.VerifyReceipt(key, full.Receipt, r.Signature)
	} else if out.Signed, err = full.Signed(); err == nil {
		err = seal.VerifyFullReceipt(key, full, r.Signature)
	}
	if err != nil {
		return out, groupcast.Errorf(groupcast.EInvalid, "the receipt's signature is not this device's").Wrap(err)
	}
	return out, nil
}

func (l *live) signedOf(d groupcast.Device, tr store.Transfer, r groupcast.Receipt) seal.FullReceipt {
	return seal.FullReceipt{
		Receipt: seal.Receipt{
			Server: l.Server, Group: tr.GroupID, Transfer: r.Transfer, Root: r.Root,
			Device: d.ID, Outcome: string(r.Outcome), Sequence: r.Sequence,
		},
		Path: string(r.Path), Bytes: r.Bytes,
		Entries: uint32(r.Entries), Missing: uint32(r.Missing), Beside: uint32(r.Beside),
		Reason: groupcast.ReasonDigest(r.Reason), List: r.List,
	}
}

// covers says how much of what is told of a delivery its receipt signs: the names of what is
// missing or beside only if they are all kept as the device told them.
func (l *live) covers(ctx context.Context, d groupcast.Device, r groupcast.Receipt) (groupcast.Signed, error) {
	if r.Version < groupcast.ReceiptVersion {
		return groupcast.SignedOutcome, nil
	}
	if r.Missing+r.Beside > proofListed {
		return groupcast.SignedCounts, nil
	}
	var all []groupcast.DeliveryEntry
	for len(all) < r.Missing+r.Beside {
		next := groupcast.Window{From: len(all), Limit: min(entriesListed, r.Missing+r.Beside-len(all))}
		some, _, err := l.Store.Entries(ctx, r.Transfer, d.ID, next)
		if err != nil {
			return "", err
		}
		if len(some) == 0 {
			return groupcast.SignedCounts, nil
		}
		all = append(all, some...)
	}
	if groupcast.EntriesDigest(all) != r.List {
		return groupcast.SignedCounts, nil
	}
	return groupcast.SignedAll, nil
}

// keepOffer keeps an offer for proofs. Without it there is none: what is sent goes on.
func (l *live) keepOffer(ctx context.Context, offer wire.Offer, bytes, signature []byte) {
	err := l.Store.KeepSignedOffer(ctx, store.SignedOffer{
		Transfer: offer.Transfer, Root: offer.IndexDigest, Number: offer.Number,
		Offer: bytes, Signature: signature,
	})
	if err != nil {
		l.Log.Error("an offer was not kept: there will be no proof of its transfer",
			"transfer", offer.Transfer, slog.Any("err", err))
	}
}

// TransferProof makes the proof of what became of a transfer, as it stands.
func (s *Server) TransferProof(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo,
) (groupcast.Proof, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.Proof{}, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.Proof{}, err
	}
	out := groupcast.Proof{
		V: groupcast.ProofVersion, Fingerprint: s.id, Chain: s.cfg.Identity.SigningChain(),
		MadeAt:   s.now().UTC().Truncate(time.Second),
		Transfer: no, Group: tr.Group, Name: tr.Name,
		Devices: []groupcast.ProofDevice{}, Receipts: []groupcast.ProofReceipt{}, Missing: []groupcast.ProofMissing{},
	}
	if err := s.proveOffers(ctx, tr, &out); err != nil {
		return groupcast.Proof{}, err
	}
	if err := s.proveDeliveries(ctx, no, &out); err != nil {
		return groupcast.Proof{}, err
	}
	out.Statement = seal.SignStatement(s.key, s.id, out.Digest())
	return out, nil
}

// proveOffers adds the offers: of what the transfer holds now, and of what it held before.
func (s *Server) proveOffers(ctx context.Context, tr store.Transfer, out *groupcast.Proof) error {
	offers, err := s.store.SignedOffers(ctx, tr.No)
	if err != nil {
		return err
	}
	if len(offers) == 0 {
		return groupcast.Errorf(groupcast.EConflict, "there is no proof of transfer %d: no offer of it was kept", tr.No).
			WithHint("it was not offered to any device yet, or was sent by a version of the server that kept none")
	}
	for i, o := range offers { // the newest first
		signed := groupcast.SignedBytes{Bytes: o.Offer, Signature: o.Signature}
		if i == 0 {
			out.Offer = signed
			out.Manifest = s.smallManifest(tr, o)
			if o.Root == tr.Root {
				out.Lost = tr.Lost
			}
		} else {
			out.Earlier = append(out.Earlier, signed)
		}
	}
	return nil
}

// smallManifest gives the manifest that an offer names, if it is small.
func (s *Server) smallManifest(tr store.Transfer, o store.SignedOffer) []byte {
	if o.Manifest != nil || tr.Root != o.Root || tr.ContentGone || tr.ManifestBytes > proofManifest {
		return o.Manifest
	}
	m, _, err := s.content.Manifest(tr.Content)
	if err != nil {
		s.log.Warn("a proof is made without names", "transfer", tr.No, slog.Any("err", err))
		return nil
	}
	if e := manifest.Encode(m); e.Root == o.Root {
		return e.Manifest
	}
	return nil
}

// keepManifest keeps a manifest for proofs, if it is small: its content is about to go.
func (l *live) keepManifest(ctx context.Context, no protocol.TransferNo, m *manifest.Manifest) error {
	e := manifest.Encode(m)
	if len(e.Manifest) > proofManifest {
		return nil
	}
	return l.Store.KeepSmallManifest(ctx, no, e.Root, e.Manifest)
}

func (s *Server) proveDeliveries(ctx context.Context, no protocol.TransferNo, out *groupcast.Proof) error {
	signed, err := s.store.Receipts(ctx, no)
	if err != nil {
		return err
	}
	by := make(map[protocol.DeviceID]store.SignedReceipt, len(signed))
	for _, r := range signed {
		by[r.Device] = r
	}
	all, err := s.store.Deliveries(ctx, no, groupcast.Window{})
	if err != nil {
		return err
	}
	listed := 0
	for _, d := range all.Rows {
		r, found := by[d.DeviceID]
		if !found || d.Signed == groupcast.SignedNothing {
			out.Missing = append(out.Missing, groupcast.ProofMissing{
				Device: d.DeviceID, Name: d.Device, User: d.User, State: d.State, Reason: d.Reason,
			})
			continue
		}
		out.Devices = append(out.Devices, s.bind(d, r))
		receipt := groupcast.ProofReceipt{Device: d.DeviceID, Bytes: r.Signed, Signature: r.Signature, Reason: r.Reason}
		n := d.Missing + d.Beside
		if d.Signed == groupcast.SignedAll && n > 0 && n <= proofEntries && listed+n <= proofListed {
			receipt.Entries, _, err = s.store.Entries(ctx, no, d.DeviceID, groupcast.Window{Limit: n})
			if err != nil {
				return fmt.Errorf("entries of a proof: %w", err)
			}
			listed += n
		}
		out.Receipts = append(out.Receipts, receipt)
	}
	return nil
}

// bind signs that a device had this key and name.
func (s *Server) bind(d groupcast.Delivery, r store.SignedReceipt) groupcast.ProofDevice {
	since := r.Since.UTC()
	return groupcast.ProofDevice{
		ID: d.DeviceID, Name: d.Device, User: d.User, Key: r.Key, Since: since,
		Binding: seal.SignBinding(s.key, seal.Binding{
			Server: s.id, Device: d.DeviceID, Key: r.Key, Name: d.Device, Since: since.UnixMicro(),
		}),
	}
}
