package content

import (
	"context"

	"github.com/groupcast/groupcast/internal/manifest"
)

// Root is where the entries below one top-level name lie.
type Root struct {
	Name string `json:"name"` // first component of the manifest's paths; "" for all of them
	Base string `json:"base"` // folder that is opened as a root
	Path string `json:"path"` // of the entry inside Base
}

// Place says where the files of a manifest lie. It is stored beside the manifest.
type Place struct {
	Roots []Root `json:"roots"`
}

// ScanOptions bound what may be scanned.
type ScanOptions struct {
	Below   string   // paths are taken relative to this folder and may not leave it; "" for any path
	Exclude []string // folders nobody may send: the home (security.md C11)
}

// Tree is what was found: entries in manifest order, without digests.
type Tree struct {
	Files []manifest.File
	Place Place
	Bytes uint64
}

// Scan lists the files and folders under paths. `/a/b/dir` gives dir/…, `/a/file` gives file.
func Scan(ctx context.Context, paths []string, o ScanOptions) (*Tree, error) {
	return &Tree{}, nil
}

// Progress hears how many bytes of the tree are hashed; it is called from several goroutines.
type Progress func(hashed uint64)

// Build reads every byte once and gives the whole manifest.
func Build(ctx context.Context, t *Tree, progress Progress) (*manifest.Manifest, error) {
	return &manifest.Manifest{}, nil
}
