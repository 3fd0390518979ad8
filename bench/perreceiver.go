package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

// Tools that every receiver runs by itself against the server: each gets a copy of its own.

const (
	httpAddress  = netlab.SenderIP + ":8080"
	rsyncPort    = "8730"
	tarpipePort  = "8731"
	rsyncAddress = "rsync://" + netlab.SenderIP + ":" + rsyncPort + "/tree/"
)

// perReceiver starts the clock, then a command on every receiver, and waits until all have ended well.
func (b *bed) perReceiver(r *result, command func(i int) []string) error {
	c, err := b.clock()
	if err != nil {
		return err
	}
	var all []*exec.Cmd
	var logs []string
	for i := 1; i <= b.cell.N; i++ {
		cmd, log, err := b.start("r"+strconv.Itoa(i), command(i)...)
		if err != nil {
			return err
		}
		all, logs = append(all, cmd), append(logs, log)
	}
	if err := b.finish(r, c, all, func(i int) bool { return ended(all[i-1].Process.Pid) }); err != nil {
		return err
	}
	for i, cmd := range all {
		if err := cmd.Wait(); err != nil {
			have, _ := os.ReadFile(logs[i])
			return fmt.Errorf("receiver %d: %w: %s", i+1, err, tail(have))
		}
	}
	return b.compare("")
}

