package delivery

import (
	"context"
	"maps"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/history"
	"github.com/groupcast/groupcast/internal/protocol"
)

// keepProgress writes how far the devices are of transfers of which more is known than before, a row each,
// and what they cost over HTTPS.
func (e *Engine) keepProgress(ctx context.Context) {
	devices, fetched := e.takeUnkept()
	for no, n := range fetched {
		e.count(no, n)
	}
	rows := map[protocol.TransferNo][]byte{}
	for no, d := range devices {
		b, err := history.EncodeProgress(d)
		if err != nil {
			e.log.Error("progress could not be encoded", "transfer", no, "err", err)
			continue
		}
		rows[no] = b
	}
	if len(rows) == 0 {
		return
	}
	if err := e.store.KeepProgress(ctx, rows); err != nil && ctx.Err() == nil {
		e.log.Error("progress could not be written", "err", err)
	}
}

func (e *Engine) takeUnkept() (map[protocol.TransferNo][]history.Progress, map[protocol.TransferNo]uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	devices, fetched := map[protocol.TransferNo][]history.Progress{}, e.fetched
	for key, p := range e.seen {
		if e.unkept[key.no] && !p.told.IsZero() {
			devices[key.no] = append(devices[key.no], history.Progress{
				Device: key.dev, At: p.told, Blocks: p.blocks, Bytes: p.bytes, Loss: p.loss, Bar: p.bar, Path: p.path,
			})
		}
	}
	e.unkept, e.fetched = map[protocol.TransferNo]bool{}, map[protocol.TransferNo]uint64{}
	return devices, fetched
}

// knowProgress reads how far devices were before the server was started again. They say more when they come.
func (e *Engine) knowProgress(ctx context.Context) error {
	rows, err := e.store.KeptProgress(ctx)
	if err != nil {
		return err
	}
	for no, b := range rows {
		devices, err := history.DecodeProgress(b)
		if err != nil {
			e.log.Warn("progress cannot be read", "transfer", no, "err", err)
		}
		e.mu.Lock()
		for _, d := range devices {
			if _, owed := e.sched.Delivery(no, d.Device); owed {
				e.seen[deliveryKey{no, d.Device}] = &progress{
					told: d.At, blocks: d.Blocks, bytes: d.Bytes, loss: d.Loss, bar: d.Bar, path: d.Path,
				}
			}
		}
		e.mu.Unlock()
	}
	return nil
}

// giveUp forgets how far deliveries are, and gives what is to be noted of them; the lock is held.
func (e *Engine) giveUp(which func(deliveryKey) bool) (last []groupcast.Delivery) {
	maps.DeleteFunc(e.seen, func(key deliveryKey, p *progress) bool {
		if !which(key) {
			return false
		}
		if !p.told.IsZero() {
			last = append(last, groupcast.Delivery{
				Transfer: key.no, DeviceID: key.dev, Path: p.path, Blocks: p.blocks, Bytes: p.bytes,
				LossPercent: p.loss, Bar: p.bar,
			})
		}
		return true
	})
	return last
}

// noteLast writes how far deliveries got that ended without a receipt, and forgets the progress of
// transfers that are over.
func (e *Engine) noteLast(last []groupcast.Delivery, over ...protocol.TransferNo) {
	if len(last)+len(over) == 0 {
		return
	}
	if err := e.store.NoteProgress(context.Background(), last, over...); err != nil {
		e.log.Error("the last progress could not be written", "err", err)
	}
}

// uncounted is what a transfer cost over HTTPS that the store has not counted yet.
func (e *Engine) uncounted(no protocol.TransferNo) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fetched[no]
}
