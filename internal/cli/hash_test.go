package cli

import (
	"testing"

	"github.com/groupcast/groupcast"
)

// The column of digests is named by the hash of the files; of folders alone there is none to name.
func TestTheColumnOfDigestsIsNamedByTheirHash(t *testing.T) {
	folder := groupcast.FileEntry{Kind: "folder"}
	for want, list := range map[string][]groupcast.FileEntry{
		"BLAKE3":  {folder, {Kind: "file", Hash: groupcast.BLAKE3}},
		"SHA-256": {{Kind: "file", Hash: groupcast.SHA256}},
		"DIGEST":  {folder},
	} {
		if got := hashOf(list); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
