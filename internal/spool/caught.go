package spool

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/parts"
)

// What a crash caught has its final name, and the ledger does not know it yet: any other transfer, older or
// newer, would take it for the user's. So the ledger learns of it before the first transfer of a group is
// staged, whichever that is, and before what was staged is deleted.

// markGroup makes an empty file in a staging whose name says which group it is for, and in which folder its files
// get their names. It is as durable as the manifest, which is written after it.
func (g *Staging) markGroup() error {
	s := g.spool
	f, err := s.fs.Create(g.name+"/"+groupMark+hex.EncodeToString(s.cfg.GroupID[:])+"-"+s.cfg.Group, 0o600)
	if err != nil {
		return fmt.Errorf("note the group of a staging: %w", err)
	}
	return f.Close()
}

// groupMark begins the name of that file.
const groupMark = "group-"

// markedGroup reads that name; folder is empty if there is none.
func (s *Spool) markedGroup(no protocol.TransferNo) (id protocol.GroupID, folder string, err error) {
	entries, err := s.fs.Readdir(s.stagingName(no))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return id, "", err
	}
	for _, e := range entries {
		rest, is := strings.CutPrefix(e.Name(), groupMark)
		digits, name, whole := strings.Cut(rest, "-")
		b, err := hex.DecodeString(digits)
		if is && whole && err == nil && len(b) == len(id) && fs.ValidPath(name) && name != "." {
			return protocol.GroupID(b), name, nil
		}
	}
	return id, "", nil
}

// keepCaught records what a crash caught of the group's transfers, once: also of the one that comes, which may be
// refused before it finds its files itself.
func (s *Spool) keepCaught(ctx context.Context) error {
	shared := s.cfg.Shared
	shared.mu.Lock() // none of the group's transfers is admitted as long as this is not done
	defer shared.mu.Unlock()
	if shared.looked[s.cfg.GroupID] {
		return nil
	}
	staged, err := s.Stagings()
	if err != nil {
		return err
	}
	for _, no := range staged {
		if err := s.keepCaughtOf(ctx, no); err != nil {
			return fmt.Errorf("look for files of transfer %d: %w", no, err)
		}
	}
	shared.looked[s.cfg.GroupID] = true
	return nil
}

// keepCaughtOf is keepCaught for one transfer, if it is this group's.
func (s *Spool) keepCaughtOf(ctx context.Context, no protocol.TransferNo) error {
	g, p, err := s.caughtOf(no)
	if err != nil || g == nil {
		return err
	}
	return g.recallFiles(ctx, p)
}

// caughtOf finds the staging of a transfer of this group of which a crash may have caught files; nil if there is
// nothing to look for.
func (s *Spool) caughtOf(no protocol.TransferNo) (*Staging, journal.Past, error) {
	id, folder, err := s.markedGroup(no)
	if err != nil || id != s.cfg.GroupID || folder != s.cfg.Group {
		return nil, journal.Past{}, err
	}
	raw, there, err := s.Manifest(no)
	if err != nil || !there {
		return nil, journal.Past{}, err
	}
	return s.moving(no, raw)
}

// keepMoved records which files of a staging with this manifest a crash caught, for they would count as the
// user's once its journal is gone.
func (s *Spool) keepMoved(ctx context.Context, no protocol.TransferNo, raw []byte) error {
	g, p, err := s.moving(no, raw)
	if err != nil || g == nil {
		return err
	}
	return g.recallFiles(ctx, p)
}

// moving finds a staging with this manifest out of which files may have moved unknown to the ledger; nil if there
// are none.
func (s *Spool) moving(no protocol.TransferNo, raw []byte) (*Staging, journal.Past, error) {
	m, err := manifest.Parse(raw)
	if err != nil {
		return nil, journal.Past{}, nil // there is none
	}
	layout, _ := manifest.LayoutOf(m)
	g := &Staging{
		spool: s, no: no, name: s.stagingName(no), layout: layoutOf(layout), parts: parts.New(s.fs),
		outcomes: newOutcomes(len(m.Files), false), named: map[string]bool{},
	}
	_, p, _, err := journal.Read(s.fs, g.name+"/"+journalName, layout.Root())
	if err != nil {
		return nil, p, err
	}
	for i := range p.Moving {
		if !p.Settled[i] {
			return g, p, nil
		}
	}
	return nil, p, nil
}
