package home

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/durable"
	"github.com/groupcast/groupcast/internal/protocol"
)

const (
	redacted      = "[redacted]"
	maxLoginBytes = 64 << 10
	maxSeenBytes  = 64
)

// Token is a token for the API, as stored in the home. It prints as [redacted]; only SaveLogin writes its
// characters, and string(t) returns them on purpose.
type Token string

func (Token) String() string   { return redacted }
func (Token) GoString() string { return redacted }

// Format keeps the token out of every verb.
func (Token) Format(w fmt.State, _ rune) { io.WriteString(w, redacted) }

// LogValue is String for slog.
func (Token) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText keeps the token out of JSON and text.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Login is how this machine is logged in: the server, its pin, and the tokens it gave.
type Login struct {
	Server      string // address: https://HOST:PORT
	Fingerprint protocol.ServerID
	User        string
	Device      protocol.DeviceID
	DeviceName  string
	AgentToken  Token
	CLIToken    Token
	CLIExpires  time.Time
	Key         string    // public key, in hex, of the device, where it got one of its own as a copy
	LastSeen    time.Time // the last time the server told; SaveSeen keeps it
}

// loginFile is client.json: a Login with its tokens in clear.
type loginFile struct {
	Server      string            `json:"server"`
	Fingerprint protocol.ServerID `json:"fingerprint"`
	User        string            `json:"user"`
	Device      protocol.DeviceID `json:"device"`
	DeviceName  string            `json:"device_name"`
	AgentToken  string            `json:"agent_token"`
	CLIToken    string            `json:"cli_token"`
	CLIExpires  time.Time         `json:"cli_expires"`
	Key         string            `json:"public_key,omitempty"`
}

func (h Home) loginPath() string { return filepath.Join(h.Dir(RoleAgent), "client.json") }
func (h Home) seenPath() string  { return filepath.Join(h.Dir(RoleAgent), "last-seen") }

// LoadLogin reads how this machine is logged in; ENotFound if it is not.
func (h Home) LoadLogin() (Login, error) {
	b, err := ReadPrivate(h.loginPath(), maxLoginBytes)
	if missing(err) {
		return Login{}, groupcast.Errorf(groupcast.ENotFound, "this machine is not logged in").
			WithHint("groupcast login https://HOST:%d --user NAME", protocol.ControlPort)
	}
	if err != nil {
		return Login{}, err
	}
	var f loginFile
	decoder := json.NewDecoder(bytes.NewReader(b))
	if err := decoder.Decode(&f); err != nil || f.Server == "" || f.Fingerprint == (protocol.ServerID{}) {
		return Login{}, groupcast.Errorf(groupcast.EInternal, "%s is damaged", h.loginPath()).
			WithHint("`groupcast logout`, then log in again").Wrap(err)
	}
	return Login{
		Server: f.Server, Fingerprint: f.Fingerprint, User: f.User, Device: f.Device, DeviceName: f.DeviceName,
		AgentToken: Token(f.AgentToken), CLIToken: Token(f.CLIToken), CLIExpires: f.CLIExpires, Key: f.Key,
		LastSeen: h.loadSeen(),
	}, nil
}

// SaveLogin keeps a login, readable by its owner only.
func (h Home) SaveLogin(l Login) error {
	if _, err := h.Folder(RoleAgent); err != nil {
		return err
	}
	b, err := json.MarshalIndent(loginFile{
		Server: l.Server, Fingerprint: l.Fingerprint, User: l.User, Device: l.Device, DeviceName: l.DeviceName,
		AgentToken: string(l.AgentToken), CLIToken: string(l.CLIToken), CLIExpires: l.CLIExpires, Key: l.Key,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("save login: %w", err)
	}
	if err := durable.WriteFile(h.loginPath(), append(b, '\n')); err != nil {
		return fmt.Errorf("save login: %w", err)
	}
	return h.SaveSeen(l.LastSeen)
}

// ForgetLogin forgets tokens and the pin.
func (h Home) ForgetLogin() error {
	for _, path := range []string{h.loginPath(), h.seenPath(), h.machinePath()} {
		if err := os.Remove(path); err != nil && !missing(err) {
			return fmt.Errorf("forget login: %w", err)
		}
	}
	return nil
}

// SaveSeen stores the latest time that the pinned server sent (C12). It has a file of its own, so that an
// agent that saves it cannot bring back a login that was just deleted.
func (h Home) SaveSeen(t time.Time) error {
	if t.IsZero() || !t.After(h.loadSeen()) {
		return nil
	}
	if err := durable.WriteFile(h.seenPath(), []byte(t.UTC().Format(time.RFC3339)+"\n")); err != nil {
		return fmt.Errorf("note the server's time: %w", err)
	}
	return nil
}

// loadSeen gives zero for whatever is not there or not a time: it only ever helps a wrong clock.
func (h Home) loadSeen() time.Time {
	b, err := ReadPrivate(h.seenPath(), maxSeenBytes)
	if err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, string(bytes.TrimSpace(b)))
	if err != nil {
		return time.Time{}
	}
	return t
}
