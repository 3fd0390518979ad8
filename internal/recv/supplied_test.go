package recv_test

import (
	"fmt"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/recv"
	"github.com/groupcast/groupcast/internal/wire"
)

// feed hands symbols of a block to a receiver and gives the next packet number.
func feed(r *recv.Receiver, l layout, number protocol.PacketNumber, b int, symbols ...int) protocol.PacketNumber {
	for _, i := range symbols {
		number++
		r.HandleData(at(1), number, data(l, b, i))
	}
	return number
}

// report gives the next feedback that is no ask, within so many milliseconds.
func report(t *testing.T, r *recv.Receiver, from, most int) (wire.Feedback, int) {
	t.Helper()
	for ms := from; ms <= from+most; ms++ {
		r.HandleTimeout(at(ms))
		if f, ok := r.NextFeedback(at(ms)); ok {
			return f, ms
		}
	}
	t.Fatalf("no report within %d ms", most)
	return wire.Feedback{}, 0
}

// A block that came over HTTPS counts, whatever is there of it already, and is done for.
func TestABlockThatWasSupplied(t *testing.T) {
	for name, c := range map[string]struct {
		symbols []int // of block 0 that came before
		ready   bool  // it was being decoded
	}{
		"nothing of it was there": {nil, false}, "a part of it was there": {[]int{0, 2}, false},
		"it is being decoded": {[]int{0, 1, 2, 3}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := even(2, 4)
			r := machine(l, nil)
			n := feed(r, l, 0, 0, c.symbols...)
			if es := events(r); (len(es) == 1) != c.ready {
				t.Fatalf("events %+v", es)
			}
			r.BlockSupplied(at(2), 0)
			if c.ready {
				r.BlockStored(at(3), 0, recv.Failed) // what was decoded could not be written: it does not matter
			}
			n = feed(r, l, n, 0, 0, 1, 2, 3) // late packets of it
			if es := events(r); len(es) != 0 {
				t.Errorf("it is worked on again: %+v", es)
			}
			feed(r, l, n, 1, 0, 1, 2, 3)
			if es := events(r); len(es) != 1 || es[0].Block != 1 {
				t.Fatalf("the other block: %+v", es)
			}
			r.BlockStored(at(4), 1, recv.Stored)
			if es := events(r); len(es) != 1 || es[0].Kind != recv.Done {
				t.Errorf("at the end: %+v", es)
			}
			if f, _ := report(t, r, 5, 500); f.Verified != 2 || f.Flags&wire.FeedbackDone == 0 {
				t.Errorf("it reports %+v", f)
			}
		})
	}
}

// A block may be stored and supplied as often as one likes: it is one block, and done is said once.
func TestABlockCountsOnce(t *testing.T) {
	l := even(1, 4)
	r := machine(l, nil)
	feed(r, l, 0, 0, 0, 1, 2, 3)
	events(r)
	for range 3 {
		r.BlockStored(at(2), 0, recv.Stored)
		r.BlockSupplied(at(2), 0)
	}
	if es := events(r); len(es) != 1 || es[0].Kind != recv.Done {
		t.Errorf("events %+v", es)
	}
	if f, _ := report(t, r, 3, 500); f.Verified != 1 {
		t.Errorf("%d are verified", f.Verified)
	}
}

// A block that could not be written is asked for anew, with all its symbols.
func TestABlockThatCouldNotBeWritten(t *testing.T) {
	l := even(2, 4)
	r := machine(l, nil)
	n := feed(r, l, 0, 0, 0, 1, 2, 3)
	events(r)
	r.BlockStored(at(2), 0, recv.Failed)
	r.HandleSync(at(3), sync(2, n, 2, 2))
	f, _, ok := asks(r, at(3), at(2000))
	if !ok || f.Flags&wire.FeedbackMismatch != 0 {
		t.Fatalf("it asks %+v, %v", f, ok)
	}
	if len(f.Ranges) == 0 && len(f.NACKs) == 0 {
		t.Errorf("it asks for nothing: %+v", f)
	}
	feed(r, l, n, 0, 4, 5, 6, 7)
	if es := events(r); len(es) != 1 || es[0].Kind != recv.BlockReady || es[0].Suspect {
		t.Errorf("events %+v", es)
	}
}

