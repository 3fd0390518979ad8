package seal

import (
	"bytes"
	"testing"

	"github.com/groupcast/groupcast/internal/protocol"
)

// The key is the same after a restart, and another one for each relay, group and server.
func TestCacheKeys(t *testing.T) {
	key, other := NewSigningKey(), NewSigningKey()
	again, err := SigningKeyFromSeed(key.Seed())
	if err != nil {
		t.Fatal(err)
	}
	first := CacheKey(key, protocol.RelayID{1}, protocol.GroupID{1})
	if len(first) != 32 || !bytes.Equal(first, CacheKey(again, protocol.RelayID{1}, protocol.GroupID{1})) {
		t.Error("the key is another one after a restart")
	}
	for name, k := range map[string][]byte{
		"relay":  CacheKey(key, protocol.RelayID{2}, protocol.GroupID{1}),
		"group":  CacheKey(key, protocol.RelayID{1}, protocol.GroupID{2}),
		"server": CacheKey(other, protocol.RelayID{1}, protocol.GroupID{1}),
		"seed":   key.Seed(),
	} {
		if bytes.Equal(k, first) {
			t.Errorf("the same key for another %s", name)
		}
	}
}
