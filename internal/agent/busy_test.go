package agent

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/groupcast/groupcast"
)

// A receiver that is told to come back does so, as often as it takes and ever more slowly; what
// is wrong with the download itself is not asked for again.
func TestADownloadWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, told, start := 0, 0, time.Now()
		body, err := untilServed(t.Context(), func() (io.ReadCloser, error) {
			switch asked++; {
			case asked > 40:
				return io.NopCloser(strings.NewReader("x")), nil
			case asked%2 == 0:
				return nil, groupcast.Errorf(groupcast.EBusy, "no room")
			}
			return nil, groupcast.Errorf(groupcast.EExhausted, "you have your part")
		}, func(error) { told++ })
		if err != nil || body == nil || told != 1 {
			t.Errorf("%v after %d asks, told %d times", err, asked, told)
		}
		if took := time.Since(start); took < 5*time.Minute {
			t.Errorf("it asked 41 times within %v", took)
		}
		gone := groupcast.Errorf(groupcast.ENotFound, "nothing is owed")
		asked = 0
		if _, err := untilServed(t.Context(), func() (io.ReadCloser, error) { asked++; return nil, gone },
			nil); !errors.Is(err, gone) || asked != 1 {
			t.Errorf("%v after %d asks", err, asked)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := untilServed(ctx, func() (io.ReadCloser, error) {
			return nil, groupcast.Errorf(groupcast.EBusy, "no room")
		}, func(error) {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}
