package main

import (
	"os"
	"os/exec"
	"syscall"
	"time"
)

// bound ends a child with this program, however that ends.
func bound(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// freeze stops a process where it stands; thaw lets it go on.
func freeze(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func thaw(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// selfAndEnded is the CPU seconds of this program and of the children that it has waited for.
func selfAndEnded() (used float64) {
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if syscall.Getrusage(who, &u) == nil {
			used += time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
		}
	}
	return used
}
