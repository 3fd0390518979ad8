package seal

import (
	"crypto/hkdf"
	"crypto/sha256"

	"github.com/groupcast/groupcast/internal/protocol"
)

// CacheKey is what a relay seals the blocks of a group with on its disk. The server makes it out of its own key each
// time that the relay asks, and nobody writes it down: a relay that is refused cannot read what it has.
func CacheKey(key SigningKey, relay protocol.RelayID, group protocol.GroupID) []byte {
	info := "groupcast relay cache\x00" + string(relay[:]) + string(group[:])
	out, err := hkdf.Expand(sha256.New, key.Seed(), info, 32)
	if err != nil {
		panic(err) // the length is one that there is
	}
	return out
}
