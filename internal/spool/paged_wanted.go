package spool

import (
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/entries"
)

// ErrOtherSkeleton says that a skeleton came as another than the offer vouches for.
var ErrOtherSkeleton = entries.ErrOther

// Wanted are blocks that a page vouches for and that are not here, in so many runs at most.
func (p *Paged) Wanted(runs int) (out []protocol.Range) {
	for _, r := range p.Have().Missing(p.layout.Blocks()) {
		for b := r.First; b < r.End(); b++ {
			switch last := len(out) - 1; {
			case !p.layout.Vouched(b):
			case last >= 0 && out[last].End() == b:
				out[last].Count++
			case len(out) == runs:
				return out
			default:
				out = append(out, protocol.Range{First: b, Count: 1})
			}
		}
	}
	return out
}
