package ui

import (
	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

// FileDigest is the digest of a file, as listings have it; empty for what has none, or none yet.
func FileDigest(f groupcast.FileEntry) string {
	if f.Kind != "file" || f.Digest == (protocol.Digest{}) {
		return ""
	}
	return f.Digest.String()
}
