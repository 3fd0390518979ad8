package relay

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/home"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
)

const maxIdentity = 64 << 10

// identity is who a relay is, as it lies in its folder. Without a token it was not enrolled yet.
type identity struct {
	Server    protocol.ServerID `json:"server"`
	Addresses []string          `json:"addresses"`
	Relay     protocol.RelayID  `json:"relay"`
	Name      string            `json:"name"`
	Site      string            `json:"site"`
	Token     string            `json:"token"`
	Key       []byte            `json:"key"` // seed of its private key
}

// LogValue and Format keep the token and the key out of logs and messages.
func (identity) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// Format is LogValue for package fmt.
func (identity) Format(w fmt.State, _ rune) { _, _ = w.Write([]byte("[redacted]")) }

func newKey() []byte { return seal.NewSigningKey().Seed() }

func (id *identity) public() []byte {
	return ed25519.NewKeyFromSeed(id.Key).Public().(ed25519.PublicKey)
}

func path(folder string) string { return filepath.Join(folder, "relay.json") }

// load reads who the relay is; ENotFound: nobody yet.
func load(folder string) (id identity, err error) {
	none := groupcast.Errorf(groupcast.ENotFound, "no relay was enrolled with %s", folder)
	b, err := home.ReadPrivate(path(folder), maxIdentity)
	if errors.Is(err, fs.ErrNotExist) {
		return id, none
	}
	if err != nil {
		return id, err
	}
	if err := json.Unmarshal(b, &id); err != nil {
		return id, groupcast.Errorf(groupcast.EInternal, "%s is damaged: %v", path(folder), err).
			WithHint("remove it, and enrol the relay anew with `groupcast relay add SITE`")
	}
	if id.Token == "" { // a crash in the midst of enrolling
		return identity{}, none
	}
	return id, nil
}

func (id *identity) save(folder string) error {
	b, err := json.Marshal((*plainIdentity)(id))
	if err != nil {
		return err
	}
	return durable.WriteFile(path(folder), b)
}

// plainIdentity is written with its secrets.
type plainIdentity identity

// forget removes an identity that came to nothing.
func forget(folder string) error {
	if err := os.Remove(path(folder)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
