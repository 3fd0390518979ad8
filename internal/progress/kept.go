package progress

import (
	"maps"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/history"
	"github.com/groupcast/groupcast/internal/protocol"
)

// TakeUnkept gives how far the devices are of transfers of which more is known than the store has, and the bytes
// over HTTPS that it has not counted.
func (b *Book) TakeUnkept() (map[protocol.TransferNo][]history.Progress, map[protocol.TransferNo]uint64) {
	devices, fetched := map[protocol.TransferNo][]history.Progress{}, b.fetched
	for k, p := range b.seen {
		if b.unkept[k.no] && !p.told.IsZero() {
			devices[k.no] = append(devices[k.no], history.Progress{
				Device: k.dev, At: p.told, Blocks: p.blocks, Bytes: p.bytes, Loss: p.loss, Bar: p.bar, Path: p.path,
			})
		}
	}
	b.unkept, b.fetched = map[protocol.TransferNo]bool{}, map[protocol.TransferNo]uint64{}
	return devices, fetched
}

// Know notes how far a device was before the server was started again. It says more when it comes.
func (b *Book) Know(no protocol.TransferNo, d history.Progress) {
	b.seen[key{no, d.Device}] = &entry{
		told: d.At, blocks: d.Blocks, bytes: d.Bytes, loss: d.Loss, bar: d.Bar, path: d.Path,
	}
}

// Fetched counts what a transfer cost over HTTPS; the store hears of it with the progress.
func (b *Book) Fetched(no protocol.TransferNo, n uint64) { b.fetched[no] += n }

// Uncounted is what a transfer cost over HTTPS that the store has not counted yet.
func (b *Book) Uncounted(no protocol.TransferNo) uint64 { return b.fetched[no] }

// Forget forgets a delivery that is settled.
func (b *Book) Forget(no protocol.TransferNo, dev protocol.DeviceID) { delete(b.seen, key{no, dev}) }

// Renewed forgets how far devices were with a transfer that has other content now.
func (b *Book) Renewed(no protocol.TransferNo) {
	maps.DeleteFunc(b.seen, func(k key, _ *entry) bool { return k.no == no })
}

// GiveUp forgets how far deliveries of a transfer are, and gives what is to be noted of them.
func (b *Book) GiveUp(no protocol.TransferNo, which func(protocol.DeviceID) bool) (last []groupcast.Delivery) {
	maps.DeleteFunc(b.seen, func(k key, p *entry) bool {
		if k.no != no || !which(k.dev) {
			return false
		}
		if !p.told.IsZero() {
			last = append(last, groupcast.Delivery{
				Transfer: k.no, DeviceID: k.dev, Path: p.path, Blocks: p.blocks, Bytes: p.bytes,
				LossPercent: p.loss, Bar: p.bar,
			})
		}
		return true
	})
	return last
}

// End forgets a transfer, and gives what is to be noted of its deliveries and its bytes over HTTPS.
func (b *Book) End(no protocol.TransferNo) (last []groupcast.Delivery, fetched uint64) {
	last, fetched = b.GiveUp(no, func(protocol.DeviceID) bool { return true }), b.fetched[no]
	delete(b.fetched, no)
	delete(b.unkept, no)
	return last, fetched
}
