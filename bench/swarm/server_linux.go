package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/groupcast/groupcast/internal/daemon"
	"github.com/groupcast/groupcast/internal/home"
)

// serveWord makes this program a server: the one that is measured runs in a process of its own.
const serveWord = "serve"

// told is what a server says of itself on its standard output, a line of JSON each time.
type told struct {
	Address string `json:"address,omitempty"`
	Server  string `json:"server,omitempty"`
	Heap    uint64 `json:"heap,omitempty"`  // bytes of objects
	Pages   uint64 `json:"pages,omitempty"` // that hold them
	Stack   uint64 `json:"stack,omitempty"` // of goroutines
	Running int    `json:"running,omitempty"`

	resident uint64
}

// serve is the server's process: HOME LISTEN PROFILES. SIGUSR1 makes it say what memory it uses, and write a profile.
func serve(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("serve HOME LISTEN PROFILES")
	}
	h, err := home.Open(args[0])
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	s, err := daemon.Open(ctx, h, daemon.Options{Listen: args[1], Reserve: -1}, log)
	if err != nil {
		return err
	}
	defer s.Close()
	if args[2] != "" {
		end, err := profileCPU(args[2])
		if err != nil {
			return err
		}
		defer end()
	}
	say := json.NewEncoder(os.Stdout)
	if err := say.Encode(told{Address: s.Addresses()[0], Server: s.ID().String()}); err != nil {
		return err
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-asked:
				_ = say.Encode(memory())
				profileHeap(args[2], n)
			case <-ctx.Done():
				return
			}
		}
	}()
	return s.Run(ctx, nil)
}

// collections are those of a server that is idle for ten minutes: Go makes one every two minutes at least. Stacks that
// were deep once are halved in each.
const collections = 5

func memory() told {
	for range collections {
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return told{
		Heap: m.HeapAlloc, Pages: m.HeapInuse, Stack: m.StackInuse, Running: runtime.NumGoroutine(),
	}
}

func profileCPU(folder string) (end func(), err error) {
	f, err := os.CreateTemp(folder, "cpu-*.pprof")
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil
}

func profileHeap(folder string, n int) {
	if folder == "" {
		return
	}
	for _, kind := range []string{"heap", "goroutine"} {
		name := fmt.Sprintf("%s-%d-%d.pprof", kind, os.Getpid(), n)
		if f, err := os.Create(filepath.Join(folder, name)); err == nil {
			_ = pprof.Lookup(kind).WriteTo(f, 0)
			_ = f.Close()
		}
	}
}

// server is a server's process.
type server struct {
	cmd   *exec.Cmd
	says  *json.Decoder
	admin *http.Client // by the local socket
	first told
}

// startServer starts a server and waits until it answers.
func startServer(ctx context.Context, o options, listen string) (*server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	h, err := home.Open(o.home)
	if err != nil {
		return nil, err
	}
	s := &server{cmd: exec.Command(self, serveWord, o.home, listen, o.profile), admin: administrator(h.Socket())}
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.says = json.NewDecoder(out)
	if err := s.says.Decode(&s.first); err != nil {
		return nil, errors.Join(fmt.Errorf("the server said nothing: %w", err), s.cmd.Wait())
	}
	_, _, err = s.list(ctx, "/status")
	return s, err
}

// memory asks the server what memory it uses after a collection.
func (s *server) memory() (m told, err error) {
	if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		return m, err
	}
	return m, s.says.Decode(&m)
}

// cpu is what the server has used of processors.
func (s *server) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond // a tick of every Linux that Go runs on
}

// resident is what the server has in memory, as the system counts it.
func (s *server) resident() uint64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	pages, _ := strconv.ParseUint(strings.Fields(string(b))[1], 10, 64)
	return pages * uint64(os.Getpagesize())
}

// stop ends the server as an administrator would.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	if err := s.cmd.Wait(); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	return nil
}
