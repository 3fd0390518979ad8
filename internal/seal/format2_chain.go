package seal

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
)

const labelChain = "groupcast/2 chain\x00"

// chainStep gives C_{i−1} of C_i.
func chainStep(session protocol.SessionID, e format2.Element) format2.Element {
	var b [len(labelChain) + 16 + 16]byte
	copy(b[:], labelChain)
	copy(b[len(labelChain):], session[:])
	copy(b[len(labelChain)+16:], e[:])
	sum := sha256.Sum256(b[:])
	return format2.Element(sum[:16])
}

// chainStretch is how many elements are computed at once: a chain of a day has some ten thousand stretches.
const chainStretch = 1024

// Chain is a session's hash chain at its sender: random at its end, the anchor at its beginning. It keeps one
// element of each stretch, and all of the one that was asked for last. It is not safe for concurrent use.
type Chain struct {
	session protocol.SessionID
	last    uint32            // index of the end
	ends    []format2.Element // C of chainStretch·(j+1), or of last
	at      uint32            // the stretch in elements
	stretch []format2.Element
}

// NewChain makes a chain whose last element has an index of at least last.
func NewChain(session protocol.SessionID, last uint32) *Chain {
	var e format2.Element
	rand.Read(e[:]) // never fails since Go 1.24
	return NewChainFrom(session, last, e)
}

// NewChainFrom makes the chain that ends with an element.
func NewChainFrom(session protocol.SessionID, last uint32, end format2.Element) *Chain {
	c := &Chain{session: session, last: last, ends: make([]format2.Element, last/chainStretch+1)}
	for i := last; ; i-- {
		if i == last || i%chainStretch == chainStretch-1 {
			c.ends[i/chainStretch] = end
		}
		if i == 0 {
			break
		}
		end = chainStep(session, end)
	}
	c.load(0)
	return c
}

// load computes the elements of a stretch.
func (c *Chain) load(at uint32) {
	first := at * chainStretch
	n := min(chainStretch, c.last-first+1)
	c.at, c.stretch = at, make([]format2.Element, n)
	e := c.ends[at]
	for i := int(n) - 1; i >= 0; i-- {
		c.stretch[i] = e
		e = chainStep(c.session, e)
	}
}

// Anchor is C_0, which stands in the offer.
func (c *Chain) Anchor() format2.Element {
	e, _ := c.Element(0)
	return e
}

// Element gives C_i; false: the chain is not that long, and the session over.
func (c *Chain) Element(i uint32) (format2.Element, bool) {
	if i > c.last {
		return format2.Element{}, false
	}
	if i/chainStretch != c.at {
		c.load(i / chainStretch)
	}
	return c.stretch[i%chainStretch], true
}

// Bounds of what a receiver hashes forward (docs/format-2.md §6).
const (
	ChainSteps  = 256
	chainBudget = 100_000 // a second
)

// What is wrong with an element.
var (
	ErrChain     = errors.New("not of the session's chain")
	ErrChainFar  = errors.New("too far along the session's chain")
	ErrChainBusy = errors.New("too much to hash along the session's chain")
)

// ChainEnd is a session's chain at a receiver: the newest element that is known to be genuine.
type ChainEnd struct {
	session protocol.SessionID
	index   uint32
	element format2.Element
	second  int64 // that the steps are of
	steps   int
}

// NewChainEnd begins with the anchor of an offer (index 0), or with an element that came over TLS.
func NewChainEnd(session protocol.SessionID, index uint32, e format2.Element) *ChainEnd {
	return &ChainEnd{session: session, index: index, element: e}
}

// Index is that of the newest element.
func (c *ChainEnd) Index() uint32 { return c.index }

// Check says whether an element is genuine, and whether it is a new one. second is the time in seconds, for the
// bound of what is hashed. It keeps nothing: Take does, once the SYNC's signature is good.
func (c *ChainEnd) Check(second int64, index uint32, e format2.Element) (fresh bool, err error) {
	switch {
	case index < c.index:
		return false, ErrChain
	case index-c.index > ChainSteps:
		return false, ErrChainFar
	}
	if second != c.second {
		c.second, c.steps = second, 0
	}
	n := int(index - c.index)
	if c.steps += n; c.steps > chainBudget {
		return false, ErrChainBusy
	}
	for range n {
		e = chainStep(c.session, e)
	}
	if !sameKey(e, c.element) {
		return false, ErrChain
	}
	return n > 0, nil
}

// Since gives the elements behind the newest one up to one that Check accepted, which is the last of them.
func (c *ChainEnd) Since(index uint32, e format2.Element) []format2.Element {
	if index <= c.index {
		return nil
	}
	out := make([]format2.Element, index-c.index)
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = e
		e = chainStep(c.session, e)
	}
	return out
}

// Take keeps an element that Check accepted.
func (c *ChainEnd) Take(index uint32, e format2.Element) {
	if index > c.index {
		c.index, c.element = index, e
	}
}
