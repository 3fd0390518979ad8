package format2

import (
	"slices"

	"github.com/groupcast/groupcast/internal/protocol"
)

const receiptLabel = "groupcast/2 receipt\x00"

// ReceiptBytes is the length of what a device signs.
const ReceiptBytes = len(receiptLabel) + 32 + 16 + 8 + 16 + 32 + 4 + 32 + 16 + 16 + 8 + 1 + 1 + 4*4 + 8 + 32 + 32

// Outcome is what became of a delivery.
type Outcome uint8

// The outcomes.
const (
	OutcomeVerified Outcome = 1 + iota
	OutcomeIncomplete
	OutcomeAlreadyHad
	OutcomeSuperseded
	OutcomeFailed
	OutcomeRefused
	lastOutcome = OutcomeRefused
)

// The words for outcomes and paths, by their numbers.
var (
	outcomes = []string{"", "verified", "incomplete", "already-had", "superseded", "failed", "refused"}
	paths    = []string{"unknown", "multicast", "https", "relay"}
)

// OutcomeOf is the outcome of a word; false: there is none.
func OutcomeOf(word string) (Outcome, bool) {
	n := slices.Index(outcomes, word)
	return Outcome(max(n, 0)), n > 0
}

// String is the word for an outcome.
func (o Outcome) String() string { return wordOf(outcomes, int(o)) }

// Path is the way on which it came.
type Path uint8

// The paths.
const (
	PathUnknown Path = iota
	PathMulticast
	PathHTTPS
	PathRelay
	lastPath = PathRelay
)

// PathOf is the path of a word; false: there is none.
func PathOf(word string) (Path, bool) {
	n := slices.Index(paths, word)
	return Path(max(n, 0)), n >= 0
}

// String is the word for a path.
func (p Path) String() string { return wordOf(paths, int(p)) }

func wordOf(words []string, n int) string {
	if n >= len(words) {
		return ""
	}
	return words[n]
}

// Receipt is what a device signs about a transfer (docs/format-2.md §8).
type Receipt struct {
	Server     protocol.ServerID
	Group      protocol.GroupID
	Transfer   protocol.TransferNo
	TransferID protocol.TransferID
	Skeleton   protocol.Digest
	Edition    protocol.Edition
	Root       protocol.Digest // zero: the final page is not here
	Device     protocol.DeviceID
	Site       protocol.SiteID
	Sequence   uint64
	Outcome    Outcome
	Path       Path
	Entries    uint32
	Missing    uint32
	Beside     uint32
	Void       uint32 // files that the server could not deliver
	Bytes      uint64
	Reason     protocol.Digest // SHA-256 of the reason in words
	List       protocol.Digest // of what is missing and beside, by name
}

// ParseReceipt reads what a device signed.
func ParseReceipt(b []byte) (Receipt, error) {
	if len(b) != ReceiptBytes {
		return Receipt{}, ErrLength
	}
	r := reader{b: b}
	if string(r.take(len(receiptLabel))) != receiptLabel {
		return Receipt{}, ErrLabel
	}
	var x Receipt
	x.Server = protocol.ServerID(r.take(32))
	x.Group = protocol.GroupID(r.take(16))
	x.Transfer = protocol.TransferNo(r.u64())
	x.TransferID = protocol.TransferID(r.take(16))
	x.Skeleton = protocol.Digest(r.take(32))
	x.Edition = protocol.Edition(r.u32())
	x.Root = protocol.Digest(r.take(32))
	x.Device = protocol.DeviceID(r.take(16))
	x.Site = protocol.SiteID(r.take(16))
	x.Sequence = r.u64()
	x.Outcome, x.Path = Outcome(r.u8()), Path(r.u8())
	x.Entries, x.Missing, x.Beside, x.Void = r.u32(), r.u32(), r.u32(), r.u32()
	x.Bytes = r.u64()
	x.Reason, x.List = protocol.Digest(r.take(32)), protocol.Digest(r.take(32))
	return x, x.Check()
}

// Check says whether a receipt contradicts itself.
func (x *Receipt) Check() error {
	whole := x.Outcome == OutcomeVerified || x.Outcome == OutcomeAlreadyHad
	switch {
	case x.Outcome < OutcomeVerified || x.Outcome > lastOutcome:
		return errField("outcome", x.Outcome)
	case x.Path > lastPath:
		return errField("path", x.Path)
	case x.Edition < 1:
		return errField("edition", x.Edition)
	case whole && (x.Missing != 0 || x.Root == protocol.Digest{}):
		return errField("missing entries of a delivery that is verified", x.Missing)
	case x.Outcome == OutcomeIncomplete && x.Missing == 0:
		return errField("missing entries of a delivery that is incomplete", x.Missing)
	case uint64(x.Missing)+uint64(x.Beside)+uint64(x.Void) > uint64(x.Entries):
		return errField("entries", x.Entries)
	}
	return nil
}

// AppendReceipt writes what a device signs.
func AppendReceipt(dst []byte, x Receipt) []byte {
	dst = append(dst, receiptLabel...)
	dst = append(dst, x.Server[:]...)
	dst = append(dst, x.Group[:]...)
	dst = be.AppendUint64(dst, uint64(x.Transfer))
	dst = append(dst, x.TransferID[:]...)
	dst = append(dst, x.Skeleton[:]...)
	dst = be.AppendUint32(dst, uint32(x.Edition))
	dst = append(dst, x.Root[:]...)
	dst = append(dst, x.Device[:]...)
	dst = append(dst, x.Site[:]...)
	dst = be.AppendUint64(dst, x.Sequence)
	dst = append(dst, byte(x.Outcome), byte(x.Path))
	for _, v := range []uint32{x.Entries, x.Missing, x.Beside, x.Void} {
		dst = be.AppendUint32(dst, v)
	}
	dst = be.AppendUint64(dst, x.Bytes)
	dst = append(dst, x.Reason[:]...)
	return append(dst, x.List[:]...)
}
