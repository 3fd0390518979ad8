package agent

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent/loop"
	"github.com/groupcast/groupcast/internal/protocol"
)

// perform does what the loop wants done, until it wants nothing more.
func (a *Agent) perform(ctx context.Context) {
	for all := a.loop.Take(); len(all) > 0; all = a.loop.Take() {
		for _, action := range all {
			a.act(ctx, action)
		}
	}
}

// act does one thing. What takes the network or time is begun here and answered later.
func (a *Agent) act(ctx context.Context, action loop.Action) {
	switch do := action.(type) {
	case loop.ReadState:
		a.readState(ctx, do.Number)
	case loop.JoinGroup:
		a.join(do.Group)
	case loop.LeaveGroup:
		_ = a.endpoint.Leave(a.joined[do.Group], netip.Addr{}) // the interface may be gone
		delete(a.joined, do.Group)
	case loop.Begin:
		a.begin(ctx, do)
	case loop.Stop:
		if t := a.transfers[do.Transfer]; t != nil {
			t.cancel()
		}
	case loop.Look:
		a.look(ctx, do)
	case loop.Sweep:
		a.sweepServer(ctx, a.cfg.Server, do.Keep)
	case loop.Forget:
		if err := a.cfg.Ledger.ForgetTaken(ctx, a.cfg.Server, do.Keep); err != nil {
			a.cfg.Log.Warn("offers that are over were not forgotten", "err", err)
		}
	case loop.Say:
		a.say(do.Line)
	case loop.Note:
		a.cfg.Log.Warn(do.Text, "about", do.About)
	case loop.End:
		a.ending = true
	default:
		a.tell(ctx, action)
	}
}

// tell carries out actions that report something to the server.
func (a *Agent) tell(ctx context.Context, action loop.Action) {
	switch do := action.(type) {
	case loop.Refuse:
		a.refuse(do)
	case loop.Resume:
		a.resume(ctx, do)
	case loop.SendReceipt:
		a.receipts.send(do.Transfer)
	case loop.AnswerProbe:
		a.answerProbe(ctx, do.Probe)
	case loop.MeasureSpace:
		a.calls.post(lane{kind: deviceCalls}, call{with: ctx, name: "measure", do: func(ctx context.Context) {
			free, size, _ := a.room()
			if size == 0 {
				return // unknown
			}
			a.answer(ctx, func(now time.Time) { a.loop.Space(now, free) })
		}})
	case loop.TellSpace:
		a.calls.post(lane{kind: deviceCalls}, call{with: ctx, name: "space", do: func(ctx context.Context) {
			r := groupcast.AgentReport{FreeBytes: do.Free}
			_, r.DiskBytes, r.Reserve = a.room()
			if err := a.cfg.Client.Report(ctx, r); err != nil {
				a.cfg.Log.Debug("free space not reported", "err", err)
			}
		}})
	case loop.TellMTU:
		a.told.Store(0)
		a.tellMTU(ctx)
	}
}

// answer gives the loop the result of an action. The goroutine that carried the action out calls it.
func (a *Agent) answer(ctx context.Context, answer func(now time.Time)) {
	select {
	case a.answers <- answer:
	case <-ctx.Done():
	}
}

// readState reads the state. An earlier read that is still running is cancelled.
func (a *Agent) readState(ctx context.Context, number uint64) {
	a.calls.renew(lane{kind: stateCalls}, call{with: ctx, do: func(ctx context.Context) {
		state, err := a.cfg.Client.AgentState(ctx)
		a.answer(ctx, func(now time.Time) { a.stateRead(now, number, state, err) })
	}})
}

// stateRead takes the state: first of all that it is the server's.
func (a *Agent) stateRead(now time.Time, number uint64, state groupcast.AgentState, err error) {
	if err != nil {
		a.cfg.Log.Warn("state not read", "err", err)
		a.loop.StateFailed(now, number, "")
		return
	}
	if err := a.trust(state); err != nil {
		a.loop.StateFailed(now, number, err.Error())
		return
	}
	a.receipts.version = state.Receipts
	if a.cfg.Seen != nil {
		a.cfg.Seen(state.Now)
	}
	a.loop.State(now, number, state)
}

// trust checks the signing certificate against the pin, opens the sockets once and keeps them on the
// network card that leads to the server.
func (a *Agent) trust(state groupcast.AgentState) error {
	key, err := a.cfg.VerifySigning(state.Signing)
	if err != nil {
		return fmt.Errorf("the server's signing key: %w", err)
	}
	a.mu.Lock()
	a.verify = &key
	a.mu.Unlock()
	a.openEndpoint()
	return nil
}

// refuse reports to the server why this device does not take a transfer, even if the work on the
// transfer, or the agent, ends meanwhile.
func (a *Agent) refuse(r loop.Refuse) {
	a.calls.post(lane{transferCalls, r.Transfer}, call{do: func(ctx context.Context) {
		_, err := a.cfg.Client.Ready(ctx, groupcast.Ready{
			Transfer: r.Transfer, Session: r.Session, Refused: r.Reason, Kind: r.Kind, Space: r.Space,
		})
		if err != nil {
			a.cfg.Log.Debug("refusal not reported", "err", err)
		}
	}})
}

// resume reports to the server that a transfer which waited for the disk can be taken now. It says that no
// session brings it: a server that did not hear the refusal takes that for a reason to offer it again.
func (a *Agent) resume(ctx context.Context, r loop.Resume) {
	a.calls.post(lane{transferCalls, r.Transfer}, call{with: ctx, do: func(ctx context.Context) {
		now := groupcast.AgentReport{Transfer: r.Transfer, Path: groupcast.PathHTTPS, Reason: "it can be taken now"}
		now.FreeBytes, now.DiskBytes, now.Reserve = a.room()
		err := a.cfg.Client.Report(ctx, now)
		owed := true
		switch groupcast.ErrorCode(err) {
		case groupcast.ENotFound, groupcast.EConflict, groupcast.EClosed:
			owed = false
		}
		a.answer(ctx, func(time.Time) { a.loop.Resumed(r.Transfer, owed) })
	}})
}

// report sends the server the progress of a delivery, soon. A later report of the transfer replaces one
// that still waits.
func (a *Agent) report(ctx context.Context, no protocol.TransferNo, name string, r *groupcast.AgentReport) {
	r.Transfer = no
	a.calls.post(lane{transferCalls, no}, call{with: ctx, name: name, tell: r, do: func(ctx context.Context) {
		r.FreeBytes, r.DiskBytes, r.Reserve = a.room()
		if err := a.cfg.Client.Report(ctx, *r); err != nil {
			a.cfg.Log.Debug("report not sent", "err", err)
		}
	}})
}
