package content

import (
	"context"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

// SharesFiles says whether a file of older content has the path of one of some files, which are sorted by path. The
// older list is read no further than to the first such file, or to the last of these paths; read is how many entries
// that were.
func (l *Library) SharesFiles(
	ctx context.Context, files []manifest.File, older string,
) (shares bool, read int, err error) {
	if err := ctx.Err(); err != nil {
		return false, 0, err
	}
	e, done, err := l.entries(older)
	if err != nil {
		return false, 0, err
	}
	defer done()
	for {
		f, more := e.Next()
		if !more {
			return false, e.Read(), e.Err()
		}
		for len(files) > 0 && files[0].Path < f.Path {
			files = files[1:]
		}
		switch {
		case len(files) == 0:
			return false, e.Read(), nil
		case files[0].Path == f.Path && files[0].Kind == manifest.KindFile && f.Kind == manifest.KindFile:
			return true, e.Read(), nil
		}
	}
}

// Listed says which of some entries some content has, by their paths.
func (l *Library) Listed(ctx context.Context, id string, entries []groupcast.LeftOut) ([]bool, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e, done, err := l.entries(id)
	if err != nil {
		return nil, err
	}
	defer done()
	order := make([]int, len(entries))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(entries[a].Path, entries[b].Path) })
	out := make([]bool, len(entries))
	for {
		f, more := e.Next()
		if !more {
			return out, e.Err()
		}
		at, _ := slices.BinarySearchFunc(order, f.Path, func(i int, path string) int {
			return strings.Compare(entries[i].Path, path)
		})
		for ; at < len(order) && entries[order[at]].Path == f.Path; at++ {
			out[order[at]] = true
		}
	}
}
