package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math"
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/groupcast/groupcast"
)

// The cost of a new hash, and the bounds of what is computed for one that is read: a database
// is restored from files.
const (
	memoryKiB = 19 << 10
	passes    = 2
	lanes     = 1
	saltBytes = 16
	keyBytes  = 32

	maxMemoryKiB = 256 << 10
	maxPasses    = 16
	maxLanes     = 16
)

// argon is a parsed PHC string: $argon2id$v=19$m=…,t=…,p=…$salt$key
type argon struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

var plain = base64.RawStdEncoding.Strict()

func newHash(password groupcast.Password) string {
	a := argon{memory: memoryKiB, passes: passes, lanes: lanes, salt: make([]byte, saltBytes)}
	rand.Read(a.salt) // never fails since Go 1.24
	a.key = a.compute(password, keyBytes)
	return a.String()
}

func (a argon) compute(password groupcast.Password, length int) []byte {
	return argon2.IDKey([]byte(password), a.salt, a.passes, a.memory, a.lanes, uint32(length))
}

func (a argon) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, a.memory, a.passes, a.lanes,
		plain.EncodeToString(a.salt), plain.EncodeToString(a.key))
}

// matches compares in constant time. Without a hash it does the work all the same.
func matches(password groupcast.Password, hash string) (bool, error) {
	if hash == "" {
		nobody := argon{memory: memoryKiB, passes: passes, lanes: lanes, salt: make([]byte, saltBytes)}
		nobody.compute(password, keyBytes)
		return false, nil
	}
	a, err := parseHash(hash)
	if err != nil {
		return false, groupcast.Errorf(groupcast.EInternal, "the password's hash is damaged").
			WithHint("an administrator can set a new password").
			WithNext(groupcast.Next{Step: groupcast.StepPassword}).Wrap(err)
	}
	return subtle.ConstantTimeCompare(a.compute(password, len(a.key)), a.key) == 1, nil
}

func parseHash(hash string) (argon, error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return argon{}, fmt.Errorf("not an argon2id hash of version %d", argon2.Version)
	}
	var memory, times, threads uint32
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &times, &threads); err != nil {
		return argon{}, fmt.Errorf("argon2id parameters: %w", err)
	}
	if memory > maxMemoryKiB || times < 1 || times > maxPasses || threads < 1 || threads > min(maxLanes, math.MaxUint8) {
		return argon{}, fmt.Errorf("argon2id parameters out of bounds: %q", parts[3])
	}
	a := argon{memory: memory, passes: times, lanes: uint8(threads)}
	var err error
	if a.salt, err = plain.DecodeString(parts[4]); err != nil {
		return argon{}, fmt.Errorf("argon2id salt: %w", err)
	}
	if len(a.salt) < 8 || len(a.salt) > 64 {
		return argon{}, fmt.Errorf("argon2id salt of %d bytes", len(a.salt))
	}
	if a.key, err = plain.DecodeString(parts[5]); err != nil {
		return argon{}, fmt.Errorf("argon2id key: %w", err)
	}
	if len(a.key) < 16 || len(a.key) > 64 {
		return argon{}, fmt.Errorf("argon2id key of %d bytes", len(a.key))
	}
	if a.String() != hash {
		return argon{}, fmt.Errorf("argon2id hash: not in its one form")
	}
	return a, nil
}
