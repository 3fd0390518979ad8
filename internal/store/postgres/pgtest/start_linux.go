package pgtest

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"
)

// script makes a cluster and runs it as long as its input is open: when the test program ends, however it does, so
// does PostgreSQL, and its folder goes. It is never asked to survive the power.
const script = `
set -eu
cd "$2"
"$1/initdb" --no-sync -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 >initdb.log 2>&1 ||
	{ cat initdb.log; exit 1; }
run() {
	"$1/pg_ctl" -w -s -D data -l log -o "-c listen_addresses='' -c unix_socket_directories=$2 -c fsync=off \
		-c full_page_writes=off -c max_connections=200 -c max_prepared_transactions=0" start
}
run "$1" "$2" || { cat log; exit 1; }
echo ready
while read -r order; do
	case $order in
	stop) "$1/pg_ctl" -s -D data -m fast stop ;;
	start) run "$1" "$2" ;;
	esac
	echo done
done
"$1/pg_ctl" -s -D data -m immediate stop || true
cd / && rm -rf "$2"
`

func start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("/tmp", "pgtest-") // short: a socket's path has 107 bytes at most
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", bin, folder)
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		if cmd.SysProcAttr, err = as("postgres", folder); err != nil {
			return nil, err
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdin, cmd.Stderr = r, os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = r.Close()
	lines := bufio.NewScanner(answers)
	s := &Server{folder: folder, input: w, answers: lines}
	var said []string
	for lines.Scan() {
		if lines.Text() == "ready" {
			return s, nil
		}
		said = append(said, lines.Text())
	}
	return nil, fmt.Errorf("PostgreSQL does not start: %s", strings.Join(said, "\n"))
}

// as runs a program as another user, who owns the folder then.
func as(name, folder string) (*syscall.SysProcAttr, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	if err := os.Chown(folder, int(uid), int(gid)); err != nil {
		return nil, err
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, Setpgid: true}, nil
}
