//go:build !linux

package mcast

import (
	"errors"
	"net"
	"net/netip"
	"os"
)

var (
	errTimeout     = os.ErrDeadlineExceeded
	errNoSegmented = errors.New("this system does not cut trains")
)

// outq knows nothing here: the send buffer's size alone bounds what is queued.
type outq struct{}

func prepareSend(*net.UDPConn, *sendSocket) bool { return false }

func (s *sendSocket) queued() int { return 0 }

func (s *sendSocket) writeSegmented(netip.AddrPort, []byte, int) error { return errNoSegmented }

func cannotSegment(err error) bool { return errors.Is(err, errNoSegmented) }

func tooLong(error) bool { return false }

func queueFull(err error) bool { return err != nil && isNoBuffers(err) }
