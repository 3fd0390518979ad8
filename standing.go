package groupcast

import "cmp"

// Everything that clients show of how a transfer and its deliveries stand is worked out here. Clients in
// Go call these methods; for others the server fills Standing with their results.

// Label says how a delivery stands: its state, or something that matters more.
type Label string

// The labels that are no state. All others are the delivery's state.
const (
	LabelOff      Label = "off"       // it is owed, and its receiver is not connected
	LabelNoDevice Label = "no-device" // it is owed, and the member has no device yet
	LabelHeld     Label = "held"      // it is owed, and nothing of the transfer is sent
	LabelSilent   Label = "silent"    // connected, but does not answer
	LabelPutOff   Label = "put-off"   // an administrator put it off
	LabelBehind   Label = "behind"    // it is served over HTTPS instead of multicast
	LabelPaused   Label = "paused"    // an administrator paused the transfer
	LabelReplaced Label = "replaced"  // what was owed went to a newer transfer; of transfers, too
)

// Standing is how a delivery stands, for clients to show.
type Standing struct {
	Label     Label            `json:"label"`
	Rank      int              `json:"rank"`                // place in a list, the worst first
	Delivered bool             `json:"delivered,omitempty"` // the device has every entry as it was sent, or a newer one
	Owed      bool             `json:"owed,omitempty"`
	Promised  bool             `json:"promised,omitempty"`
	Retryable bool             `json:"retryable,omitempty"` // retrying the transfer reopens it
	Astray    bool             `json:"astray,omitempty"`    // it is closed, and entries are missing or have another name
	Attention bool             `json:"attention,omitempty"` // somebody has to do something about it
	Actions   []DeliveryAction `json:"actions,omitempty"`   // what an administrator can do about it now
}

// Stand is the delivery with its standing.
func (d Delivery) Stand() Delivery {
	d.Standing = Standing{
		Label: d.Label(), Rank: d.Rank(), Delivered: d.State.Delivered(), Owed: d.State.Owed(), Promised: d.Promised(),
		Retryable: d.State.Retryable(), Astray: d.Astray(), Attention: d.NeedsAttention(), Actions: d.Actions(),
	}
	return d
}

// Label returns how the delivery stands.
func (d Delivery) Label() Label {
	switch {
	case d.State == DeliveryCancelled && d.ReplacedBy != 0:
		return LabelReplaced
	case !d.State.Owed() || d.State == DeliveryRefused:
		return Label(d.State)
	case d.Device == "":
		return LabelNoDevice
	case !d.Active:
		return LabelOff
	}
	switch d.Cause {
	case CauseHeld, CauseUnconfirmed:
		return LabelHeld
	case CausePaused:
		return LabelPaused
	case CauseSilent:
		return LabelSilent
	case CauseLater:
		return LabelPutOff
	case CauseBehind:
		return LabelBehind
	default:
		return Label(d.State)
	}
}

// The ranks of deliveries.
const (
	RankBad       = iota // it failed, was refused, lacks entries or expired
	RankSlow             // owed and connected, but slow
	RankAtWork           // owed and connected
	RankAway             // owed, and not connected
	RankTaken            // cancelled
	RankThrough          // delivered
	rankUnwatched        // a label that this version does not know
)

// Rank is the delivery's place in a list: the worst first.
func (d Delivery) Rank() int {
	switch d.Label() {
	case Label(DeliveryFailed), Label(DeliveryRefused), Label(DeliveryIncomplete), Label(DeliveryExpired):
		return RankBad
	case LabelSilent, LabelBehind:
		return RankSlow
	case Label(DeliveryReceiving), Label(DeliveryQueued), LabelHeld, LabelPaused, LabelPutOff:
		return RankAtWork
	case LabelOff, LabelNoDevice:
		return RankAway
	case Label(DeliveryCancelled), LabelReplaced:
		return RankTaken
	case Label(DeliveryVerified), Label(DeliveryAlreadyHad), Label(DeliverySuperseded):
		return RankThrough
	default:
		return rankUnwatched
	}
}

// WorstFirst compares deliveries of one transfer for a list: by rank, then those that have least.
func WorstFirst(x, y Delivery) int {
	return cmp.Or(x.Rank()-y.Rank(), cmp.Compare(x.Bytes, y.Bytes), cmp.Compare(x.Device, y.Device),
		cmp.Compare(x.User, y.User))
}

// Promised says whether the delivery counts among those of its transfer: it was not cancelled.
func (d Delivery) Promised() bool { return d.State != DeliveryCancelled }

// NeedsAttention says whether the delivery will not complete without help.
func (d Delivery) NeedsAttention() bool {
	return d.Rank() == RankBad || d.Label() == LabelSilent || d.Label() == LabelPutOff
}

// Astray says whether the delivery is closed and entries of it are missing or have another name.
func (d Delivery) Astray() bool { return !d.State.Owed() && d.Missing+d.Beside > 0 }

// Waited says whether it is worth waiting for the delivery: it will complete by itself, soon.
func (d Delivery) Waited() bool {
	return d.Active && (d.State == DeliveryQueued || d.State == DeliveryReceiving) &&
		d.Cause != CauseSilent && d.Cause != CauseLater && d.Cause != CauseSource && d.Cause != CausePaused
}

