package delivery

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/bandwidth"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/delivery/deliverytest"
	"github.com/groupcast/groupcast/internal/download"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// As package download has it.
const (
	leastTaken  = 1 << 10 // bytes a second
	takenWindow = time.Minute
)

// readAt reads at so many bytes a second, in pieces of 8 KiB, and gives what it got.
func readAt(r io.Reader, bytesPerSec int) (got int, err error) {
	buf := make([]byte, 8<<10)
	for {
		n, err := r.Read(buf)
		got += n
		if err != nil {
			return got, err
		}
		time.Sleep(time.Duration(n) * time.Second / time.Duration(bytesPerSec))
	}
}

// Readers below the least rate are cut off; a line of 64 kbit/s is served to the end, with four
// streams at once, too.
func TestSlowReadersAreCutOffByALeastRate(t *testing.T) {
	for _, c := range []struct {
		rate   int
		served bool
	}{{8000, true}, {8000 / maxStreams, true}, {leastTaken, true}, {leastTaken * 9 / 10, false}, {100, false}} {
		t.Run(fmt.Sprint(c.rate, " ", c.served), func(t *testing.T) {
			inBubble(t, func(w *world) {
				w.source = long
				w.group("g")
				a := w.enrol("ann", "g").attach()
				tr := w.send("g", nil)
				r, err := a.blocks(tr.No, 0, 3)
				w.must(err)
				start := time.Now()
				got, err := readAt(r, c.rate)
				w.must(r.Close())
				if c.served && (!errors.Is(err, io.EOF) || got != 3*protocol.BlockSize) {
					t.Errorf("at %d bytes/s: %d bytes, %v", c.rate, got, err)
				}
				took := time.Since(start)
				if !c.served && (!errors.Is(err, download.ErrTooSlow) || took > takenWindow+82*time.Second) {
					t.Errorf("at %d bytes/s: %v after %v", c.rate, err, took)
				}
				if w.slots.Enter(w.ctx, a.p) != nil {
					t.Error("its place was not given back")
				}
			})
		})
	}
}

// How slowly the server gives is not the reader's fault.
func TestAServerThatGivesLittleCutsNobodyOff(t *testing.T) {
	inBubble(t, func(w *world) {
		w.source = long
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		w.lines = bandwidth.New(w.now, leastTaken/2, func(uint64) {})
		r, err := a.blocks(tr.No, 0, 2)
		w.must(err)
		if got, err := readAt(r, 1<<30); !errors.Is(err, io.EOF) || got != 2*protocol.BlockSize {
			t.Errorf("%d bytes, %v", got, err)
		}
	})
}

// Who reads for long gives way between two blocks, when somebody waits and not before.
func TestALongCatchUpGivesWayToThoseThatWait(t *testing.T) {
	inBubble(t, func(w *world) {
		w.source = long
		w.group("g")
		a := w.enrol("ann", "g").attach()
		tr := w.send("g", nil)
		const slow = 3800 // a block takes about a minute
		r, err := a.blocks(tr.No, 0, 3)
		w.must(err)
		if got, err := readAt(r, slow); !errors.Is(err, io.EOF) || got != 3*protocol.BlockSize {
			t.Errorf("with nobody waiting: %d bytes, %v", got, err)
		}
		w.must(r.Close())
		r, err = a.blocks(w.send("g", nil).No, 0, 3)
		w.must(err)
		for range 31 {
			w.must(w.slots.Enter(w.ctx, a.another()))
		}
		go func() {
			for w.slots.Enter(w.ctx, a.another()) != nil && w.ctx.Err() == nil {
				continue
			}
		}()
		got, err := readAt(r, slow)
		if !errors.Is(err, download.ErrTurnOver) || got%protocol.BlockSize != 0 || got == 0 || got > 2*protocol.BlockSize {
			t.Errorf("with somebody waiting: %d bytes, %v", got, err)
		}
		w.must(r.Close())
	})
}

// another is one more device of the agent's user.
func (a *agent) another() groupcast.Principal {
	p := a.p
	p.Device = &groupcast.Device{ID: protocol.NewDeviceID()}
	return p
}

// long makes every block of full length.
func long(store.Transfer) (content.Blocks, error) { return deliverytest.Blocks{Full: true}, nil }
