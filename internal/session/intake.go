package session

import (
	"context"
	"log/slog"
	"net/netip"
)

// IntakeConfig says how an agent hears groups.
type IntakeConfig struct {
	Interface string     // name or address; empty: the one that routes to Server
	Server    netip.Addr // the server's address as the control connection has it
	// OnPlain hears ANNOUNCE and PROBE packets (unchecked; copy what you keep); at most 50 a
	// second are handed over. It must not block.
	OnPlain func(packet []byte, group netip.AddrPort)
	// Drop, for tests and the demo: the packets it says true to are lost on arrival.
	Drop func() bool
	Log  *slog.Logger
}

// Intake is one agent's hearing: a socket per family and port, shared by all its sessions
// and told apart by session tag.
type Intake struct{}

// OpenIntake prepares the intake; sockets open with the first group on them.
func OpenIntake(cfg IntakeConfig) (*Intake, error) { return &Intake{}, nil }

// Join hears a group even while no session runs on it (ANNOUNCE, PROBE). Joins are counted.
func (i *Intake) Join(group netip.AddrPort, source netip.Addr) error { return nil }

// Leave takes one Join back.
func (i *Intake) Leave(group netip.AddrPort, source netip.Addr) error { return nil }

// Run reads the sockets until ctx ends.
func (i *Intake) Run(ctx context.Context) error { return ctx.Err() }

// Close closes the sockets.
func (i *Intake) Close() error { return nil }

// Notes are warnings in words with the next step (receive buffer too small …).
func (i *Intake) Notes() []string { return nil }
