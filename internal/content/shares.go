package content

import (
	"context"

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
