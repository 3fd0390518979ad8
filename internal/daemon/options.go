package daemon

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/groupcast/groupcast"
)

// Options are what `serve` can be given.
type Options struct {
	Listen            string // IP:PORT, for HTTPS and for feedback
	Interface         string // to send from; empty: that of Listen, else the route to the group
	MaxRate           uint64 // bits a second for all transfers together; 0: no limit
	Cert, Key         string // files for browsers
	Sources           []string
	Names             []string // by which browsers reach the server
	Database          string   // the address of a PostgreSQL database; empty: a file in the home; sqlite: so from now on
	Node              string   // what it is called among the servers of its database; empty: it has it for itself
	Advertise         string   // HOST:PORT where those and receivers reach it
	NewDatabase       bool     // begin with an empty database beside the keys
	TTL               int
	Gather, GatherMax time.Duration
	RetrySpace        uint64 // bytes of uploads that are kept for a retry
	Reserve           int64  // bytes that uploads leave free; 0: as package disk has it, below 0: none
	AuditKeep         time.Duration
	Content           string // the address of a bucket for what is uploaded or copied; empty: the home
	Witnessed         bool   // files count along with the database, so that an older one is noticed
}

// listenAt splits --listen into its address and port.
func listenAt(text string) (netip.AddrPort, error) {
	bad := func(err error) error {
		return groupcast.Errorf(groupcast.EInvalid, "--listen %q is not an address of this machine with a port", text).
			WithHint("write it as IP:PORT, for example 0.0.0.0:7440").Wrap(err)
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return netip.AddrPort{}, bad(err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, bad(err)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.AddrPort{}, bad(err)
	}
	return netip.AddrPortFrom(addr, uint16(n)), nil
}

// folders makes --source folders absolute and checks them.
func folders(paths []string) ([]string, error) {
	out := make([]string, len(paths))
	for i, p := range paths {
		full, err := filepath.Abs(p)
		if err != nil {
			return nil, fmt.Errorf("find --source %s: %w", p, err)
		}
		if info, err := os.Stat(full); err != nil || !info.IsDir() {
			return nil, groupcast.Errorf(groupcast.EInvalid, "--source %s is not a folder", p).WithHint("check the spelling").
				Wrap(err)
		}
		out[i] = full
	}
	return out, nil
}
