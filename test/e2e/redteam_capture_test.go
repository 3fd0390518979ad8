//go:build linux

package e2e

import (
	"context"
	"encoding/base64"
	enc "encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/test/attacker"
)

// captured is a UDP packet over IPv4 that passed a port of the switch, by the kernel's clock.
type captured struct {
	at       time.Time
	from, to netip.AddrPort
	payload  []byte
}

// capture records what passes a port of the switch, everything of it; the returned function ends
// it and gives the file's text.
func (s *site) capture(port, filter string) (stop func() []byte, file string) {
	s.t.Helper()
	file = filepath.Join(s.dir, fmt.Sprintf("%s-%d.pcap", port, time.Now().UnixNano()))
	argv := []string{"tcpdump", "-i", port, "-s", "0", "-B", "65536", "-w", file, "-U"}
	if filter != "" {
		argv = append(argv, filter)
	}
	cmd := s.lab.Command(context.Background(), "b", argv...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(s.t, cmd.Start())
	s.await("tcpdump", func() bool { return fileExists(file) })
	time.Sleep(300 * time.Millisecond) // until it is at work
	return func() []byte {
		time.Sleep(200 * time.Millisecond)
		s.stop(cmd, syscall.SIGTERM)
		text, err := os.ReadFile(file)
		must(s.t, err)
		return text
	}, file
}

const (
	pcapHeader   = 24
	recordHeader = 16
	etherHeader  = 14
)

// datagrams reads the UDP packets of a capture.
func datagrams(text []byte) (out []captured) {
	if len(text) < pcapHeader {
		return nil
	}
	le := enc.LittleEndian
	for text = text[pcapHeader:]; len(text) >= recordHeader; {
		n := int(le.Uint32(text[8:]))
		at := time.Unix(int64(le.Uint32(text)), int64(le.Uint32(text[4:]))*1000)
		if len(text) < recordHeader+n {
			break
		}
		frame := text[recordHeader : recordHeader+n]
		text = text[recordHeader+n:]
		if c, ok := datagram(frame); ok {
			c.at = at
			out = append(out, c)
		}
	}
	return out
}

func datagram(frame []byte) (c captured, ok bool) {
	be := enc.BigEndian
	if len(frame) < etherHeader+28 || be.Uint16(frame[12:]) != 0x0800 || frame[etherHeader+9] != syscall.IPPROTO_UDP {
		return c, false
	}
	ip := frame[etherHeader:]
	udp := ip[int(ip[0]&0xF)*4:]
	if len(udp) < 8 || int(be.Uint16(udp[4:])) > len(udp) || be.Uint16(udp[4:]) < 8 {
		return c, false
	}
	c.from = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), be.Uint16(udp))
	c.to = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), be.Uint16(udp[2:]))
	c.payload = udp[8:be.Uint16(udp[4:])]
	return c, true
}

// ofTag gives the data and SYNC packets of a session.
func ofTag(all []captured, tag protocol.SessionTag) (out []captured) {
	for _, c := range all {
		if h, _, err := attacker.ParseHeader(c.payload); err == nil && h.Tag == tag {
			out = append(out, c)
		}
	}
	return out
}

// opens counts the packets that a member's keys open, and says when the last of them passed.
func (s *site) opens(keys []attacker.SessionKeys, all []captured) (n int, last time.Time) {
	s.t.Helper()
	for _, k := range keys {
		offer, x, err := attacker.OpenSession(seal.Secret(k.Secret), k.Offer)
		must(s.t, err)
		body := make([]byte, 0, 2048)
		for _, c := range ofTag(all, offer.Tag) {
			if _, _, err := x.Open(body[:0], c.payload); err == nil {
				n++
				if c.at.After(last) {
					last = c.at
				}
			}
		}
	}
	return n, last
}

// spellings are the ways in which a secret could stand somewhere.
func spellings(secret []byte) [][]byte {
	return [][]byte{
		secret, []byte(hex.EncodeToString(secret)),
		[]byte(base64.StdEncoding.EncodeToString(secret)), []byte(base64.RawURLEncoding.EncodeToString(secret)),
	}
}
