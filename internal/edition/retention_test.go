package edition

import (
	"slices"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

var at0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestWhatIsKeptForRetriesIsBounded(t *testing.T) {
	ended := func(no protocol.TransferNo, ago time.Duration, size uint64, inPlace bool) store.Transfer {
		tr := groupcast.Transfer{No: no, EndedAt: at0.Add(-ago), Bytes: size, InPlace: inPlace}
		return store.Transfer{Transfer: tr, ManifestBytes: 1}
	}
	closed := []store.Transfer{
		ended(1, 8*24*time.Hour, 10, true), // too long ago
		ended(2, 4*time.Hour, 1000, true),  // takes nothing of its own
		ended(3, 3*time.Hour, 60, false),   // the oldest upload goes
		ended(4, 2*time.Hour, 50, false),
		ended(5, time.Hour, 40, false),
	}
	if got := outlived(closed, at0, 100); !slices.Equal(got, []protocol.TransferNo{3, 1}) {
		t.Fatalf("freed %v, want 3 and 1", got)
	}
}
