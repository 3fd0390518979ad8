package terminal

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/groupcast/groupcast/internal/ui"
)

// plainEvery is how often progress is said where no terminal redraws it.
const plainEvery = 3 * time.Second

// Display shows progress: redrawn in place on a terminal, as a plain line now and then
// anywhere else, not at all with --json.
type Display struct {
	out   io.Writer
	live  bool
	mute  bool
	lines int // on the screen now
	last  time.Time
}

// NewDisplay shows progress on the error stream: what is printed stays apart.
func (s *Streams) NewDisplay() *Display {
	return &Display{out: s.Err, live: IsTerminal(s.Err) && runtime.GOOS != "windows", mute: s.JSON || s.Quiet}
}

// Line shows one line.
func (d *Display) Line(text string) { d.Draw(text, []string{text}) }

// Draw shows lines on a terminal, plain anywhere else.
func (d *Display) Draw(plain string, lines []string) {
	switch {
	case d.mute:
	case d.live:
		d.redraw(lines)
	case time.Since(d.last) >= plainEvery:
		d.last = time.Now()
		fmt.Fprintln(d.out, plain)
	}
}

// redraw writes lines over those of the last time.
func (d *Display) redraw(lines []string) {
	var b strings.Builder
	if d.lines > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", d.lines)
	}
	width := d.width()
	for _, l := range lines {
		b.WriteString("\r\x1b[2K" + ui.Cut(l, width) + "\n")
	}
	b.WriteString("\x1b[J")
	d.lines = len(lines)
	_, _ = io.WriteString(d.out, b.String()) // a terminal that is gone shows nothing
}

func (d *Display) width() int { return cmp.Or(Width(d.out), 80) }

// Height is how many device lines fit.
func (d *Display) Height() int {
	if f, ok := d.out.(*os.File); ok {
		if _, h, err := term.GetSize(int(f.Fd())); err == nil && h > 6 {
			return min(h-5, 30)
		}
	}
	return 10
}

// Done takes the live lines away: the outcome is printed instead.
func (d *Display) Done() {
	if d.live && d.lines > 0 {
		fmt.Fprintf(d.out, "\x1b[%dA\r\x1b[J", d.lines)
		d.lines = 0
	}
}
