package server

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/protocol"
)

// checkLeftOut bounds what the maker of an upload says about what is left out of it.
func checkLeftOut(n *groupcast.NewTransfer) error {
	if n.Upload != "" && (len(n.Exclude) > 0 || n.SkipBad) {
		return groupcast.Errorf(groupcast.EInvalid, "an upload holds only what is to be sent: nothing of it can be excluded").
			WithHint("leave it out when you upload")
	}
	if n.Upload == "" && (len(n.LeftOut) > 0 || n.LeftOutCount > 0) {
		return groupcast.Errorf(groupcast.EInvalid, "what is left out of paths is found by the server")
	}
	if len(n.LeftOut) > groupcast.MaxLeftOut || n.LeftOutCount < 0 || n.LeftOutCount > protocol.MaxFiles {
		return groupcast.Errorf(groupcast.EInvalid, "at most %d entries that are left out can be named", groupcast.MaxLeftOut)
	}
	for i := range n.LeftOut {
		l := &n.LeftOut[i]
		if l.Path == "" || len(l.Path) > 4*protocol.MaxPathBytes {
			return groupcast.Errorf(groupcast.EInvalid, "an entry that is left out has a path")
		}
		l.Path, l.Detail = groupcast.ShownPath(l.Path), groupcast.Clip(l.Detail)
		l.Why = groupcast.Why(groupcast.Clip(string(l.Why)))
		if l.Why.Lost() {
			return groupcast.Errorf(groupcast.EInvalid, "%s was not lost: it was never part of the transfer", l.Path)
		}
	}
	return nil
}

// CheckTransfer lists what of some paths cannot be sent, or is excluded.
func (s *Server) CheckTransfer(
	ctx context.Context, p groupcast.Principal, n groupcast.NewTransfer, w groupcast.Window,
) (groupcast.LeftOutPage, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.LeftOutPage{}, err
	}
	if err := checkTransfer(&n); err != nil {
		return groupcast.LeftOutPage{}, err
	}
	left, err := s.content.LeftOut(ctx, n, s.mayName(p))
	if err != nil {
		return groupcast.LeftOutPage{}, err
	}
	all := left.Entries
	some := all[min(max(w.From, 0), len(all)):]
	if w.Limit > 0 {
		some = some[:min(w.Limit, len(some))]
	}
	return groupcast.LeftOutPage{Total: left.Count, Listed: len(all), Entries: some}, nil
}

// CheckUpload lists what of some entries cannot be sent, or is excluded.
func (s *Server) CheckUpload(
	_ context.Context, p groupcast.Principal, entries []groupcast.UploadEntry, exclude []string,
) (groupcast.LeftOutPage, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.LeftOutPage{}, err
	}
	if len(entries) > protocol.MaxFiles {
		return groupcast.LeftOutPage{}, groupcast.Errorf(groupcast.EInvalid,
			"an upload has %d entries at most", protocol.MaxFiles)
	}
	refused, err := content.Refused(entries, exclude)
	return groupcast.LeftOutPage{Total: len(refused), Listed: len(refused), Entries: refused}, err
}

// LeftOut lists what was asked for and is not in a transfer.
func (s *Server) LeftOut(
	ctx context.Context, p groupcast.Principal, no protocol.TransferNo, w groupcast.Window,
) (groupcast.LeftOutPage, error) {
	if err := mustAdmin(p); err != nil {
		return groupcast.LeftOutPage{}, err
	}
	tr, err := s.store.Transfer(ctx, no)
	if err != nil {
		return groupcast.LeftOutPage{}, err
	}
	entries, listed, err := s.store.LeftOut(ctx, no, w)
	return groupcast.LeftOutPage{Total: tr.LeftOut + tr.Lost, Listed: listed, Entries: entries}, err
}
