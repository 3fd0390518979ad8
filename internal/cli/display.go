package cli

import (
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

// display shows progress: redrawn in place on a terminal, as a plain line now and then
// anywhere else, not at all with --json.
type display struct {
	out   io.Writer
	live  bool
	mute  bool
	lines int // on the screen now
	last  time.Time
}

func (a *app) newDisplay() *display {
	return &display{out: a.err, live: isTerminal(a.err) && runtime.GOOS != "windows", mute: a.json}
}

// line shows one line.
func (d *display) line(text string) { d.draw(text, []string{text}) }

// draw shows lines on a terminal, plain anywhere else.
func (d *display) draw(plain string, lines []string) {
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
func (d *display) redraw(lines []string) {
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

func (d *display) width() int {
	if f, ok := d.out.(*os.File); ok {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			return w
		}
	}
	return 80
}

// height is how many device lines fit.
func (d *display) height() int {
	if f, ok := d.out.(*os.File); ok {
		if _, h, err := term.GetSize(int(f.Fd())); err == nil && h > 6 {
			return min(h-5, 30)
		}
	}
	return 10
}

// done takes the live lines away: the outcome is printed instead.
func (d *display) done() {
	if d.live && d.lines > 0 {
		fmt.Fprintf(d.out, "\x1b[%dA\r\x1b[J", d.lines)
		d.lines = 0
	}
}
