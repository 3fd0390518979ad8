package content

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/listed"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/pattern"
)

const maxPaths = 10_000 // of one transfer, given by hand

// Allowed says which files of the server's own disk a principal may name (security.md C11).
type Allowed struct {
	Any   bool     // whatever path
	Below []string // or what lies below one of these folders
}

// Find lists what a new transfer is made of: an upload, or paths that are allowed. The home never is.
func (l *Library) Find(ctx context.Context, n groupcast.NewTransfer, a Allowed) (*Tree, error) {
	if n.Upload == "" {
		paths, o, err := l.named(n, a)
		if err != nil {
			return nil, err
		}
		return Scan(ctx, paths, o)
	}
	tree, err := l.Uploads.Complete(n.Upload)
	if err != nil {
		return nil, err
	}
	tree.LeftOut = groupcast.LeftOuts{Count: max(n.LeftOutCount, len(n.LeftOut)), Entries: n.LeftOut}
	return tree, nil
}

// LeftOut says what of a new transfer is left out.
func (l *Library) LeftOut(ctx context.Context, n groupcast.NewTransfer, a Allowed) (groupcast.LeftOuts, error) {
	if n.Upload != "" {
		tree, err := l.Find(ctx, n, a)
		if err != nil {
			return groupcast.LeftOuts{}, err
		}
		return tree.LeftOut, nil
	}
	_, left, err := l.walk(ctx, n, a, func(*manifest.File, listed.Identity) error { return nil })
	return left, err
}

// walk gives what the paths of a new transfer have, one entry after another.
func (l *Library) walk(
	ctx context.Context, n groupcast.NewTransfer, a Allowed, take taker,
) (Place, groupcast.LeftOuts, error) {
	paths, o, err := l.named(n, a)
	if err != nil {
		return Place{}, groupcast.LeftOuts{}, err
	}
	return walk(ctx, paths, o, pagedLimits, take)
}

// named checks which paths a new transfer names, and says how they are looked at.
func (l *Library) named(n groupcast.NewTransfer, a Allowed) (paths []string, o ScanOptions, err error) {
	if len(n.Paths) > maxPaths {
		return nil, o, groupcast.Errorf(groupcast.EInvalid, "%d paths are more than %d", len(n.Paths), maxPaths).
			WithHint("name a folder")
	}
	o.Own = l.own
	if o.Without, err = pattern.Parse(n.Exclude); err != nil {
		return nil, o, err
	}
	if a.Any {
		for _, path := range n.Paths {
			if !filepath.IsAbs(path) {
				return nil, o, groupcast.Errorf(groupcast.EInvalid, "%q is not an absolute path", path)
			}
		}
		return n.Paths, o, nil
	}
	o.Below, paths, err = a.below(n.Paths)
	return paths, o, err
}

// below finds the folder that all paths lie in and makes them relative to it.
func (a Allowed) below(paths []string) (string, []string, error) {
	for _, dir := range a.Below {
		if relative, ok := allBelow(dir, paths); ok {
			return dir, relative, nil
		}
	}
	err := groupcast.Errorf(groupcast.EForbidden, "the server's own files can be added on the server's machine only")
	if len(a.Below) > 0 {
		return "", nil, err.WithHint("over the network what lies below %s can be named; or upload the files",
			strings.Join(a.Below, ", "))
	}
	return "", nil, err.WithHint("upload the files").WithNext(groupcast.Next{Step: groupcast.StepSource})
}

func allBelow(dir string, paths []string) ([]string, bool) {
	out := make([]string, 0, len(paths))
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		rel, err := filepath.Rel(dir, filepath.Clean(path))
		if err != nil || !filepath.IsLocal(rel) {
			return nil, false
		}
		out = append(out, rel)
	}
	return out, true
}

// Refused lists what of some entries cannot be sent, or is excluded: all of it, since the maker of an upload
// leaves it out by name.
func Refused(entries []groupcast.UploadEntry, exclude []string) (out []groupcast.LeftOut, err error) {
	without, err := pattern.Parse(exclude)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if why, detail := whyLeftOut(e, without); why != "" {
			out = append(out, groupcast.LeftOut{Path: e.Path, Why: why, Detail: detail})
		}
	}
	return out, nil
}

// whyLeftOut says why an entry is left out of an upload; "" if it is not. Entries of an excluded folder
// are excluded with it.
func whyLeftOut(e groupcast.UploadEntry, without *pattern.Set) (groupcast.Why, string) {
	for i, c := range e.Path {
		if c == '/' && without.Excludes(e.Path[:i], true) {
			return groupcast.WhyExcluded, ""
		}
	}
	if without.Excludes(e.Path, e.Kind == KindName(manifest.KindFolder)) {
		return groupcast.WhyExcluded, ""
	}
	if err := manifest.CheckPath(e.Path); err != nil {
		return groupcast.WhyName, manifest.Rule(err)
	}
	if e.Kind == KindName(manifest.KindSymlink) {
		if err := manifest.CheckTarget(e.Path, e.Target); err != nil {
			return groupcast.WhyTarget, manifest.Rule(err)
		}
	}
	return "", ""
}
