package spool

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool/journal"
	"github.com/groupcast/groupcast/internal/spool/layout"
	"github.com/groupcast/groupcast/internal/spool/pagefile"
	"github.com/groupcast/groupcast/internal/spool/parts"
	"github.com/groupcast/groupcast/internal/spool/record"
)

// What a crash caught has its final name, and the ledger does not know it yet: any other transfer, older or
// newer, would take it for the user's. So the ledger learns of it before the first transfer of a group is
// staged, whichever that is, and before what was staged is deleted.

// markGroup makes an empty file in a staging whose name says which group it is for, and in which folder its files
// get their names. It is as durable as the manifest, which is written after it.
func (s *Spool) markGroup(no protocol.TransferNo) error {
	name := s.stagingName(no) + "/" + groupMark + hex.EncodeToString(s.cfg.GroupID[:]) + "-" + s.cfg.Group
	f, err := s.fs.Create(name, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
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
	return errors.Join(g.recallFiles(ctx, p), g.closeList())
}

// caughtOf finds the staging of a transfer of this group of which a crash may have caught files; nil if there is
// nothing to look for.
func (s *Spool) caughtOf(no protocol.TransferNo) (*Staging, journal.Past, error) {
	id, folder, err := s.markedGroup(no)
	if err != nil || id != s.cfg.GroupID || folder != s.cfg.Group {
		return nil, journal.Past{}, err
	}
	raw, there, err := s.Manifest(no)
	switch {
	case err != nil:
		return nil, journal.Past{}, err
	case !there:
		return s.movingPaged(no)
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
	listed, _ := manifest.LayoutOf(m)
	g := &Staging{
		spool: s, no: no, name: s.stagingName(no), layout: layout.Of(listed), parts: parts.New(s.fs),
		outcomes: record.NewOutcomes(len(m.Files), false), named: map[string]bool{},
	}
	_, p, _, err := journal.Read(s.fs, g.name+"/"+journalName, listed.Root())
	if err != nil {
		return nil, p, err
	}
	if !unsettled(p) {
		return nil, p, nil
	}
	return g, p, nil
}

// unsettled says whether files may have moved unknown to the ledger.
func unsettled(p journal.Past) bool {
	for i := range p.Moving {
		if !p.Settled[i] {
			return true
		}
	}
	return false
}

// movingPaged is moving for a staging of format 2: what its pages say of files is taken without their signatures, for
// it decides only whose a file is that lies there with this content.
func (s *Spool) movingPaged(no protocol.TransferNo) (*Staging, journal.Past, error) {
	name := s.stagingName(no)
	key, there, err := pagefile.KeyAt(s.fs, name+"/"+pagesName)
	if err != nil || !there {
		return nil, journal.Past{}, err
	}
	_, p, _, err := journal.Read(s.fs, name+"/"+journalName, key.Digest())
	if err != nil || !unsettled(p) {
		return nil, p, err
	}
	f, err := s.fs.Open(name+"/"+skeletonName, false)
	if err != nil {
		return nil, p, fmt.Errorf("open the list of entries that is kept: %w", err)
	}
	l, err := layout.Read(f, key)
	if err != nil {
		return nil, p, f.Close() // there is none
	}
	err = pagefile.Each(s.fs, name+"/"+pagesName, func(raw []byte) bool {
		signed, _, _ := seal.SplitPage(raw)
		page, err := format2.ParsePage(signed)
		l.Note(page.Finished)
		return err == nil
	})
	if err != nil {
		return nil, p, errors.Join(err, f.Close())
	}
	return &Staging{
		spool: s, no: no, name: name, layout: l, list: f, parts: parts.New(s.fs), exact: true,
		outcomes: record.NewOutcomes(l.Entries(), true), named: map[string]bool{},
	}, p, nil
}
