package relayproto

import (
	"crypto/ed25519"
	"unicode/utf8"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// CacheKeyBytes is the length of a group's key in orders.
const CacheKeyBytes = 32

const (
	mostPages    = 1 << 16
	maxText      = 100
	maxSignChain = 8
)

// CheckEnrolment looks at the first thing that a relay says.
func CheckEnrolment(e groupcast.RelayEnrolment) error {
	if len(e.PublicKey) != ed25519.PublicKeySize || e.Code == "" || len(e.Code) > maxText {
		return groupcast.Errorf(groupcast.EInvalid, "this is not what a relay enrols with").
			WithHint("run the relay with the version of the server")
	}
	return nil
}

// CheckReport looks at what a relay says of itself.
func CheckReport(r groupcast.RelayReport) error {
	if len(r.Version) > maxText || len(r.Transfers) > groupcast.MostRelayOrders {
		return errReport
	}
	seen := make(map[protocol.TransferNo]bool, len(r.Transfers))
	for _, h := range r.Transfers {
		if seen[h.Transfer] || h.Held > h.Bytes || h.Whole && h.Problem != "" ||
			utf8.RuneCountInString(h.Problem) > groupcast.MostRelayProblems {
			return errReport
		}
		seen[h.Transfer] = true
	}
	return nil
}

var errReport = groupcast.Errorf(groupcast.EInvalid, "the relay's report says what cannot be").
	WithHint("run the relay with the version of the server")

// CheckOrders looks at what a server wants its relay to hold.
func CheckOrders(o groupcast.RelayOrders) error {
	if len(o.Transfers) > groupcast.MostRelayOrders || len(o.Signing) > maxSignChain {
		return errOrders
	}
	seen := make(map[protocol.TransferNo]bool, len(o.Transfers))
	for _, t := range o.Transfers {
		if seen[t.Transfer] || len(t.CacheKey) != CacheKeyBytes || t.Edition == 0 || t.SkeletonBytes == 0 ||
			t.SkeletonBytes > skeleton.MaxBytes || t.Pages == 0 || t.Pages > mostPages ||
			t.Blocks > protocol.MaxBlocks ||
			t.Bytes > uint64(t.Blocks)*protocol.BlockSize {
			return errOrders
		}
		seen[t.Transfer] = true
	}
	return nil
}

var errOrders = groupcast.Errorf(groupcast.EInternal, "the server's orders for this relay say what cannot be").
	WithHint("run the relay with the version of the server")
