package spool

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/lying"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Drop deletes a staging and what it holds. If it is this group's, the ledger learns first which of its files a
// crash caught: without the staging nobody could tell them from the user's.
func (s *Spool) Drop(ctx context.Context, no protocol.TransferNo) error {
	g, p, err := s.caughtOf(no)
	if err == nil && g != nil {
		done := s.cfg.Shared.turn() // no transfer is between two names of its files
		err = errors.Join(g.recallFiles(ctx, p), g.closeList())
		done()
	}
	if err != nil {
		return fmt.Errorf("look for files of transfer %d before its staging goes: %w", no, trouble.OrDisk(err))
	}
	return s.discard(no)
}

// Sweep deletes the stagings of a server in the folder that is known by an identity, but for those to keep: of
// all groups. The config has Dir, Known, Server and Shared; a group's ledger is asked for by its identity and name.
// It says how many went.
func Sweep(
	ctx context.Context, cfg Config, ledger func(protocol.GroupID, string) Ledger, keep func(protocol.TransferNo) bool,
) (gone int, err error) {
	f, err := OpenKnown(cfg.Dir, cfg.Known)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if cfg.Shared == nil {
		cfg.Shared = NewShared()
	}
	all := Spool{cfg: cfg, fs: f, lying: lying.Disk{FS: f}}
	staged, err := all.Stagings()
	if err != nil {
		return 0, err
	}
	var failed error
	for _, no := range staged {
		if keep(no) {
			continue
		}
		if err := all.dropOfAny(ctx, no, ledger); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		gone++
	}
	return gone, failed
}

// dropOfAny is Drop, whichever group the staging is of.
func (s *Spool) dropOfAny(
	ctx context.Context, no protocol.TransferNo, ledger func(protocol.GroupID, string) Ledger,
) error {
	id, folder, err := s.markedGroup(no)
	if err != nil {
		return fmt.Errorf("look whose the staging of transfer %d is: %w", no, err)
	}
	if folder == "" {
		return s.discard(no) // nothing was staged there yet
	}
	of := Spool{cfg: s.cfg, fs: s.fs, lying: s.lying}
	of.cfg.GroupID, of.cfg.Group, of.cfg.Ledger = id, folder, ledger(id, folder)
	return of.Drop(ctx, no)
}