// Share is how much of a transfer of so many bytes the device has, 0 to 1.
func (d Delivery) Share(bytes uint64) float64 {
	switch {
	case d.State.Delivered():
		return 1
	case bytes == 0:
		return 0
	}
	return min(1, float64(d.Bytes)/float64(bytes))
}

// Actions are what an administrator can do about the delivery now.
func (d Delivery) Actions() []DeliveryAction {
	if !d.State.Owed() {
		return nil
	}
	var out []DeliveryAction
	if d.Device != "" && d.Active && d.Cause != CauseHeld && d.Cause != CausePaused && d.Cause != CauseUnconfirmed {
		if fetches := d.State == DeliveryReceiving && d.Path == PathHTTPS; d.Cause != CauseBehind && !fetches {
			out = append(out, CatchUp)
		}
		if d.Cause != CauseLater {
			out = append(out, PutOff)
		}
	}
	return append(out, Drop)
}

// Devices is how many deliveries the transfer has without those that were cancelled.
func (t Transfer) Devices() int { return t.Owed + t.Verified + t.Incomplete + t.Failed }

// Share is how much of the transfer has arrived, 0 to 1: of an open one its Progress, which leaves out
// receivers that are off; of a closed one the share of devices that have it.
func (t Transfer) Share() float64 {
	switch all := t.Devices(); {
	case t.State.Open():
		return t.Progress
	case all > 0:
		return float64(t.Verified) / float64(all)
	}
	return 0
}

// NeedsAttention says whether some of the transfer will not complete without help. A receiver that is off
// is no reason: it is served when it is back.
func (t Transfer) NeedsAttention() bool {
	switch {
	case t.State == TransferCancelled:
		return false
	case t.State == TransferFailed || t.State == TransferExpired || t.Failed > 0 || t.Incomplete > 0 || t.Stuck > 0:
		return true
	}
	return t.State.Open() && (t.Cause == CauseSource || t.Cause == CauseUnconfirmed)
}

// The labels of a transfer; one that is cancelled is labelled by its state.
const (
	LabelDelivered Label = "delivered" // all connected receivers have it; the others get it when they are back
	LabelSending   Label = "sending"   // it is being sent, or about to be
	LabelWaiting   Label = "waiting"   // no receiver that lacks it is connected, or its turn has not come
	LabelNeedsYou  Label = "needs-you" // some of it will not complete without help
)

// Label is how the transfer stands, as a code.
func (t Transfer) Label() Label {
	switch {
	case t.State == TransferHeld:
		return LabelHeld
	case t.State == TransferCancelled && t.ReplacedBy != 0:
		return LabelReplaced
	case t.State.Open() && t.Cause == CausePaused:
		return LabelPaused
	case t.NeedsAttention():
		return LabelNeedsYou
	case t.State == TransferSending || t.State == TransferGathering:
		return LabelSending
	case t.State == TransferDone, t.State == TransferWaiting && t.Verified > 0 && t.Away == t.Owed:
		return LabelDelivered
	case t.State == TransferWaiting:
		return LabelWaiting
	}
	return Label(t.State)
}

// The ranks of transfers.
const (
	RankRunning = iota
	RankGathering
	RankWaiting
	RankHeld
	RankClosed
)

// Rank is the transfer's place in a list: running ones first, closed ones last.
func (t Transfer) Rank() int {
	switch t.State {
	case TransferSending:
		return RankRunning
	case TransferGathering:
		return RankGathering
	case TransferWaiting:
		return RankWaiting
	case TransferHeld:
		return RankHeld
	default:
		return RankClosed
	}
}

// TransferStanding is how a transfer stands, for clients to show.
type TransferStanding struct {
	Label     Label   `json:"label"`          // one word: see the labels of a transfer
	Away      int     `json:"away,omitempty"` // deliveries owed to receivers that are not connected
	Rank      int     `json:"rank"`           // place in a list: running ones first, closed ones last
	Devices   int     `json:"devices"`        // deliveries without those that were cancelled
	Share     float64 `json:"share"`          // how much has arrived, 0 to 1
	Attention bool    `json:"attention,omitempty"`
	Sendable  bool    `json:"sendable,omitempty"`  // sending it now changes something
	Retryable bool    `json:"retryable,omitempty"` // retrying it may reopen deliveries
}

// Stand is the transfer with its standing.
func (t Transfer) Stand() Transfer {
	t.Standing = TransferStanding{
		Label: t.Label(), Away: t.Away, Rank: t.Rank(), Devices: t.Devices(), Share: t.Share(), Attention: t.NeedsAttention(),
		Sendable: t.Sendable(), Retryable: t.Retryable(),
	}
	return t
}

// Sendable says whether SendTransfer changes anything: it is open, and not being sent already.
func (t Transfer) Sendable() bool { return t.State.Open() && t.State != TransferSending }

// Retryable says whether RetryTransfer may reopen deliveries, as far as the transfer's own counts
// show: cancelled deliveries are not counted in them.
func (t Transfer) Retryable() bool {
	return t.Failed+t.Incomplete > 0 || t.State == TransferFailed || t.State == TransferCancelled ||
		t.State == TransferExpired
}
