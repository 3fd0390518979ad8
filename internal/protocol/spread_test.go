package protocol_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

func TestSpread(t *testing.T) {
	for devices, want := range map[int]time.Duration{
		0: 0, 8: 0, protocol.PromptGroup: 0, protocol.PromptGroup + 1: time.Millisecond,
		10_000: 9936 * time.Millisecond, protocol.MaxGroupSize: 20 * time.Second, -1: 0,
	} {
		t.Run(fmt.Sprint(devices), func(t *testing.T) {
			if got := protocol.Spread(devices); got != want {
				t.Errorf("%d devices are spread over %v, not %v", devices, got, want)
			}
		})
	}
}
