package download

import (
	"time"

	"github.com/groupcast/groupcast"
)

// How slowly a download may be read, and for how long while others wait for a turn. A line of
// 64 kbit/s carries 8,000 bytes a second: with four streams at once each of them is still twice
// as fast as the least, and half a minute brings a block.
const (
	leastTaken  = 1 << 10          // bytes a second …
	takenWindow = time.Minute      // … over so long a time that the server waited for the reader
	longestTurn = 60 * time.Second // when somebody waits; it ends between two blocks
)

// Why a download is cut off.
var (
	ErrTooSlow = groupcast.Errorf(groupcast.EExhausted,
		"the download was read too slowly: less than %d bytes a second", leastTaken).
		WithHint("it goes on by itself where it was cut off")
	ErrTurnOver = groupcast.Errorf(groupcast.EBusy, "others wait for their turn to download").
			WithHint("it goes on by itself where it was cut off")
)

// pace measures how fast a stream is read. What counts is the time in which the reader has
// something to read: how slowly the server gives it is not the reader's fault.
type pace struct {
	now    func() time.Time
	others func() bool // says whether somebody waits for this one's place

	begun  time.Time
	gaveAt time.Time
	bytes  uint64 // of the window
	waited time.Duration
}

// back says that the reader comes for more, and whether it took too long.
func (t *pace) back() error {
	if t.gaveAt.IsZero() {
		t.begun = t.now()
		return nil
	}
	t.waited += t.now().Sub(t.gaveAt)
	if t.waited < takenWindow {
		return nil
	}
	if float64(t.bytes) < leastTaken*t.waited.Seconds() {
		return ErrTooSlow
	}
	t.bytes, t.waited = 0, 0
	return nil
}

// gave says that the reader has something to read.
func (t *pace) gave(n int) {
	t.bytes += uint64(n)
	t.gaveAt = t.now()
}

// next is asked before each block.
func (t *pace) next() error {
	if t.now().Sub(t.begun) >= longestTurn && t.others() {
		return ErrTurnOver
	}
	return nil
}
