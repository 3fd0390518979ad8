// Package rawcast measures the ceiling of sealed multicast datagrams on a machine: one sender
// that blasts numbered, AES-256-GCM sealed datagrams with UDP_SEGMENT, receivers that merge
// (UDP_GRO), open and count them. No files, no repair, no protocol; no part of the product.
package rawcast

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"os"
	"time"
	"unsafe"

	"github.com/groupcast/groupcast/internal/protocol"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

const (
	payload = protocol.DefaultSymbol + protocol.DataOverhead // a data packet of groupcast
	header  = 16                                             // sequence number and padding: clear
	segs    = 44                                             // of a train
	end     = ^uint64(0)
)

var group = &net.UDPAddr{IP: net.IPv4(239, 9, 9, 9), Port: 5900}

// Main is the command `bench rawcast`.
func Main(args []string) error {
	f := flag.NewFlagSet("rawcast", flag.ContinueOnError)
	receiver := f.Bool("recv", false, "count instead of send")
	seconds := f.Float64("seconds", 1.5, "how long to send")
	device := f.String("interface", "eth0", "network card")
	if err := f.Parse(args); err != nil {
		return err
	}
	ifi, err := net.InterfaceByName(*device)
	if err != nil {
		return err
	}
	if *receiver {
		return receive(ifi)
	}
	return send(ifi, time.Duration(*seconds*float64(time.Second)))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "rawcast:", err)
		os.Exit(1)
	}
}

func aead() cipher.AEAD {
	block, err := aes.NewCipher(make([]byte, 32))
	check(err)
	gcm, err := cipher.NewGCM(block)
	check(err)
	return gcm
}

func send(ifi *net.Interface, dur time.Duration) error {
	c, err := net.ListenUDP("udp4", nil)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetWriteBuffer(4 << 20)
	pc := ipv4.NewPacketConn(c)
	check(pc.SetMulticastInterface(ifi))
	check(pc.SetMulticastLoopback(false))
	oob := make([]byte, unix.CmsgSpace(2))
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	*(*uint16)(unsafe.Pointer(&oob[unix.CmsgLen(0)])) = payload
	gcm, nonce, data := aead(), make([]byte, 12), make([]byte, payload-header-16)
	train := make([]byte, segs*payload)
	var seq uint64
	start := time.Now()
	for time.Since(start) < dur {
		for i := range segs {
			p := train[i*payload : (i+1)*payload]
			binary.BigEndian.PutUint64(p, seq)
			binary.BigEndian.PutUint64(nonce[4:], seq)
			gcm.Seal(p[header:header], nonce, data, p[:header])
			seq++
		}
		if _, _, err := c.WriteMsgUDP(train, oob, group); err != nil {
			return err
		}
	}
	took := time.Since(start).Seconds()
	time.Sleep(150 * time.Millisecond) // the queues run empty
	last := binary.BigEndian.AppendUint64(nil, end)
	for range 20 {
		_, _ = c.WriteToUDP(last, group)
		time.Sleep(5 * time.Millisecond)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"Packets": seq, "Seconds": took})
}

func receive(ifi *net.Interface) error {
	c, err := net.ListenMulticastUDP("udp4", ifi, group)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetReadBuffer(8 << 20)
	rc, err := c.SyscallConn()
	if err != nil {
		return err
	}
	check(rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1) }))
	check(err)
	pc := ipv4.NewPacketConn(c)
	ms := make([]ipv4.Message, 32)
	for i := range ms {
		ms[i].Buffers, ms[i].OOB = [][]byte{make([]byte, 65535)}, make([]byte, 64)
	}
	fmt.Println("ready")
	check(c.SetReadDeadline(time.Now().Add(60 * time.Second)))
	gcm, nonce, plain := aead(), make([]byte, 12), make([]byte, 0, payload)
	var packets uint64
	var first, last time.Time
	for {
		n, err := pc.ReadBatch(ms, 0)
		if err != nil {
			return err
		}
		now := time.Now()
		for i := range ms[:n] {
			b, size := ms[i].Buffers[0][:ms[i].N], segment(&ms[i])
			for len(b) > 0 {
				p := b[:min(size, len(b))]
				b = b[len(p):]
				seq := binary.BigEndian.Uint64(p)
				if seq == end {
					return json.NewEncoder(os.Stdout).Encode(map[string]any{"Packets": packets, "Seconds": last.Sub(first).Seconds()})
				}
				binary.BigEndian.PutUint64(nonce[4:], seq)
				if _, err := gcm.Open(plain, nonce, p[header:], p[:header]); err == nil {
					packets++
					last = now
					if first.IsZero() {
						first = now
					}
				}
			}
		}
	}
}

func segment(m *ipv4.Message) int {
	if m.NN >= unix.CmsgLen(4) {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&m.OOB[0]))
		if h.Level == unix.SOL_UDP && h.Type == unix.UDP_GRO {
			return int(*(*int32)(unsafe.Pointer(&m.OOB[unix.CmsgLen(0)])))
		}
	}
	return m.N
}
