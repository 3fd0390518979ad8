package content

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/lists"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// Comparison compares the list of some paged content with others. It is not safe for concurrent use.
type Comparison struct {
	library *Library
	file    *os.File
	find    *skeleton.Finder // made when it is asked for
}

// Compare begins to compare paged content with other content; Close ends it.
func (l *Library) Compare(id string) (*Comparison, error) {
	f, err := os.Open(filepath.Join(l.folder(id), lists.Skeleton))
	if err != nil {
		return nil, contentGone(err)
	}
	return &Comparison{library: l, file: f}, nil
}

// Close ends it.
func (c *Comparison) Close() error { return c.file.Close() }

// From gives the first entry whose path is not before some path; false: there is none.
func (c *Comparison) From(path string) (f manifest.File, ok bool, err error) {
	if c.find == nil {
		info, err := c.file.Stat()
		if err != nil {
			return f, false, contentGone(err)
		}
		if c.find, err = skeleton.NewFinder(c.file, int(info.Size())); err != nil {
			return f, false, contentGone(err)
		}
	}
	if f, ok, err = c.find.From(path); err != nil {
		err = contentGone(err)
	}
	return f, ok, err
}

// SharesFiles says whether a file of older content has the path of a file of this list. The older list is read no
// further than to the first such file, or to the last of these paths; read is how many entries that were.
func (c *Comparison) SharesFiles(ctx context.Context, older string) (shares bool, read int, err error) {
	if err := ctx.Err(); err != nil {
		return false, 0, err
	}
	e, done, err := c.library.entries(older)
	if err != nil {
		return false, 0, err
	}
	defer done()
	for {
		f, more := e.Next()
		if !more {
			return false, e.Read(), e.Err()
		}
		ours, more, err := c.From(f.Path)
		switch {
		case err != nil || !more:
			return false, e.Read(), err
		case ours.Path == f.Path && ours.Kind == manifest.KindFile && f.Kind == manifest.KindFile:
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
