package setback

import (
	"context"
	"fmt"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

// Shown looks at the newest offer that a device, USER/NAME, shows when it attaches (O4). One that this
// server signed and does not know is of a part of its life that the database has lost.
func (w *Watch) Shown(ctx context.Context, device string, offer, signature []byte) error {
	if len(offer) == 0 || len(offer) > groupcast.MaxAttachOffer {
		return nil
	}
	o, err := read(w.cfg.Key, offer, signature)
	if err != nil || o.Server != w.cfg.Server {
		w.cfg.Log.Debug("a device shows an offer that is not of this server", "device", device)
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	offers, transfers, err := w.numbers(ctx)
	if err != nil {
		return err
	}
	leftOut, err := w.cfg.Store.OfferLeftOut(ctx, o.Number)
	if err != nil {
		return err
	}
	if o.Number <= offers && o.Transfer <= transfers && !leftOut {
		return nil
	}
	if max(o.Number, o.Floor) > offers+mostAhead || o.Transfer > transfers+mostTransfersAhead {
		w.beyond(ctx, device, o)
		return nil
	}
	return w.found(ctx, State{
		How: groupcast.SetBackDevice,
		Detail: fmt.Sprintf("%s was given offer %d of transfer %d, which this server does not know of", device, o.Number,
			o.Transfer),
		Offers: max(o.Number, o.Floor, offers) + far, Transfers: max(o.Transfer, transfers) + farTransfers,
	})
}

// numbered is what counts of an offer, of whichever format.
type numbered struct {
	Server        protocol.ServerID
	Number, Floor protocol.OfferNo
	Transfer      protocol.TransferNo
}

// read reads an offer of either format if this server signed it.
func read(key seal.VerifyKey, offer, signature []byte) (numbered, error) {
	if format2.IsOffer(offer) {
		o, err := seal.VerifyOffer2(key, offer, signature)
		return numbered{o.Server, o.Number, o.Floor, o.Transfer}, err
	}
	o, err := seal.VerifyOffer(key, offer, signature)
	return numbered{o.Server, o.Number, o.Floor, o.Transfer}, err
}

// beyond notes, once, that an offer cannot come from a part of this server's life.
func (w *Watch) beyond(ctx context.Context, device string, o numbered) {
	if w.forged {
		return
	}
	w.forged = true
	w.cfg.Log.Error("an offer that is none of this server's bears its signature", "device", device, "offer", o.Number,
		"transfer", o.Transfer)
	w.cfg.Audit(ctx, "offer.forged", device, fmt.Sprintf(
		"it shows offer %d of transfer %d, far beyond this server's numbers: somebody else signs with its key",
		o.Number, o.Transfer))
}
