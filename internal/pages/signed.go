package pages

import (
	"errors"

	"github.com/groupcast/groupcast/internal/protocol"
)

// Signed is a page that may leave its server: it is durable there. Blocks are those of the stream.
type Signed struct {
	Number protocol.PageNo
	Length int              // bytes
	Ready  []protocol.Range // blocks that may leave with it …
	Held   []protocol.Range // … and those that everybody holds, as in Change
	Final  bool
}

// SignedOf is what a session has to know of a page that is verified, with what became known by it.
func SignedOf(n protocol.PageNo, raw []byte, c Change) Signed {
	return Signed{Number: n, Length: len(raw), Ready: c.Ready, Held: c.Held, Final: c.Final}
}

// Why a block of the stream cannot be given.
var (
	// ErrNotYet says that the page of a block is not durable yet: what the block is may not leave the server.
	ErrNotYet = errors.New("the page of this block is not signed yet")
	// ErrVoid says that a block is of void files only: everybody holds it, and it is never given.
	ErrVoid = errors.New("this block is of files that are not delivered")
	// ErrChanged says that files are not what their pages say any more: only a further edition can deliver the rest.
	ErrChanged = errors.New("files changed after their pages were signed")
)
