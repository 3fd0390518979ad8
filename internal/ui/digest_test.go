package ui

import (
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/protocol"
)

func TestTheDigestOfAFile(t *testing.T) {
	file := groupcast.FileEntry{Kind: "file"}
	if got := FileDigest(file); got != "" {
		t.Errorf("one that was not read yet: %q", got)
	}
	if file.Digest = (protocol.Digest{1}); FileDigest(file) != file.Digest.String() {
		t.Errorf("%q", FileDigest(file))
	}
	if file.Kind = "folder"; FileDigest(file) != "" {
		t.Error("a folder has a digest")
	}
}
