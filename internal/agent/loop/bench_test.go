package loop

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/wire"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lab   = groupcast.AgentGroup{ID: protocol.GroupID{1}, Name: "lab", Address: "239.1.1.1:7441"}
)

// tomorrow is what a server speaks that this program does not understand.
var tomorrow = groupcast.Speaks{
	Program: "9.0.0", Control: groupcast.Versions{Least: 8, Most: 9}, Wire: groupcast.Versions{Least: 1, Most: 1},
}

// kept is what a device keeps, in memory.
type kept struct {
	receipts []protocol.TransferNo
	newest   map[protocol.TransferNo]protocol.OfferNo
	admit    error // of every offer, if it is set
	read     error
}

func (k *kept) Read(o groupcast.Offered) (Offer, error) {
	if k.read != nil {
		return Offer{}, k.read
	}
	return ParseOffer(o.Offer)
}

func (k *kept) Admit(offer Offer, _ groupcast.Offered) error {
	switch {
	case k.admit != nil:
		return k.admit
	case offer.Number < k.newest[offer.Transfer]:
		return errors.New("older than one that was taken")
	}
	k.newest[offer.Transfer] = offer.Number
	return nil
}

func (k *kept) KeepReceipt(offer Offer, _ Outcome) (bool, error) {
	if !slices.Contains(k.receipts, offer.Transfer) {
		k.receipts = append(k.receipts, offer.Transfer)
		slices.Sort(k.receipts)
	}
	return true, nil
}

func (k *kept) Receipts() ([]protocol.TransferNo, error) { return slices.Clone(k.receipts), nil }

func (k *kept) drop(no protocol.TransferNo) {
	k.receipts = slices.DeleteFunc(k.receipts, func(n protocol.TransferNo) bool { return n == no })
}

// bench is a loop with what it works on, at a time.
type bench struct {
	*Loop
	t    *testing.T
	kept *kept
	now  time.Time
}

// half draws the middle of what may be drawn.
func half(n time.Duration) time.Duration { return n / 2 }

func fresh(t *testing.T) *bench {
	k := &kept{newest: map[protocol.TransferNo]protocol.OfferNo{}}
	return &bench{Loop: New(Config{Records: k, Speaks: groupcast.Spoken(), Random: half}), t: t, kept: k, now: start}
}

// connected is one that is in the group lab and has nothing to do.
func connected(t *testing.T) *bench {
	b := fresh(t)
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentHello, Server: ptr(groupcast.Spoken())})
	b.state(groupcast.AgentState{Groups: []groupcast.AgentGroup{lab}})
	b.Joined(lab.ID)
	b.Space(b.now, 1000)
	b.Next(b.now)
	b.Take()
	return b
}

func ptr[T any](v T) *T { return &v }

// state answers the reading that is under way.
func (b *bench) state(s groupcast.AgentState) {
	s.Now = b.now
	b.State(b.now, b.reading.number, s)
}

func offered(no protocol.TransferNo, number protocol.OfferNo) groupcast.Offered {
	return groupcast.Offered{Transfer: no, Group: "lab", Offer: wire.AppendOffer(nil, wire.Offer{
		Transfer: no, Number: number, Group: lab.ID, Session: protocol.SessionID{byte(number)},
		ManifestBytes: 300, ManifestBlocks: 1,
		TotalBytes: 1000, Files: 1, Blocks: 1, SymbolSize: protocol.DefaultSymbol, MaxK: 164,
		Codec: wire.CodecCauchyRS, Hash: wire.HashBLAKE3, AEAD: wire.AEADAES256GCM, Cutter: wire.CutterFixed,
	})}
}

func (b *bench) offer(no protocol.TransferNo, number protocol.OfferNo) {
	b.Heard(b.now, groupcast.AgentEvent{Kind: groupcast.AgentOffer, Offer: ptr(offered(no, number))})
}

func verified() Outcome { return Outcome{State: groupcast.DeliveryVerified, Files: 1, Bytes: 1000} }

// names says what is wanted, in short; what is said to people only by its kind.
func names(all []Action) (out []string) {
	for _, a := range all {
		name := strings.TrimPrefix(fmt.Sprintf("%T", a), "loop.")
		switch a := a.(type) {
		case Say:
			name += " " + a.Line.Kind
		case Begin:
			name += fmt.Sprint(" ", a.Offer.Transfer, ".", a.Offer.Number)
		case Stop:
			name += fmt.Sprint(" ", a.Transfer)
		case SendReceipt:
			name += fmt.Sprint(" ", a.Transfer)
		case Refuse:
			name += fmt.Sprint(" ", a.Transfer, " ", a.Kind)
		case Resume:
			name += fmt.Sprint(" ", a.Transfer)
		case Look:
			name += fmt.Sprint(" ", a.Offer.Transfer)
		}
		out = append(out, name)
	}
	return out
}

// wants compares what is to be done.
func (b *bench) wants(what string, want ...string) {
	b.t.Helper()
	if got := names(b.Take()); !slices.Equal(got, want) {
		b.t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}