// What nobody worked on is nobody's outcome: it changes nothing.
func TestOutcomesOfBlocksThatWereNotReady(t *testing.T) {
	l := even(2, 4)
	for _, o := range []recv.Outcome{recv.Mismatch, recv.Failed} {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			r := machine(l, nil)
			n := feed(r, l, 0, 0, 0, 1)
			r.BlockStored(at(2), 0, o)
			r.BlockStored(at(2), 1, o)
			if d := r.Status().Drops; d.Mismatched != 0 {
				t.Errorf("%+v", d)
			}
			feed(r, l, n, 0, 2, 3)
			if es := events(r); len(es) != 1 || es[0].Kind != recv.BlockReady || es[0].Suspect {
				t.Errorf("events %+v", es)
			}
		})
	}
}

// What the driver says of the socket and of the disk is in the next report.
func TestTheReportCarriesWhatTheDriverSays(t *testing.T) {
	l := even(4, 4)
	r := machine(l, nil)
	r.Overrun(at(1), 17)
	r.Backlog(3)
	f, ms := report(t, r, 2, 500)
	if f.Overrun != 17 || f.Backlog != 3 || f.Flags&wire.FeedbackDone != 0 {
		t.Errorf("%+v", f)
	}
	r.Overrun(at(ms), 18)
	r.Backlog(0)
	if f, _ := report(t, r, ms+1, 500); f.Overrun != 1 || f.Backlog != 0 { // each is told once
		t.Errorf("the next: %+v", f)
	}
}

// Reports come once an interval, and not more often because somebody asks the machine more often.
func TestReportsKeepTheirInterval(t *testing.T) {
	r := machine(even(4, 4), nil)
	count := 0
	for ms := range 2000 {
		for range 3 {
			if _, ok := r.NextFeedback(at(ms)); ok {
				count++
			}
		}
	}
	if count < 17 || count > 23 { // an interval has 100 ms
		t.Errorf("%d reports in two seconds", count)
	}
}

// A device that has everything says so a few times, and is then quiet for ever.
func TestWhoIsDoneIsQuiet(t *testing.T) {
	l := even(1, 4)
	r := machine(l, nil)
	feed(r, l, 0, 0, 0, 1, 2, 3)
	events(r)
	r.BlockStored(at(2), 0, recv.Stored)
	said := 0
	for ms := 3; ms < 10_000; ms++ {
		r.HandleTimeout(at(ms))
		if f, ok := r.NextFeedback(at(ms)); ok {
			if said++; f.Flags&wire.FeedbackDone == 0 || f.Verified != 1 {
				t.Fatalf("it says %+v", f)
			}
		}
	}
	if said < 2 || said > 10 {
		t.Errorf("said %d times", said)
	}
}

// In a small group a SYNC that asks for reports brings the next one forward; in a large one it would be a flood.
func TestASolicitedReport(t *testing.T) {
	for _, c := range []struct {
		group uint32
		soon  bool
	}{{3, true}, {100_000, false}} {
		t.Run(fmt.Sprint(c.group), func(t *testing.T) {
			r := machine(even(4, 4), func(cfg *recv.Config) { cfg.First.ReportInterval = 10_000_000 })
			s := sync(2, 0, 4, 0)
			s.GroupSize, s.Flags, s.ReportInterval = c.group, wire.SyncSolicit, 10_000_000
			_, first := report(t, r, 0, 20_000)
			r.HandleSync(at(first+1), s)
			soon := false
			for ms := first + 1; ms < first+200; ms++ {
				if _, ok := r.NextFeedback(at(ms)); ok {
					soon = true
				}
			}
			if soon != c.soon {
				t.Errorf("a report within 200 ms: %v", soon)
			}
		})
	}
}
