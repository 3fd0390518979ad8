package store

import (
	"context"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// Pages are the signed pages of transfers of format 2.
type Pages interface {
	// AddPage keeps the next page of a transfer, durably: what devices are told of it can be told again. Nothing
	// becomes of one that is there already, byte for byte. EConflict for another page of its number, for a number that
	// is not the next, after the final page, for an edition that is not the transfer's, for a transfer that is closed
	// or not paged, and for an older epoch of the site.
	AddPage(ctx context.Context, p Page) error
	// Pages lists pages of an edition from a number on, so many at most: of the transfer's own, and of the one before
	// until its own has its final page. There are none of others.
	Pages(ctx context.Context, no protocol.TransferNo, e protocol.Edition, from protocol.PageNo, most int) ([][]byte,
		error)
	// NewestPage gives the last page of a transfer's edition; ENotFound without one.
	NewestPage(ctx context.Context, no protocol.TransferNo, e protocol.Edition) ([]byte, error)
	// SkipEditions begins a further edition, so many on, of every open paged transfer: a lost part of the server's life
	// may have signed pages of the next ones (security.md O4). All pages of theirs go but the final ones.
	SkipEditions(ctx context.Context, by uint32) error
	// FinalPages lists the final pages of all editions of a transfer, the newest first. They stay when their edition
	// is over and when the content is gone: proofs hold them.
	FinalPages(ctx context.Context, no protocol.TransferNo) ([]FinalPage, error)
}

// Page is a page that was just signed.
type Page struct {
	Site     SiteEpoch // for which it was
	Transfer protocol.TransferNo
	Edition  protocol.Edition
	Number   protocol.PageNo
	Raw      []byte
	Root     protocol.Digest     // of a final page, and the transfer's from then on; else zero
	Lost     []groupcast.LeftOut // its void files: the transfer lacks them from then on
}

// FinalPage is the last page of an edition, byte for byte.
type FinalPage struct {
	Edition protocol.Edition
	Root    protocol.Digest
	Raw     []byte
}
