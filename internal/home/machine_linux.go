package home

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

func systemID() string {
	if id := os.Getenv(MachineVariable); id != "" {
		return id
	}
	for _, path := range []string{"/etc/machine-id", "/var/lib/dbus/machine-id"} {
		if id := firstLine(path); len(id) == 32 { // "uninitialized" is none
			return id
		}
	}
	return ""
}

func bootID() string { return firstLine("/proc/sys/kernel/random/boot_id") }

func firstLine(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// networkDisks are the magic numbers of NFS, SMB, CIFS, AFS, Ceph and 9P (statfs(2)).
var networkDisks = []int64{0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x5346414f, 0x6b414653, 0x00c36400, 0x01021997}

func onNetwork(path string) bool {
	var s syscall.Statfs_t
	return syscall.Statfs(path, &s) == nil && slices.Contains(networkDisks, int64(s.Type)&0xffffffff)
}
