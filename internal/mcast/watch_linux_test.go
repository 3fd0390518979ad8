package mcast

import (
	"encoding/binary"
	"maps"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// linkMessage is what the kernel says of a card.
func linkMessage(kind uint16, family byte, index int32, flags uint32) *syscall.NetlinkMessage {
	data := make([]byte, unix.SizeofIfInfomsg)
	data[0] = family
	binary.NativeEndian.PutUint32(data[4:], uint32(index))
	binary.NativeEndian.PutUint32(data[8:], flags)
	return &syscall.NetlinkMessage{Header: syscall.NlMsghdr{Type: kind}, Data: data}
}

func TestWhatTheKernelSaysOfCards(t *testing.T) {
	const running = unix.IFF_UP | unix.IFF_RUNNING
	up := linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 5, running)
	down := linkMessage(unix.RTM_NEWLINK, unix.AF_UNSPEC, 5, unix.IFF_UP)
	for name, c := range map[string]struct {
		says []*syscall.NetlinkMessage
		want map[int]bool
	}{
		"a link came back": {[]*syscall.NetlinkMessage{up, down, up}, map[int]bool{5: true}},
		"it is still up":   {[]*syscall.NetlinkMessage{up, up}, nil},
		"a card went": {
			[]*syscall.NetlinkMessage{up, linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 5, 0)},
			map[int]bool{5: true},
		},
		"a bridge's port went": {
			[]*syscall.NetlinkMessage{up, linkMessage(unix.RTM_DELLINK, unix.AF_BRIDGE, 5, 0)}, nil,
		},
		"an address": {[]*syscall.NetlinkMessage{linkMessage(unix.RTM_DELADDR, unix.AF_UNSPEC, 5, 0)}, nil},
		"cut short": {[]*syscall.NetlinkMessage{{
			Header: syscall.NlMsghdr{Type: unix.RTM_DELLINK},
			Data:   make([]byte, 15),
		}}, nil},
		"nothing in it": {[]*syscall.NetlinkMessage{{Header: syscall.NlMsghdr{Type: unix.RTM_NEWLINK}}}, nil},
		"of another index": {
			[]*syscall.NetlinkMessage{up, linkMessage(unix.RTM_DELLINK, unix.AF_UNSPEC, 6, 0)},
			map[int]bool{6: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := still()
			for _, m := range c.says {
				w.hear(m)
			}
			if got := w.Returned(); !maps.Equal(got, c.want) {
				t.Errorf("returned %v, want %v", got, c.want)
			}
		})
	}
}

// What this kernel knows of its cards is known from the beginning: none of them counts as new.
func TestCardsAreKnownFromTheBeginning(t *testing.T) {
	w := OpenWatch()
	defer w.Close()
	w.mu.Lock()
	_, known := w.running[lo(t).Index]
	w.mu.Unlock()
	if !known {
		t.Skip("this sandbox forbids netlink")
	}
	w.link(lo(t).Index, true, false)
	if got := w.Returned(); len(got) != 0 {
		t.Errorf("returned: %v", got)
	}
}
