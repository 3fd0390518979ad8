package receiver

import (
	"context"
	"io"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// PagedContent is what a device has of a paged transfer (docs/format-2.md): its skeleton, its pages and blocks of the
// stream. It is called from several goroutines.
type PagedContent interface {
	Cut() *skeleton.Cut
	// Have are the blocks of the stream that are there. The caller owns the set.
	Have() *protocol.BlockSet
	// Verified is how many pages are verified; Final says whether the last of them is the final one.
	Verified() protocol.PageNo
	Final() bool
	// AddPage takes a page as it came and keeps it before it returns; Sync makes it durable. Its error is
	// pages.ErrAhead, a *pages.Fault, or what the disk says.
	AddPage(raw []byte) (pages.Change, error)
	// Known is what all pages that are here say, for a session that begins.
	Known() pages.Change
	// WriteBlock verifies a block of the stream and stores it. false: it is not what its page says.
	WriteBlock(b uint32, data []byte) (ok bool, err error)
	// Sync makes durable what was kept: pages before the blocks that they vouch for.
	Sync() error
}

// Scratch holds a skeleton while it comes with the session, block by block and in any order.
type Scratch interface {
	io.ReaderAt
	io.WriterAt
	Remove() error // closes and deletes it
}

// PagedConfig says what NewPaged makes a session of. The signature of the offer has been verified.
type PagedConfig struct {
	Endpoint   *Endpoint
	Verify     seal.VerifyKey // of the server's signing key
	Offer      format2.Offer
	OfferBytes []byte
	Handout    groupcast.Handout
	Content    PagedContent // nil: the skeleton is not here yet; OnSkeleton is called once it is
	// OnSkeleton is called once, from a worker or by SupplySkeleton, with the skeleton that the offer vouches for. It
	// answers what the device has of the transfer. An error ends the session.
	OnSkeleton func(raw io.Reader) (PagedContent, error)
	// Scratch makes room for the skeleton. It is called at most once, and not at all with Content.
	Scratch func() (Scratch, error)
	// Clock asks the server for the sender's clock, in a session whose packets have MACs.
	Clock func(ctx context.Context) (time.Duration, error)
	// The following are called from the goroutine of Run and may be nil.
	//
	// OnCatchUp: these blocks of the session are to be fetched over HTTPS; PartsOf says what they are. Pages go to
	// SupplyPage, blocks of the stream to Supply, and the skeleton to SupplySkeleton, before all others.
	OnCatchUp func(ranges []protocol.Range, reason string)
	// OnSilent: no packets come from the group though the session should run.
	OnSilent func(reason string)
	// OnFeedback: a feedback body of format 2 to be posted over HTTPS, because by UDP it does not seem to reach the
	// server. At most every reportEvery.
	OnFeedback func(body []byte)
}

// Parts are blocks of a paged session by what they are.
type Parts struct {
	Skeleton bool             // blocks of the skeleton, or its index, are among them
	Pages    []protocol.Range // numbers of pages
	Stream   []protocol.Range // blocks of the stream
}

// PartsOf sorts blocks of the session of an offer.
func PartsOf(o format2.Offer, ranges []protocol.Range) (p Parts) {
	page, stream := o.FirstPage(), o.FirstStream()
	for _, r := range ranges {
		p.Skeleton = p.Skeleton || r.First < page && r.Count > 0
		if first, end := max(r.First, page), min(r.End(), stream); first < end {
			p.Pages = append(p.Pages, protocol.Range{First: first - page, Count: uint32(end - first)})
		}
		if first := max(r.First, stream); first < r.End() {
			p.Stream = append(p.Stream, protocol.Range{First: first - stream, Count: uint32(r.End() - first)})
		}
	}
	return p
}
