package spool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
)

// What a crash caught has its final name, and the ledger does not know it yet: any other transfer, older or
// newer, would take it for the user's. So the ledger learns of it before the first transfer of a group is
// staged, whichever that is.

// groupMark is the name of an empty file in a staging that says which group it is for.
func (s *Spool) groupMark() string { return fmt.Sprintf("group-%x", s.cfg.GroupID) }

// markGroup makes that file. It is as durable as the manifest, which is written after it.
func (g *Staging) markGroup() error {
	f, err := g.spool.fs.Create(g.name+"/"+g.spool.groupMark(), 0o600)
	if err != nil {
		return fmt.Errorf("note the group of a staging: %w", err)
	}
	return f.Close()
}

// keepCaught records what a crash caught of the group's other transfers, once.
func (s *Spool) keepCaught(ctx context.Context, but protocol.TransferNo) error {
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
		if no == but {
			continue // it finds its own files itself
		}
		if err := s.keepCaughtOf(ctx, no); err != nil {
			return fmt.Errorf("look for files of transfer %d: %w", no, err)
		}
	}
	shared.looked[s.cfg.GroupID] = true
	return nil
}

// keepCaughtOf is keepCaught for one transfer, if it is this group's.
func (s *Spool) keepCaughtOf(ctx context.Context, no protocol.TransferNo) error {
	_, err := s.fs.Lstat(s.stagingName(no) + "/" + s.groupMark())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	raw, there, err := s.Manifest(no)
	if err != nil || !there {
		return err
	}
	return s.keepMoved(ctx, no, raw)
}

// keepMoved records which files of a staging with this manifest a crash caught, for they would count as the
// user's once its journal is gone.
func (s *Spool) keepMoved(ctx context.Context, no protocol.TransferNo, raw []byte) error {
	m, err := manifest.Parse(raw)
	if err != nil {
		return nil // there is none
	}
	layout, _ := manifest.LayoutOf(m)
	g := &Staging{
		spool: s, no: no, name: s.stagingName(no), layout: layout, files: m.Files, parts: newFileCache(s.fs),
		outcomes: make([]*Outcome, len(m.Files)), named: map[string]bool{},
	}
	_, p, _, err := readJournal(s.fs, g.name+"/"+journalName, layout.Root())
	if err != nil {
		return err
	}
	for i := range p.moving {
		if !p.settled[i] {
			g.place()
			return g.recallFiles(ctx, p)
		}
	}
	return nil
}
