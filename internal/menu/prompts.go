package menu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/groupcast/groupcast/internal/ui"
)

// maxLine bounds an answer; promptsEvery is how often progress is said.
const (
	maxLine      = 64 << 10
	promptsEvery = 3 * time.Second
)

// prompts is the menu as numbered prompts: one answer a line, the end of the input ends it.
type prompts struct {
	menu   *Menu
	role   Role
	in     *bufio.Scanner
	out    io.Writer
	secret func() (string, error) // nil: a line like any other
	shown  Role                   // whose menu a script has been shown
	script bool                   // nobody types: answers are repeated, the menu is not
}

// Prompts shows the menu as prompts and reads an answer a line. Secret reads what is not to be
// shown while it is typed; nil where nobody looks on.
func Prompts(ctx context.Context, m *Menu, in io.Reader, out io.Writer, secret func() (string, error)) error {
	p := &prompts{menu: m, role: m.Roles()[0], in: bufio.NewScanner(in), out: out, secret: secret, script: secret == nil, shown: -1}
	p.in.Buffer(nil, maxLine)
	for ctx.Err() == nil {
		again, err := p.turn(ctx)
		if errors.Is(err, io.EOF) || !again {
			return p.in.Err()
		}
	}
	return ctx.Err()
}

// turn shows the menu once and does what is chosen.
func (p *prompts) turn(ctx context.Context) (again bool, err error) {
	rows := p.menu.Entries(p.role)
	titles := p.menu.Titles(p.role)
	p.show(ctx, titles)
	text, err := p.line("Choice: ", false)
	if err != nil {
		return false, err
	}
	n, bad := strconv.Atoi(text)
	switch {
	case text == "":
		return true, nil
	case bad != nil || n < 1 || n > len(titles):
		p.print(fmt.Sprintf("“%s” is not one of 1 to %d.", ui.Name(text), len(titles)))
		return true, nil
	case n == len(titles):
		return false, nil
	case n > len(rows):
		p.role = Other(p.role)
		return true, nil
	}
	return true, p.row(ctx, rows[n-1])
}

// show prints the menu; to a script once.
func (p *prompts) show(ctx context.Context, titles []string) {
	p.print("")
	if p.script && p.shown == p.role {
		return
	}
	p.shown = p.role
	p.print("groupcast: " + p.role.String() + ", " + ui.Name(p.menu.Whose[p.role]))
	if c, err := p.menu.count(ctx, p.role); err == nil { // else the row that is chosen says what is wrong
		p.print(c.Text)
	}
	for i, t := range titles {
		p.print(fmt.Sprintf("%3d  %s", i+1, t))
	}
}

// row asks the row's questions and runs it. Only the end of the input is an error.
func (p *prompts) row(ctx context.Context, r Entry) error {
	a := Answers{}
	for _, f := range r.Fields {
		err := p.ask(ctx, f, a)
		if errors.Is(err, io.EOF) {
			return err
		}
		if err != nil {
			p.print(InWords(err)...)
			return nil
		}
	}
	page, err := r.Run(ctx, a, p.progress())
	if err != nil {
		page = Page{Lines: append(InWords(err), page.Kept...)}
	}
	p.print(page.lines()...)
	return nil
}

func (p *prompts) ask(ctx context.Context, f Field, a Answers) error {
	var c Choices
	if f.Prepare != nil {
		var err error
		if c, err = f.Prepare(ctx, a); err != nil || c.Skip {
			return err
		}
	}
	if len(c.Options) == 0 && c.Empty != "" {
		return nothingToChoose(c.Empty)
	}
	for i, o := range c.Options {
		p.print(strings.TrimRight(fmt.Sprintf("  %3d  %-20s %s", i+1, ui.Name(o.Value), ui.Name(o.Note)), " "))
	}
	ask := f.Ask
	if f.Default != "" {
		ask += " [" + f.Default + "]"
	}
	text, err := p.answer(f, Asked(ask)+" ")
	if err != nil {
		return err
	}
	a[f.Key], err = f.Settle(numbered(text, c.Options), c.Options)
	return err
}

// numbered takes a number for the option it stands before, unless an option is called so.
func numbered(text string, options []Option) string {
	for _, o := range options {
		if o.Value == text {
			return text
		}
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(options) {
		return options[n-1].Value
	}
	return text
}

func (p *prompts) answer(f Field, ask string) (string, error) {
	if !f.Secret || p.secret == nil {
		return p.line(ask, f.Secret)
	}
	fmt.Fprint(p.out, ask)
	text, err := p.secret()
	p.print("")
	return text, err
}

func (p *prompts) line(ask string, hidden bool) (string, error) {
	fmt.Fprint(p.out, ask)
	if !p.in.Scan() {
		p.print("")
		return "", io.EOF
	}
	text := strings.TrimSpace(p.in.Text())
	if p.script && !hidden {
		p.print(ui.Name(text))
	} else if p.script {
		p.print("")
	}
	return text, nil
}

// progress says what is new, or how it stands now and then.
func (p *prompts) progress() func(Progress) {
	var last time.Time
	return func(g Progress) {
		switch {
		case g.New != "":
			p.print(g.New)
		case time.Since(last) >= promptsEvery:
			last = time.Now()
			from := 0
			if g.Tail {
				from = max(0, len(g.Lines)-1)
			}
			p.print(g.Lines[from:min(len(g.Lines), from+4)]...)
		}
	}
}

func (p *prompts) print(lines ...string) {
	for _, l := range lines {
		fmt.Fprintln(p.out, l)
	}
}
