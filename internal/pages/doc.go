// Package pages is the chain of signed pages that a transfer of format 2 has in place of a manifest's digests
// (docs/format-2.md §3): a Book is what a device knows of it, a Writer is the server's end. Both are pure: pages
// come in as bytes, and what became known comes out.
package pages

import (
	"errors"
	"fmt"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

// MaxHeld is how many pages may wait for those before them.
const MaxHeld = 64

// ErrAhead says that a page has to wait until more of those before it are there: it was not kept.
var ErrAhead = errors.New("too many pages before it are not there yet")

// FaultCode says as a code why a page is not taken.
type FaultCode string

// The codes. Of a page with one of the first four another copy may be good. The last two are the server's fault, and
// final: its signature vouches for what cannot be.
const (
	FaultBytes     FaultCode = "bytes"     // it is no page
	FaultNumber    FaultCode = "number"    // its number is not one of the offer's
	FaultOther     FaultCode = "other"     // it is of another transfer, skeleton or edition
	FaultSignature FaultCode = "signature" // the server did not sign it
	FaultTwo       FaultCode = "two"       // the server signed another page with its number
	FaultChain     FaultCode = "chain"     // it does not follow from the skeleton and the pages before
)

// Fault is why a page is not taken.
type Fault struct {
	Code   FaultCode
	Number protocol.PageNo
	Err    error
	// Proof are the pages that show a fault of the server.
	Proof [][]byte
}

func (f *Fault) Error() string { return fmt.Sprintf("page %d: %v", f.Number, f.Err) }

// Unwrap gives what exactly is wrong.
func (f *Fault) Unwrap() error { return f.Err }

// Final says whether the transfer is over at this device: the server's own signature is against it.
func (f *Fault) Final() bool { return f.Code == FaultTwo || f.Code == FaultChain }

func fault(code FaultCode, n protocol.PageNo, format string, args ...any) *Fault {
	return &Fault{Code: code, Number: n, Err: fmt.Errorf(format, args...)}
}

// Change is what became known with a page. Blocks are those of the stream.
type Change struct {
	Pages    [][]byte         // verified now, in the order of the chain: to be appended to the staging
	Ready    []protocol.Range // blocks with a digest now, that have to come
	Held     []protocol.Range // blocks that everybody holds: of void files only, or zeros
	Finished []format2.FinishedFile
	Void     []format2.VoidFile
	Final    bool
}

func (c *Change) add(o Change) {
	c.Pages = append(c.Pages, o.Pages...)
	c.Ready = append(c.Ready, o.Ready...)
	c.Held = append(c.Held, o.Held...)
	c.Finished = append(c.Finished, o.Finished...)
	c.Void = append(c.Void, o.Void...)
	c.Final = c.Final || o.Final
}

// addRange appends blocks from first to before end; those that touch the last range become part of it.
func addRange(list []protocol.Range, first, end uint32) []protocol.Range {
	if first >= end {
		return list
	}
	if n := len(list); n > 0 && uint32(list[n-1].End()) == first {
		list[n-1].Count += end - first
		return list
	}
	return append(list, protocol.Range{First: protocol.BlockNumber(first), Count: end - first})
}