// serving waits until somebody listens on the sender's host.
func (b *bed) serving(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	for b.ctx.Err() == nil {
		out, err := b.lab.Run("s", "ss", "-Hltn", "sport", "=", ":"+port)
		if err == nil && out != "" {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("nobody listens on %s", address)
}

// rsyncEach: a daemon, without SSH. Its copies land beside what is replaced, or with the setting
// inplace in it.
func rsyncEach(b *bed, setting string, r *result) error {
	args := []string{"rsync", "-a"}
	if b.cell.Delta != nil {
		if err := b.seedRivals(); err != nil {
			return err
		}
		if b.cell.Delta.Renamed {
			args = append(args, "--fuzzy")
		}
	}
	if setting == "inplace" {
		args = append(args, "--inplace")
	}
	conf := filepath.Join(b.dir, "rsyncd.conf")
	text := fmt.Sprintf("use chroot = no\nuid = root\ngid = root\n[tree]\npath = %s\nread only = yes\n", b.load.paths[0])
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	if _, _, err := b.start("s", "rsync", "--daemon", "--no-detach", "--address", netlab.SenderIP, "--port", rsyncPort,
		"--config", conf); err != nil {
		return err
	}
	if err := b.serving(netlab.SenderIP + ":" + rsyncPort); err != nil {
		return err
	}
	return b.perReceiver(r, func(i int) []string {
		return append(args, rsyncAddress, filepath.Join(b.out(i), "tree")+"/")
	})
}

// seedRivals gives every receiver the version that it is to have, and the sender the image.
func (b *bed) seedRivals() error {
	for i := 1; i <= b.cell.N; i++ {
		if err := b.seedRival(i); err != nil {
			return err
		}
	}
	return b.placeNew()
}

// zsyncEach: the list of blocks is made before the clock starts; how long that took is told.
func zsyncEach(b *bed, setting string, r *result) error {
	make := []string{"zsyncmake", "-u", b.cell.Delta.name(), "-o", filepath.Join(b.load.paths[0], "image.zsync")}
	if setting != "" && setting != "auto" {
		make = append(make, "-b", setting)
	}
	if err := b.serveMade(r, append(make, filepath.Join(b.load.paths[0], b.cell.Delta.name()))); err != nil {
		return err
	}
	return b.perReceiver(r, func(i int) []string {
		tree := filepath.Join(b.out(i), "tree")
		return []string{
			"zsync", "-q", "-i", filepath.Join(tree, imageName), "-o", filepath.Join(tree, b.cell.Delta.name()),
			"http://" + httpAddress + "/tree/image.zsync",
		}
	})
}

// casyncEach: the store of chunks is made before the clock starts; how long that took is told.
func casyncEach(b *bed, setting string, r *result) error {
	make := []string{"casync", "make", "--store=" + filepath.Join(b.dir, "store.castr")}
	if setting != "" && setting != "auto" {
		make = append(make, "--chunk-size="+setting)
	}
	make = append(make, filepath.Join(b.dir, "image.caibx"), filepath.Join(b.load.paths[0], b.cell.Delta.name()))
	if err := b.serveMade(r, make); err != nil {
		return err
	}
	return b.perReceiver(r, func(i int) []string {
		tree := filepath.Join(b.out(i), "tree")
		old, made := filepath.Join(tree, imageName), filepath.Join(tree, "made")
		return []string{
			"sh", "-c", `casync extract --store="$1/store.castr" --seed="$2" "$1/image.caibx" "$3" && mv "$3" "$4"`, "sh",
			"http://" + httpAddress, old, made, filepath.Join(tree, b.cell.Delta.name()),
		}
	})
}

// serveMade places the image and the old versions, prepares what receivers need to know, and serves all
// by HTTP with ranges.
func (b *bed) serveMade(r *result, make []string) error {
	if b.cell.Delta == nil {
		return errors.New("this tool is for what is sent again")
	}
	if err := b.seedRivals(); err != nil {
		return err
	}
	began := time.Now()
	cmd := exec.CommandContext(b.ctx, make[0], make[1:]...)
	bound(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", make[0], err, tail(out))
	}
	r.Made = time.Since(began).Seconds()
	conf := filepath.Join(b.dir, "nginx.conf")
	text := fmt.Sprintf(`daemon off; user root; worker_processes 2; pid %[1]s/nginx.pid; error_log %[1]s/nginx.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
 client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4;
 scgi_temp_path %[1]s/t5; server { listen %[2]s; root %[1]s; } }
`, b.dir, httpAddress)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	if err := os.Chmod(b.dir, 0o755); err != nil {
		return err
	}
	if _, _, err := b.start("s", "nginx", "-p", b.dir, "-e", filepath.Join(b.dir, "nginx.log"), "-c", conf); err != nil {
		return err
	}
	return b.serving(httpAddress)
}

// tarEach: `tar c` into a TCP connection for each receiver, `tar x` at its other end.
func tarEach(b *bed, _ string, r *result) error {
	address := netlab.SenderIP + ":" + tarpipePort
	if _, _, err := b.start("s", self(), "tarpipe", "-listen", address, "-dir", b.dir); err != nil {
		return err
	}
	if err := b.serving(address); err != nil {
		return err
	}
	return b.perReceiver(r, func(i int) []string {
		return []string{self(), "tarpipe", "-from", address, "-dir", b.out(i)}
	})
}

// tarpipeMain is the command `bench tarpipe`: what `nc -l -c 'tar c tree'` and `nc … | tar x` do. The
// connection itself is tar's output and input.
func tarpipeMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("tarpipe", flag.ContinueOnError)
	listen, from := f.String("listen", "", "address to serve tree at"), f.String("from", "", "address to fetch it from")
	dir := f.String("dir", "", "where tree is or goes")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *listen == "" {
		c, err := net.Dial("tcp4", *from)
		if err != nil {
			return err
		}
		return tarWith(ctx, c, false, "xf", "-", "-C", *dir)
	}
	l, err := net.Listen("tcp4", *listen)
	if err != nil {
		return err
	}
	defer l.Close()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		go func() {
			if err := tarWith(ctx, c, true, "cf", "-", "-C", *dir, "tree"); err != nil {
				fmt.Fprintln(os.Stderr, "tarpipe:", err)
			}
		}()
	}
}

// tarWith runs tar with a connection as its output or its input, and closes it.
func tarWith(ctx context.Context, c net.Conn, out bool, args ...string) error {
	end, err := c.(*net.TCPConn).File()
	if err != nil {
		return errors.Join(err, c.Close())
	}
	if err := c.Close(); err != nil { // tar has its own
		return errors.Join(err, end.Close())
	}
	cmd := exec.CommandContext(ctx, "tar", args...)
	bound(cmd)
	cmd.Stderr = os.Stderr
	if out {
		cmd.Stdout = end
	} else {
		cmd.Stdin = end
	}
	return errors.Join(cmd.Run(), end.Close())
}
