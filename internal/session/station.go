package session

import (
	"context"
	"log/slog"
	"net/netip"

	"github.com/groupcast/groupcast/internal/protocol"
)

// StationConfig says where a server sends from and where it hears feedback.
type StationConfig struct {
	Interface string         // name or address; empty: the one that routes to the group
	Feedback  netip.AddrPort // UDP, usually 0.0.0.0:7440 or [::]:7440; port 0: any
	MaxRate   uint64         // bytes a second for all sessions of the interface; 0: none
	TTL       int            // 0: 1
	Log       *slog.Logger
}

// Station is what all sessions of one server share: a link per interface, the feedback
// socket with its table of keys, the pacer's shares.
type Station struct{}

// OpenStation opens the feedback socket; links follow with the first session on them.
func OpenStation(cfg StationConfig) (*Station, error) { return &Station{}, nil }

// Run reads feedback until ctx ends. It is needed for sessions to hear anything.
func (s *Station) Run(ctx context.Context) error { return ctx.Err() }

// Close closes the sockets; sessions have to be over before.
func (s *Station) Close() error { return nil }

// FeedbackPort is the UDP port that offers carry.
func (s *Station) FeedbackPort() uint16 { return 0 }

// Source is the address that packets to the group come from: offers sign it.
func (s *Station) Source(group netip.AddrPort) (netip.Addr, error) { return netip.Addr{}, nil }

// SendPlain sends one ANNOUNCE or PROBE packet, signed by the caller, to a group.
func (s *Station) SendPlain(group netip.AddrPort, packet []byte) error { return nil }

// NewTag draws a session tag that no live session of this station uses.
func (s *Station) NewTag() protocol.SessionTag { return 0 }
