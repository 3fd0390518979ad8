package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// known returns the identity of DIR: the one that it had when files went there before, else the one that
// is stored in it. If there is none, one is stored.
func (a *Agent) known(ctx context.Context) (spool.Identity, error) {
	a.folder.Lock()
	defer a.folder.Unlock()
	if a.identity != (spool.Identity{}) {
		return a.identity, nil
	}
	id, before, err := a.cfg.Ledger.Folder(ctx, a.cfg.Dir)
	if err != nil {
		return id, err
	}
	a.fresh.Store(!before)
	if !before || a.cfg.Adopt {
		if id, err = spool.Identify(a.cfg.Dir); err != nil {
			return id, err
		}
		if err := a.cfg.Ledger.KeepFolder(ctx, a.cfg.Dir, id); err != nil {
			return id, err
		}
	}
	a.identity = id
	return id, nil
}

// openDir opens DIR if it is the folder that is known.
func (a *Agent) openDir(ctx context.Context) (diskfs.FS, error) {
	id, err := a.known(ctx)
	if err != nil {
		return nil, err
	}
	return spool.OpenKnown(a.cfg.Dir, id)
}

// checkFolder looks for DIR at the start. If it is missing, the agent waits for it, unless GiveUp is set.
func (a *Agent) checkFolder(ctx context.Context) error {
	f, err := a.openDir(ctx)
	if err == nil {
		return f.Close()
	}
	if _, is := strange(err); is && (a.cfg.Once || a.cfg.GiveUp) {
		return groupcast.Errorf(groupcast.EInvalid, "%s", err.Error()).Wrap(err)
	}
	a.say(Line{Kind: "warning", Text: fmt.Sprintf("nothing can be received now: %v", err)})
	return nil
}

// folderIsBack says whether DIR is the folder that is known, and can be opened.
func (a *Agent) folderIsBack() bool {
	f, err := a.openDir(context.Background())
	if err != nil {
		return false
	}
	_ = f.Close() // it was only looked at
	return true
}

// strange says whether an error means that DIR is not the folder that is known.
func strange(err error) (*spool.Refused, bool) {
	var r *spool.Refused
	return r, errors.As(err, &r) && r.Kind == groupcast.RefusedFolder
}

// sweepServer deletes what is half received of transfers that are not to be kept. What cannot be
// deleted now is looked for again when the state is read the next time.
func (a *Agent) sweepServer(ctx context.Context, server protocol.ServerID, keep func(protocol.TransferNo) bool) {
	id, err := a.known(ctx)
	if err != nil {
		return // it is said where a transfer needs it
	}
	cfg := spool.Config{Dir: a.cfg.Dir, Known: id, Server: server, Shared: a.shared}
	gone, err := spool.Sweep(ctx, cfg, ledgers(a.cfg.Ledger, server), keep)
	if gone > 0 {
		a.cfg.Log.Info("deleted what was half received and is not owed any more", "transfers", gone)
	}
	if _, away := strange(err); err != nil && !away {
		a.cfg.Log.Warn("what is half received was not swept", "err", err)
	}
}

// sweepOthers deletes what is half received of servers that this machine was logged in to before.
func (a *Agent) sweepOthers(ctx context.Context) {
	servers, err := a.cfg.Ledger.Servers(ctx)
	if err != nil {
		a.cfg.Log.Warn("earlier servers are not known", "err", err)
	}
	for _, server := range servers {
		if server != a.cfg.Server {
			a.sweepServer(ctx, server, none)
		}
	}
}

func none(protocol.TransferNo) bool { return false }

// ledgers gives what was delivered to any group of a server.
func ledgers(l *ledger.Ledger, server protocol.ServerID) func(protocol.GroupID, string) spool.Ledger {
	return func(id protocol.GroupID, name string) spool.Ledger { return l.Deliveries(server, id, name) }
}

// Forget deletes what is half received of a server in every folder that files went to, and the
// receipts for it: the login there is over. A folder that is away keeps it until it is swept by
// the next receiver.
func Forget(ctx context.Context, l *ledger.Ledger, server protocol.ServerID) error {
	folders, err := l.Folders(ctx)
	if err != nil {
		return err
	}
	failed := errors.Join(l.ForgetReceipts(ctx, server), l.ForgetTaken(ctx, server, none))
	for dir, id := range folders {
		cfg := spool.Config{Dir: dir, Known: id, Server: server}
		if _, err := spool.Sweep(ctx, cfg, ledgers(l, server), none); err != nil {
			if _, away := strange(err); !away {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}
