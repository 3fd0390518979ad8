package schedule

import (
	"errors"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Timing holds the waits of the schedule; tests shorten them.
type Timing struct {
	Gather    time.Duration // nobody new for so long closes the gather window
	GatherMax time.Duration // and so long after the first it closes anyway
	Ready     time.Duration // the most a session waits for answers before data flows
	RekeyWait time.Duration // the same for a session that replaces another (K2)
	Rekey     time.Duration // changes of members within it share one new session
	Answer    time.Duration // a device that was asked and says nothing is left for HTTPS
	Grace     time.Duration // a device whose stream broke keeps its state for so long
	Pause     time.Duration // between a catch-up that failed and the next
	Stall     time.Duration // a device that fetches or has stored and says nothing is no longer waited for
	Later     time.Duration // who was put off is tried again by itself, if no session runs
}

// DefaultTiming gives the waits that the server uses.
func DefaultTiming() Timing {
	return Timing{
		Gather: 10 * time.Second, GatherMax: 60 * time.Second,
		Ready: 500 * time.Millisecond, RekeyWait: 600 * time.Millisecond, Rekey: 200 * time.Millisecond,
		Answer: 30 * time.Second, Grace: 10 * time.Second, Pause: 5 * time.Second,
		Stall: 2 * time.Minute, Later: 15 * time.Minute,
	}
}

// Site names a part of the network that one sender reaches by multicast. All devices of a server
// without relays are at Here.
type Site = protocol.SiteID

// Here is the network of the server itself.
var Here Site

// Phase is where a transfer stands in a site.
type Phase uint8

// Phases in their usual order.
const (
	PhaseWaiting   Phase = iota // no receiver that lacks it is connected, or the group is busy
	PhaseGathering              // the gather window is open
	PhaseOpening                // OpenSession was given, the session is being made
	PhaseAsking                 // offers are out, data does not flow yet
	PhaseSending                // data flows
	PhaseRekeying               // stopped for a change of members; a new session follows
)

// State is where one device stands with a transfer.
type State uint8

// States of a device that is owed a transfer.
const (
	StateIdle      State = iota
	StateAsked           // holds the session's offer, has not answered
	StateMulticast       // has the keys
	StateStored          // stored every block; its receipt is awaited
	StateHTTPS           // catches up over HTTPS
	StateRefused         // said why it cannot take it
	StatePaused          // its catch-up failed: it is offered again after a while
	StateLater           // an administrator put it off
	StateSilent          // is connected and does not answer; its offer stands
)

// ReasonCode says why a device stands where it stands.
type ReasonCode uint8

// The schedule's own reasons; the words for them are made where they are shown.
const (
	NoReason       ReasonCode = iota
	Told                      // Text says it: what the device or a driver gave as the reason
	ByChoice                  // the transfer goes over HTTPS by its sender's choice
	AsAsked                   // an administrator asked for it
	NoAnswer                  // it did not answer the offer
	Fruitless                 // several multicast sessions brought it no new block
	SessionEnded              // it lacked blocks when its multicast session ended
	NobodyTookPart            // of a session: nobody answered its offer
	NoMulticast               // nothing sends multicast in its site
	RelayAway                 // the relay of its site cannot be reached
	RelayFetching             // the relay of its site fetches the transfer
)

// Reason is a code, with the given text if it is Told.
type Reason struct {
	Code ReasonCode
	Text string
}

// because makes the reason of a text; none of an empty one.
func because(text string) Reason {
	if text == "" {
		return Reason{}
	}
	return Reason{Code: Told, Text: text}
}

// Why a device cannot be moved now (CatchUp, PutOff).
var (
	ErrNotOwed       = errors.New("schedule: nothing of the transfer is owed to the device")
	ErrPaused        = errors.New("schedule: nothing is sent at present")
	ErrHeld          = errors.New("schedule: the transfer is held")
	ErrSuspended     = errors.New("schedule: the transfer is paused")
	ErrUnread        = errors.New("schedule: the files of the transfer are being read")
	ErrAway          = errors.New("schedule: the device is not connected")
	ErrUnfit         = errors.New("schedule: the device's version does not fit")
	ErrStored        = errors.New("schedule: the device has every block already")
	ErrFetches       = errors.New("schedule: the device fetches over HTTPS already")
	ErrOccupied      = errors.New("schedule: the device is at work on another version of the files")
	ErrPutOffAlready = errors.New("schedule: the device is put off already")
)

// ActionKind says what is to be done.
type ActionKind uint8

// What the schedule asks of its driver.
const (
	OpenSession   ActionKind = iota // make a multicast session, offer it to Devices, call Opened
	OfferSession                    // offer the running session to Devices
	BeginSession                    // let data flow
	OfferHTTPS                      // offer the transfer over HTTPS to Devices
	DetachDevices                   // take Devices out of the session
	CloseSession                    // end the session
	NoteRefused                     // note that Devices cannot take the transfer
	FetchContent                    // let the relay of Site fetch the transfer, until Staged
)

// Action is something the schedule wants done.
type Action struct {
	Kind     ActionKind
	Transfer protocol.TransferNo
	Site     Site
	Session  protocol.SessionID
	Devices  []protocol.DeviceID
	Reason   Reason
}

// delivery is what one device is owed of a transfer.
type delivery struct {
	state     State
	httpsOnly bool // HTTPS for good: multicast does not serve this device
	lapsed    int  // multicast sessions left for mere silence: that may have been the network
	reason    Reason
	since     time.Time
	looks     looks     // it compares what it has with what it was offered
	heard     bool      // it did something about the offer it has
	known     bool      // when it answered the offer it had answered one in time before
	gone      time.Time // when its stream broke
	refusal   Reason    // the reason that it refused for last
	final     bool      // and it will never take the transfer as it is
	stumbles  int       // catch-ups that failed one after another and brought nothing
	brought   uint64    // bytes that it held when one failed
	asked     uint64    // bytes that it was given over HTTPS since its allowance was renewed (F4)
	renewed   time.Time
	renewals  int
	fruitless int
	blocks    int                // verified, at the last run's begin
	told      bool               // it was told to fetch over HTTPS, at some time
	passed    protocol.SessionID // in which it was told to fetch: the offer it has is newer than the session's
}

// transfer is an open transfer: what holds in all sites.
type transfer struct {
	no    protocol.TransferNo
	group protocol.GroupID
	hold  bool

	suspended bool // an administrator paused it
	unread    bool // its files have to be read first
	demanding bool // not every device that fits can take it: see Demanding

	now   bool // without a gather window
	via   groupcast.Via
	stuck stuck
	runs  []*run // one a site, in the order of sites

	versions []protocol.TransferNo // of which it has the paths, or which have its: see SamePaths
}

// run is a transfer in one site.
type run struct {
	*transfer
	site       Site
	deliveries map[protocol.DeviceID]*delivery
	phase      Phase
	first      time.Time // gather window: when it opened, and who came last
	last       time.Time
	until      time.Time // asking, rekeying: when it ends
	rekeyed    bool      // the session to come replaces another
	session    protocol.SessionID
	fetch      bool // the relay of the site was told to fetch it
	staged     bool // and holds all of it
}

// stuck says that the content of a transfer cannot be read now: it waits, and is tried again.
type stuck struct {
	until   time.Time // zero: it is not
	since   time.Time // of the last time
	reason  string
	tries   int
	planned bool // it is planned anew, and goes on by itself
}

// Furthest returns the site in which a transfer has progressed most.
func Furthest(runs []Run) (out Run) {
	for i, r := range runs {
		if i == 0 || r.Phase > out.Phase {
			out = r
		}
	}
	return out
}
