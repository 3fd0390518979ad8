package content

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

var kindNames = map[manifest.Kind]string{
	manifest.KindFile: "file", manifest.KindFolder: "folder", manifest.KindSymlink: "symlink",
}

// KindName is what a kind of entry is called in listings and uploads.
func KindName(k manifest.Kind) string { return kindNames[k] }

// KindOf is the kind of entry with a name.
func KindOf(name string) (manifest.Kind, bool) {
	for kind, n := range kindNames {
		if n == name {
			return kind, true
		}
	}
	return 0, false
}

// Listing is files as listings show them.
func Listing(files []manifest.File) []groupcast.FileEntry {
	out := make([]groupcast.FileEntry, len(files))
	for i, f := range files {
		out[i] = groupcast.FileEntry{Path: f.Path, Kind: KindName(f.Kind), Size: f.Size, Digest: f.Digest}
	}
	return out
}
