package tui

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"

	"github.com/groupcast/groupcast/internal/menu"
	"github.com/groupcast/groupcast/internal/menu/menutest"
)

// terminal is one of 80×24 with what was written to it so far, without its control sequences.
type terminal struct {
	*os.File // the side of who looks and types
	mu       sync.Mutex
	text     strings.Builder
}

func (w *terminal) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return ansi.Strip(w.text.String())
}

// pseudo opens a pseudo terminal; the program gets the other side of it.
func pseudo(t *testing.T) (w *terminal, program *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	t.Cleanup(func() { master.Close() })
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo terminals here:", err)
	}
	t.Cleanup(func() { program.Close() })
	w = &terminal{File: master}
	go func() {
		b := make([]byte, 4096)
		for {
			n, err := master.Read(b)
			if err != nil {
				return
			}
			w.mu.Lock()
			w.text.Write(b[:n])
			w.mu.Unlock()
		}
	}()
	return w, program
}

// shown runs the menu as a program on a terminal.
func shown(ctx context.Context, t *testing.T, d *menu.Menu) (w *terminal, over <-chan error) {
	t.Helper()
	w, program := pseudo(t)
	done := make(chan error, 1)
	go func() { done <- Show(ctx, d, program, program) }()
	return w, done
}

func (w *terminal) types(t *testing.T, keys string) {
	t.Helper()
	if _, err := w.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

func (w *terminal) until(t *testing.T, part string) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !strings.Contains(w.String(), part); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("no %q in\n%s", part, w)
		}
	}
}

func ends(t *testing.T, over <-chan error) error {
	t.Helper()
	select {
	case err := <-over:
		return err
	case <-time.After(10 * time.Second):
		t.Fatal("the menu does not end")
		return nil
	}
}

// The program takes the bytes of a terminal: a number is typed, shown, and acts on Enter.
func TestTheProgramTakesKeys(t *testing.T) {
	w := menutest.New(t)
	d := &menu.Menu{Admin: w.Client, Whose: map[menu.Role]string{menu.Administrator: "this machine"}}
	screen, over := shown(t.Context(), t, d)
	screen.until(t, "Create group")
	for _, c := range []struct{ keys, says string }{
		{"5", "Enter: List groups"},
		{"\r", "DESCRIPTION"},
		{"\r", ""},
		{"1", ""},
		{
			"0",
			"Approve or deny a request",
		},
		{"\r", "dave to lab"},
		{"\r", "Type its number"},
		{"1", ""},
		{"\r", "deny"},
		{"\x1b", ""},
	} {
		t.Run(fmt.Sprint(c.keys, " ", c.says), func(t *testing.T) {
			time.Sleep(100 * time.Millisecond) // as quickly as people type
			screen.types(t, c.keys)
			screen.until(t, c.says)
		})
	}
	if got := w.Changes(); len(got) > 0 {
		t.Errorf("%q", got)
	}
	time.Sleep(200 * time.Millisecond) // else it is Alt-Ctrl-C
	screen.types(t, "\x03")
	if err := ends(t, over); err != nil {
		t.Error(err)
	}
}

// Everything that a terminal sends at once was typed before its questions were there.
func TestABurstOfBytesChangesNothing(t *testing.T) {
	w := menutest.New(t)
	screen, over := shown(t.Context(), t, &menu.Menu{Admin: w.Client})
	screen.until(t, "Create group")
	for _, burst := range []string{"10\r1\r1\ryes\r", "2\r1\ryes\r", "t\r12\rcancel\ryes\r", "7\r2\ryes\ryes\r"} {
		screen.types(t, burst)
		time.Sleep(200 * time.Millisecond)
		for range 6 { // one after the other: two of them are Alt-Esc
			screen.types(t, "\x1b")
			time.Sleep(60 * time.Millisecond)
		}
	}
	screen.until(t, "are ignored")
	if got := w.Changes(); len(got) > 0 {
		t.Errorf("%q", got)
	}
	screen.leaves(t, over)
}

// leaves goes back to the menu and exits. On a busy machine two Esc may come as one Alt-Esc, so it does so again.
func (w *terminal) leaves(t *testing.T, over <-chan error) {
	t.Helper()
	for range 10 {
		for range 3 {
			w.types(t, "\x1b")
			time.Sleep(150 * time.Millisecond)
		}
		w.types(t, "14\r")
		select {
		case err := <-over:
			if err != nil {
				t.Error(err)
			}
			return
		case <-time.After(time.Second):
		}
	}
	t.Fatalf("the menu does not end:\n%s", w)
}

// Who ends the program ends what it does, and waits for that.
func TestTheProgramEndsItsWork(t *testing.T) {
	if testing.Short() {
		t.Skip("bubbletea does not wait for what reads the terminal when its context ends, which the race detector reports")
	}
	w := menutest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	screen, over := shown(ctx, t, &menu.Menu{Admin: w.Client})
	screen.until(t, "Create group")
	screen.types(t, "8\r")
	screen.until(t, "1 sending, 1 held, 1 closed")
	cancel()
	if err := ends(t, over); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
