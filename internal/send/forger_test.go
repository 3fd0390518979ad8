package send_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/send"
	"github.com/groupcast/groupcast/internal/wire"
)

// TestForgedBlocksAreShown: what receivers report of failed digests reaches the status; one
// device alone among several is not believed.
func TestForgedBlocksAreShown(t *testing.T) {
	for _, c := range []struct {
		devices, reporting int
		want               bool
	}{{1, 0, false}, {1, 1, true}, {2, 1, true}, {3, 1, false}, {3, 2, true}, {8, 0, false}} {
		t.Run(fmt.Sprint(c.devices, " ", c.reporting, " ", c.want), func(t *testing.T) {
			now := time.Unix(0, 0)
			s := send.New(send.Config{Blocks: 2, SymbolSize: 1408, Length: func(protocol.BlockNumber) int { return 1408 }}, now,
				rand.New(rand.NewPCG(1, 2)))
			for i := range c.devices {
				s.Attach(now, send.Device(i), nil, true)
			}
			for i := range c.reporting {
				s.HandleFeedback(now, send.Device(i), wire.Feedback{Flags: wire.FeedbackMismatch})
				s.HandleFeedback(now, send.Device(i), wire.Feedback{}) // a later report without the flag takes nothing back
			}
			if got := s.Status().ForgerLikely(); got != c.want {
				t.Errorf("%d of %d report failed digests: %v, want %v", c.reporting, c.devices, got, c.want)
			}
		})
	}
}
