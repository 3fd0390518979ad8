package server

import (
	"context"
	"fmt"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/edition"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/receipts"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/store"
)

// proofEntries bounds the entries of one device that a proof holds.
const proofEntries = 200

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
	if tr.Paged {
		out.V = groupcast.ProofVersionPaged
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
	pages, err := s.finalPages(ctx, tr, offers[0])
	if err != nil {
		return err
	}
	for i, o := range offers { // the newest first
		signed := groupcast.ProofOffer{Bytes: o.Offer, Signature: o.Signature, Page: pages[o.Edition]}
		if i == 0 {
			out.Offer = signed
			out.Manifest = s.smallList(tr, o)
			if o.Root == tr.Root || tr.Paged && o.Edition == tr.Edition {
				out.Lost = tr.Lost
			}
		} else {
			out.Earlier = append(out.Earlier, signed)
		}
	}
	return nil
}

// smallList gives the manifest, or the skeleton, that an offer names, if it is small.
func (s *Server) smallList(tr store.Transfer, o store.SignedOffer) []byte {
	if !tr.Paged {
		return s.smallManifest(tr, o)
	}
	if tr.ContentGone || tr.SkeletonBytes > edition.ProofManifest || o.Edition != tr.Edition {
		return nil
	}
	list, err := s.content.Skeleton(tr.Content)
	if err != nil {
		s.log.Warn("a proof is made without names", "transfer", tr.No, "err", err)
		return nil
	}
	return list
}

func (s *Server) smallManifest(tr store.Transfer, o store.SignedOffer) []byte {
	if o.Manifest != nil || tr.Root != o.Root || tr.ContentGone || tr.ManifestBytes > edition.ProofManifest {
		return o.Manifest
	}
	m, _, err := s.content.Manifest(tr.Content)
	if err != nil {
		s.log.Warn("a proof is made without names", "transfer", tr.No, "err", err)
		return nil
	}
	if e := manifest.Encode(m); e.Root == o.Root {
		return e.Manifest
	}
	return nil
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
		if d.Signed == groupcast.SignedAll && n > 0 && n <= proofEntries && listed+n <= receipts.Listed {
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
