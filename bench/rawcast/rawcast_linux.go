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
	"runtime"
	"sync"
	"sync/atomic"
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
	threads := f.Int("threads", runtime.GOMAXPROCS(0), "cores that seal or open")
	device := f.String("interface", "eth0", "network card")
	if err := f.Parse(args); err != nil {
		return err
	}
	ifi, err := net.InterfaceByName(*device)
	if err != nil {
		return err
	}
	if *receiver {
		return receive(ifi, *threads)
	}
	return send(ifi, time.Duration(*seconds*float64(time.Second)), *threads)
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

// train is one call's worth of sealed packets.
type train struct {
	first uint64
	bytes []byte
}

// send seals on several cores and writes on one more, as the product may.
func send(ifi *net.Interface, dur time.Duration, threads int) error {
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
	free, sealed := make(chan train, 2*threads), make(chan train, 2*threads)
	for range 2 * threads {
		free <- train{bytes: make([]byte, segs*payload)}
	}
	var seq atomic.Uint64
	for range threads {
		go func() {
			gcm, nonce, data := aead(), make([]byte, 12), make([]byte, payload-header-16)
			for t := range free {
				t.first = seq.Add(segs) - segs
				for i := range segs {
					p, n := t.bytes[i*payload:(i+1)*payload], t.first+uint64(i)
					binary.BigEndian.PutUint64(p, n)
					binary.BigEndian.PutUint64(nonce[4:], n)
					gcm.Seal(p[header:header], nonce, data, p[:header])
				}
				sealed <- t
			}
		}()
	}
	var packets uint64
	start := time.Now()
	for time.Since(start) < dur {
		t := <-sealed
		if _, _, err := c.WriteMsgUDP(t.bytes, oob, group); err != nil {
			return err
		}
		packets += segs
		free <- t
	}
	took := time.Since(start).Seconds()
	time.Sleep(150 * time.Millisecond) // the queues run empty
	last := binary.BigEndian.AppendUint64(nil, end)
	for range 20 {
		_, _ = c.WriteToUDP(last, group)
		time.Sleep(5 * time.Millisecond)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"Packets": packets, "Seconds": took})
}

// batch is what one call read.
type batch struct {
	messages []ipv4.Message
	n        int
	at       time.Time
}

// counts is what the openers have found so far.
type counts struct {
	packets     atomic.Uint64
	first, last atomic.Int64 // Unix nanoseconds of the batches
}

// receive reads on one core and opens on several.
func receive(ifi *net.Interface, threads int) error {
	c, err := listen(ifi)
	if err != nil {
		return err
	}
	defer c.Close()
	pc := ipv4.NewPacketConn(c)
	free, read := make(chan batch, threads+1), make(chan batch, threads+1)
	for range threads + 1 {
		ms := make([]ipv4.Message, 32)
		for i := range ms {
			ms[i].Buffers, ms[i].OOB = [][]byte{make([]byte, 65535)}, make([]byte, 64)
		}
		free <- batch{messages: ms}
	}
	fmt.Println("ready")
	check(c.SetReadDeadline(time.Now().Add(60 * time.Second)))
	over := make(chan struct{})
	var total counts
	var all sync.WaitGroup
	for range threads {
		all.Go(func() {
			gcm := aead()
			for b := range read {
				if total.open(gcm, b) {
					select {
					case over <- struct{}{}:
					default: // said already
					}
				}
				free <- b
			}
		})
	}
	go func() {
		defer close(read)
		for b := range free {
			n, err := pc.ReadBatch(b.messages, 0)
			if err != nil {
				return
			}
			b.n, b.at = n, time.Now()
			read <- b
		}
	}()
	<-over
	c.Close()
	all.Wait()
	seconds := time.Duration(total.last.Load() - total.first.Load()).Seconds()
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"Packets": total.packets.Load(), "Seconds": seconds})
}

func listen(ifi *net.Interface) (*net.UDPConn, error) {
	c, err := net.ListenMulticastUDP("udp4", ifi, group)
	if err != nil {
		return nil, err
	}
	_ = c.SetReadBuffer(8 << 20)
	rc, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	check(rc.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1) }))
	check(err)
	return c, nil
}

// open opens and counts the packets of a batch; over says that the sender has ended.
func (t *counts) open(gcm cipher.AEAD, batch batch) (over bool) {
	nonce, plain := make([]byte, 12), make([]byte, 0, payload)
	for i := range batch.messages[:batch.n] {
		m := &batch.messages[i]
		b, size := m.Buffers[0][:m.N], segment(m)
		for len(b) > 0 {
			p := b[:min(size, len(b))]
			b = b[len(p):]
			seq := binary.BigEndian.Uint64(p)
			if seq == end {
				return true
			}
			binary.BigEndian.PutUint64(nonce[4:], seq)
			if _, err := gcm.Open(plain, nonce, p[header:], p[:header]); err == nil {
				t.packets.Add(1)
				t.first.CompareAndSwap(0, batch.at.UnixNano())
				t.last.Store(batch.at.UnixNano())
			}
		}
	}
	return false
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
