package groupcast

import (
	"slices"
	"testing"
)

// How deliveries stand. Each row was once told in different ways by different faces: the note says how.
var deliveriesStand = []struct {
	name      string
	d         Delivery
	label     Label
	rank      int
	delivered bool
	promised  bool
	attention bool
	actions   []DeliveryAction
}{
	{
		"at work",
		Delivery{State: DeliveryReceiving, Active: true, Path: PathMulticast},
		"receiving", RankAtWork, false, true, false,
		[]DeliveryAction{CatchUp, PutOff, Drop},
	},
	// The menu offered to catch up and the server refused it: it fetches already.
	{
		"fetches over HTTPS",
		Delivery{State: DeliveryReceiving, Active: true, Path: PathHTTPS},
		"receiving", RankAtWork, false, true, false,
		[]DeliveryAction{PutOff, Drop},
	},
	{
		"behind",
		Delivery{State: DeliveryReceiving, Active: true, Cause: CauseBehind},
		LabelBehind, RankSlow, false, true, false,
		[]DeliveryAction{PutOff, Drop},
	},
	// The command line said "queued", the menu "off", the web the one in its list and the other above it.
	{
		"off",
		Delivery{State: DeliveryQueued, Cause: CauseAway},
		LabelOff, RankAway, false, true, false,
		[]DeliveryAction{Drop},
	},
	{
		"held",
		Delivery{State: DeliveryQueued, Active: true, Cause: CauseHeld},
		LabelHeld, RankAtWork, false, true, false,
		[]DeliveryAction{Drop},
	},
	{
		"unconfirmed",
		Delivery{State: DeliveryQueued, Active: true, Cause: CauseUnconfirmed},
		LabelHeld, RankAtWork, false, true, false,
		[]DeliveryAction{Drop},
	},
	{
		"silent",
		Delivery{State: DeliveryQueued, Active: true, Cause: CauseSilent},
		LabelSilent, RankSlow, false, true, true,
		[]DeliveryAction{CatchUp, PutOff, Drop},
	},
	{
		"put off",
		Delivery{State: DeliveryQueued, Active: true, Cause: CauseLater},
		LabelPutOff, RankAtWork, false, true, true,
		[]DeliveryAction{CatchUp, Drop},
	},
	// The web did not let it wait, the menu did.
	{
		"waits for its turn",
		Delivery{State: DeliveryQueued, Active: true, Cause: CauseWaits},
		"queued", RankAtWork, false, true, false,
		[]DeliveryAction{CatchUp, PutOff, Drop},
	},
	// The web had no word for it.
	{
		"source",
		Delivery{State: DeliveryQueued, Active: true, Cause: CauseSource},
		"queued", RankAtWork, false, true, false,
		[]DeliveryAction{CatchUp, PutOff, Drop},
	},
	// The command line put it among those at work, the web after the failed, the menu among them.
	{
		"refused",
		Delivery{State: DeliveryRefused, Active: true, Cause: CauseRefused},
		"refused", RankBad, false, true, true,
		[]DeliveryAction{CatchUp, PutOff, Drop},
	},
	{"failed", Delivery{State: DeliveryFailed}, "failed", RankBad, false, true, true, nil},
	// The web's squares and its week of failures left it out.
	{"incomplete", Delivery{State: DeliveryIncomplete}, "incomplete", RankBad, false, true, true, nil},
	// The server's sentence and the bars did not count it; the transfer's own counts did, as failed.
	{"expired", Delivery{State: DeliveryExpired}, "expired", RankBad, false, true, true, nil},
	// The server's sentence did not count it, the sentences of menu and web did.
	{"cancelled", Delivery{State: DeliveryCancelled}, "cancelled", RankTaken, false, false, false, nil},
	{"verified", Delivery{State: DeliveryVerified}, "verified", RankThrough, true, true, false, nil},
	// The command line drew it at 0 %, and a receiver's menu did not count it as received.
	{"already had", Delivery{State: DeliveryAlreadyHad}, "already-had", RankThrough, true, true, false, nil},
	// The web's coverage left it out.
	{"superseded", Delivery{State: DeliverySuperseded}, "superseded", RankThrough, true, true, false, nil},
}

func TestOneTellerOfDeliveries(t *testing.T) {
	for _, c := range deliveriesStand {
		t.Run(c.name, func(t *testing.T) {
			c.d.Device = "pc"
			s := c.d.Stand().Standing
			if s.Label != c.label || s.Rank != c.rank || s.Delivered != c.delivered || s.Promised != c.promised ||
				s.Attention != c.attention {
				t.Errorf("%+v", s)
			}
			if !slices.Equal(s.Actions, c.actions) {
				t.Errorf("actions %v, want %v", s.Actions, c.actions)
			}
			if share := c.d.Share(100); (share == 1) != c.delivered {
				t.Errorf("a share of %v", share)
			}
			if s.Owed != c.d.State.Owed() || s.Retryable != c.d.State.Retryable() {
				t.Errorf("owed %v, retryable %v", s.Owed, s.Retryable)
			}
		})
	}
}

func TestAMemberWithoutADevice(t *testing.T) {
	d := Delivery{User: "ann", State: DeliveryQueued, Cause: CauseNoDevice}
	if d.Label() != LabelNoDevice || d.Rank() != RankAway || !slices.Equal(d.Actions(), []DeliveryAction{Drop}) {
		t.Errorf("%+v", d.Stand().Standing)
	}
}

