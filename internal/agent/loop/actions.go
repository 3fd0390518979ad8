package loop

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Action is something that is to be done; the types below are all of them.
type Action any

// What the loop asks for. Those that say which method they are answered by are answered once.
type (
	// ReadState reads the state from the server; State or StateFailed answers it. An earlier one
	// that still runs is cancelled.
	ReadState struct{ Number uint64 }
	// JoinGroup hears a group's multicast address; JoinFailed or Joined answers it.
	JoinGroup struct{ Group groupcast.AgentGroup }
	// LeaveGroup stops hearing it.
	LeaveGroup struct{ Group protocol.GroupID }

	// Begin works on an offer; Ended answers it. One transfer is worked on once at a time.
	Begin struct {
		Offer   Offer
		Offered groupcast.Offered
		Group   groupcast.AgentGroup
	}
	// Stop ends the work on a transfer early; Ended still comes.
	Stop struct{ Transfer protocol.TransferNo }
	// Look finds out whether a transfer of so many more bytes could be taken now; Looked answers it.
	Look struct {
		Number uint64
		Offer  Offer
		Group  groupcast.AgentGroup
		Need   uint64
	}
	// Sweep deletes what is half received of the transfers that Keep does not say to keep.
	Sweep struct {
		Keep func(protocol.TransferNo) bool
	}
	// Forget forgets which offers were taken, of the transfers that Keep does not say to keep.
	Forget struct {
		Keep func(protocol.TransferNo) bool
	}

	// Refuse reports to the server why this device does not take a transfer.
	Refuse struct {
		Transfer protocol.TransferNo
		Session  protocol.SessionID
		Kind     groupcast.Refusal
		Reason   string
		Space    *groupcast.Space // for want of it
	}
	// Resume reports to the server that a transfer can be taken after all; Resumed answers it.
	Resume struct{ Transfer protocol.TransferNo }
	// SendReceipt sends the receipt that is kept for a transfer; ReceiptSent answers it.
	SendReceipt struct{ Transfer protocol.TransferNo }
	// AnswerProbe reports to the server which probes were received.
	AnswerProbe struct{ Probe string }
	// MeasureSpace finds out how much room the disk has; Space answers it.
	MeasureSpace struct{}
	// TellSpace reports it to the server.
	TellSpace struct{ Free uint64 }
	// TellMTU reports to the server how large packets may be, even if it was reported before.
	TellMTU struct{}

	// Say shows the user a line.
	Say struct{ Line Line }
	// Note writes to the log.
	Note struct{ Text, About string }
	// End ends the agent: all that was asked of it is done.
	End struct{}
)
