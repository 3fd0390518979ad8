package content

import (
	"errors"
	"slices"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

// MaxRebuilds bounds how often a tree is hashed again because of a file that changed meanwhile.
const MaxRebuilds = 10

// DropUnread takes the file out of a tree that changed or could not be read while it was hashed.
// It gives false if that is not what went wrong.
func (t *Tree) DropUnread(err error) bool {
	var lost *LostError
	var away *UnavailableError
	var bad groupcast.LeftOut
	switch {
	case errors.As(err, &lost):
		bad = groupcast.LeftOut{Path: lost.Lost[0].Path, Why: lost.Lost[0].Why}
	case errors.As(err, &away):
		bad = groupcast.LeftOut{Path: away.Path, Why: away.Why, Detail: Cause(away.Err)}
	default:
		return false
	}
	i := slices.IndexFunc(t.Files, func(f manifest.File) bool { return f.Path == bad.Path })
	if i < 0 {
		return false
	}
	t.Bytes -= t.Files[i].Stored()
	if len(t.ids) == len(t.Files) {
		t.ids = slices.Delete(t.ids, i, i+1)
	}
	t.Files = slices.Delete(t.Files, i, i+1)
	t.LeftOut.Add(bad.Path, bad.Why, bad.Detail)
	return true
}
