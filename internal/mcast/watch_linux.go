package mcast

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const watchGroups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// start subscribes to the kernel's words on links, addresses and routes (rtnetlink(7)).
func (w *Watch) start() {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return // a sandbox may forbid it
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: watchGroups}); err != nil {
		_ = unix.Close(fd) // there is nothing to lose
		return
	}
	if all, err := Interfaces(); err == nil {
		for _, i := range all {
			w.running[i.Index] = i.Running
		}
	}
	f := os.NewFile(uintptr(fd), "netlink")
	var done sync.WaitGroup
	done.Go(func() { w.read(f) })
	w.close = func() {
		_ = f.Close() // ends the reader; nothing is written
		done.Wait()
	}
}

func (w *Watch) read(f *os.File) {
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		if errors.Is(err, unix.ENOBUFS) {
			w.missed()
			w.changed()
			continue
		}
		if err != nil {
			return
		}
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			w.missed()
		}
		for i := range messages {
			w.hear(&messages[i])
		}
		w.changed()
	}
}

// hear takes one message: of links it notes which went and which came back.
func (w *Watch) hear(m *syscall.NetlinkMessage) {
	if kind := m.Header.Type; kind != unix.RTM_NEWLINK && kind != unix.RTM_DELLINK || len(m.Data) < unix.SizeofIfInfomsg {
		return
	}
	info := (*unix.IfInfomsg)(unsafe.Pointer(&m.Data[0]))
	if info.Family == unix.AF_UNSPEC { // a bridge tells of its ports, too
		w.link(int(info.Index), info.Flags&unix.IFF_RUNNING != 0, m.Header.Type == unix.RTM_DELLINK)
	}
}