func TestEntriesAreAstrayOnceADeliveryIsClosed(t *testing.T) {
	d := Delivery{State: DeliveryQueued, Tally: Tally{Entries: 3, Beside: 1}}
	if d.Astray() {
		t.Error("a delivery that is owed")
	}
	if d.State = DeliveryVerified; !d.Astray() {
		t.Error("one that is closed")
	}
}

func TestWorstFirst(t *testing.T) {
	all := []Delivery{
		{Device: "through", State: DeliveryVerified},
		{Device: "off", State: DeliveryQueued},
		{Device: "fast", State: DeliveryReceiving, Active: true, Bytes: 9},
		{Device: "slow", State: DeliveryReceiving, Active: true, Bytes: 1},
		{Device: "taken", State: DeliveryCancelled},
		{Device: "odd", State: "of-a-newer-version"},
		{Device: "silent", State: DeliveryQueued, Active: true, Cause: CauseSilent},
		{Device: "bad", State: DeliveryFailed},
	}
	slices.SortFunc(all, WorstFirst)
	var got []string
	for _, d := range all {
		got = append(got, d.Device)
	}
	if want := []string{"bad", "silent", "slow", "fast", "off", "taken", "through", "odd"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestOneTellerOfTransfers(t *testing.T) {
	for _, c := range []struct {
		name      string
		t         Transfer
		rank      int
		share     float64
		attention bool
		sendable  bool
		retryable bool
	}{
		{
			"sending",
			Transfer{State: TransferSending, Owed: 3, Verified: 1, Progress: 0.4},
			RankRunning, 0.4, false, false, false,
		},
		{
			"gathering",
			Transfer{State: TransferGathering, Owed: 3, Verified: 1, Progress: 0.25},
			RankGathering, 0.25, false,
			true, false,
		},
		{"waiting, and one failed", Transfer{State: TransferWaiting, Owed: 1, Failed: 1}, RankWaiting, 0, true, true, true},
		{"held", Transfer{State: TransferHeld}, RankHeld, 0, false, true, false},
		{"done", Transfer{State: TransferDone, Verified: 2}, RankClosed, 1, false, false, false},
		// The web's filter "failed" and its week of failures did not agree about it.
		{"incomplete at one", Transfer{State: TransferDone, Verified: 1, Incomplete: 1}, RankClosed, 0.5, true, false, true},
		{"expired", Transfer{State: TransferExpired, Failed: 1}, RankClosed, 0, true, false, true},
		{"cancelled", Transfer{State: TransferCancelled}, RankClosed, 0, false, false, true},
		{"failed", Transfer{State: TransferFailed}, RankClosed, 0, true, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := c.t
			if s := tr.Stand().Standing; s.Rank != c.rank || s.Share != c.share || s.Devices != tr.Devices() ||
				s.Attention != c.attention {
				t.Errorf("%+v", s)
			}
			if tr.Rank() != c.rank || tr.Share() != c.share || tr.NeedsAttention() != c.attention ||
				tr.Sendable() != c.sendable || tr.Retryable() != c.retryable {
				t.Errorf("rank %d, share %v, attention %v, sendable %v, retryable %v", tr.Rank(), tr.Share(), tr.NeedsAttention(),
					tr.Sendable(), tr.Retryable())
			}
		})
	}
}

func TestATransferInOneWord(t *testing.T) {
	for _, c := range []struct {
		name  string
		t     Transfer
		label Label
	}{
		{"all have it", Transfer{State: TransferDone, Verified: 3}, LabelDelivered},
		{"all who are there have it", Transfer{State: TransferWaiting, Verified: 2, Owed: 1, Away: 1}, LabelDelivered},
		{"nobody is there", Transfer{State: TransferWaiting, Owed: 2, Away: 2}, LabelWaiting},
		{"one there has no room", Transfer{State: TransferWaiting, Verified: 1, Owed: 2, Away: 1, Stuck: 1}, LabelNeedsYou},
		{"one there waits for its turn", Transfer{State: TransferWaiting, Verified: 1, Owed: 1}, LabelWaiting},
		{"it begins", Transfer{State: TransferGathering, Owed: 3}, LabelSending},
		{"it runs", Transfer{State: TransferSending, Owed: 3, Away: 1}, LabelSending},
		{"it runs, and one does not answer", Transfer{State: TransferSending, Owed: 3, Stuck: 1}, LabelNeedsYou},
		{"held", Transfer{State: TransferHeld, Owed: 3}, LabelHeld},
		{"paused, and one there has no room", Transfer{State: TransferWaiting, Cause: CausePaused, Owed: 2, Stuck: 1}, LabelPaused},
		{"its files cannot be read", Transfer{State: TransferWaiting, Owed: 1, Cause: CauseSource}, LabelNeedsYou},
		{"after a restore", Transfer{State: TransferWaiting, Owed: 1, Cause: CauseUnconfirmed}, LabelNeedsYou},
		{"some entries are missing", Transfer{State: TransferDone, Verified: 1, Incomplete: 1}, LabelNeedsYou},
		{"taken back", Transfer{State: TransferCancelled, Failed: 1}, "cancelled"},
		{"out of time", Transfer{State: TransferExpired, Failed: 1}, LabelNeedsYou},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := c.t.Stand().Standing
			if got.Label != c.label || got.Attention != (c.label == LabelNeedsYou || c.t.Stuck > 0) || got.Away != c.t.Away {
				t.Errorf("%+v, want %s", got, c.label)
			}
		})
	}
}
