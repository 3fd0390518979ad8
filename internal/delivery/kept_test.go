package delivery

import (
	"fmt"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/sender"
	"github.com/groupcast/groupcast/internal/store/sqlite"
)

func (w *world) written() sqlite.Written {
	w.Helper()
	n, err := w.db.Written(w.ctx)
	w.must(err)
	return n
}

// Everybody's progress, told each second, is a row a minute.
func TestARunningTransferIsARowAMinute(t *testing.T) {
	const devices, minutes = 20, 10
	inBubble(t, func(w *world) {
		var names []string
		for i := range devices {
			names = append(names, fmt.Sprintf("user-%02d", i))
		}
		_, agents, _ := running(w, names...)
		time.Sleep(sampleEvery)
		start := w.written()
		for second := range minutes * 60 {
			var status []sender.DeviceStatus
			for _, a := range agents {
				status = append(status, sessionStatus(a.id, 2+second/100, second/100))
			}
			w.sender().Report(status...)
			time.Sleep(time.Second)
		}
		rows := w.written().Rows - start.Rows
		t.Logf("%d devices wrote %d rows in %d minutes", devices, rows, minutes)
		if rows > minutes+1 || rows < minutes-1 {
			t.Errorf("%d rows, want one a minute", rows)
		}
		quiet := w.written()
		w.sender().Report()
		time.Sleep(3 * keepEvery)
		if rows := w.written().Rows - quiet.Rows; rows > 1 {
			t.Errorf("%d rows though nothing moves", rows)
		}
	})
}

// What was known of a delivery that is given up stays known, however it ends.
func TestWhatIsGivenUpKeepsWhatItHad(t *testing.T) {
	for name, end := range map[string]func(w *world, tr groupcast.Transfer, ann *agent){
		"cancelled": func(w *world, tr groupcast.Transfer, _ *agent) {
			_, err := w.Cancel(w.ctx, tr.No, by)
			w.must(err)
		},
		"expired": func(w *world, tr groupcast.Transfer, _ *agent) {
			w.ahead.Store(int64(tr.ExpiresAt.Sub(w.now()) + time.Second))
			w.Sweep(w.ctx)
		},
		"removed": func(w *world, _ groupcast.Transfer, _ *agent) { w.remove("ann", "g") },
		"dropped": func(w *world, tr groupcast.Transfer, ann *agent) {
			_, err := w.does(tr.No, ann.id, groupcast.Drop)
			w.must(err)
		},
		"failed": func(w *world, _ groupcast.Transfer, ann *agent) {
			w.must(ann.receipt(w.sender().Terms(), groupcast.DeliveryFailed, groupcast.PathMulticast))
		},
		"cancelled after a start": func(w *world, tr groupcast.Transfer, _ *agent) {
			w.reboot()
			_, err := w.Cancel(w.ctx, tr.No, by)
			w.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				tr, agents, _ := running(w, "ann", "bob")
				w.sender().Report(sessionStatus(agents[0].id, 2+5, 5))
				time.Sleep(2 * progressEvery)
				end(w, tr, agents[0])
				d, err := w.db.Delivery(w.ctx, tr.No, agents[0].id)
				w.must(err)
				if d.State.Owed() || d.Blocks != 5 || d.Bytes != 250 || d.Path != groupcast.PathMulticast || d.Bar == nil {
					t.Errorf("%+v", d)
				}
				kept, err := w.db.KeptProgress(w.ctx)
				w.must(err)
				if got := w.shown(tr.No); !got.State.Open() && len(kept) > 0 {
					t.Errorf("the progress of %+v is still kept", got)
				}
			})
		})
	}
}

// What a transfer cost over HTTPS shows at once, costs a row a minute, and is not forgotten by a start.
func TestBytesOverHTTPSAreCountedByDifference(t *testing.T) {
	inBubble(t, func(w *world) {
		w.group("g")
		a := w.enrol("ann", "g").attach()
		w.enrol("bob", "g") // it stays open
		tr := w.send("g", nil)
		_, err := a.ready(a.offered())
		w.must(err)
		start := w.written()
		for range 20 {
			w.read(a.blocks(tr.No, 0, 1))
		}
		if got := w.shown(tr.No).HTTPSBytes; got != 100 {
			t.Errorf("%d bytes are shown at once", got)
		}
		if rows := w.written().Rows - start.Rows; rows != 0 {
			t.Errorf("%d rows were written at once", rows)
		}
		time.Sleep(keepEvery + progressEvery)
		if rows := w.written().Rows - start.Rows; rows != 1 {
			t.Errorf("%d rows were written for a minute", rows)
		}
		w.read(a.blocks(tr.No, 0, 1))
		w.reboot()
		if got := w.shown(tr.No).HTTPSBytes; got != 105 {
			t.Errorf("%d bytes are shown after a start", got)
		}
	})
}
