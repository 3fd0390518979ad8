package device

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

func keyPath(h home.Home) string {
	return filepath.Join(h.Dir(home.RoleAgent), "device.key")
}

// deviceKeyFor gives the key of this device: the one it has, if the login is the same user's at
// the same server, else a new one, so that servers cannot find out that two logins are one machine.
func deviceKeyFor(h home.Home, id protocol.ServerID, user string) (seal.SigningKey, error) {
	known, err := h.LoadLogin()
	if err == nil && known.Fingerprint == id && known.User == user && !h.CopiedTo(home.ThisMachine()) {
		if key, err := loadDeviceKey(h); err == nil {
			return key, nil
		}
	}
	if _, err := h.Folder(home.RoleAgent); err != nil {
		return seal.SigningKey{}, err
	}
	key := seal.NewSigningKey()
	return key, durable.WriteFile(keyPath(h), key.Seed())
}

func loadDeviceKey(h home.Home) (seal.SigningKey, error) {
	if err := finishFork(h); err != nil {
		return seal.SigningKey{}, err
	}
	seed, err := home.ReadPrivate(keyPath(h), 64)
	if err != nil {
		return seal.SigningKey{}, err
	}
	return seal.SigningKeyFromSeed(seed)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
