package content

import (
	"os"
	"strings"
)

// bootID names this run of the machine; empty: unknown.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
