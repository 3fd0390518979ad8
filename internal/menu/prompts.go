package menu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
// shown while it is typed; nil without a terminal.
func Prompts(ctx context.Context, m *Menu, in io.Reader, out io.Writer, secret func() (string, error)) error {
	p := &prompts{
		menu: m, role: m.Roles()[0], in: bufio.NewScanner(in), out: out, secret: secret, script: secret == nil, shown: -1,
	}
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
	entries := p.menu.Entries(p.role)
	p.show(ctx, entries)
	text, err := p.line("Choice: ", false)
	if err != nil {
		return false, err
	}
	if text == "" {
		return true, nil
	}
	i := Find(entries, text)
	switch {
	case i < 0:
		p.print(fmt.Sprintf("“%s” is not one of %s.", ui.Name(text), Keys(entries)))
		return true, nil
	case entries[i].Leads == Out:
		return false, nil
	case entries[i].Leads == ToTheOther:
		p.role = Other(p.role)
		return true, nil
	}
	return true, p.entry(ctx, entries[i])
}

// show prints the menu; to a script once.
func (p *prompts) show(ctx context.Context, entries []Entry) {
	p.print("")
	if p.script && p.shown == p.role {
		return
	}
	p.shown = p.role
	p.print("groupcast: " + p.role.String() + ", " + ui.Name(p.menu.Whose[p.role]))
	if c, err := p.menu.count(ctx, p.role); err == nil { // else the entry that is chosen says what is wrong
		p.print(c.Text)
	}
	for _, e := range entries {
		p.print(fmt.Sprintf("%3s  %s", e.Key, e.Title))
	}
}

// entry asks the questions of an entry, says what it is about to change and does it. Only the end
// of the input is an error.
func (p *prompts) entry(ctx context.Context, e Entry) error {
	a := Answers{}
	for _, f := range e.Fields {
		err := p.ask(ctx, f, a)
		if errors.Is(err, io.EOF) {
			return err
		}
		if err != nil {
			p.print(InWords(err)...)
			return nil
		}
	}
	yes, err := p.confirmed(ctx, e, a)
	if errors.Is(err, io.EOF) {
		return err
	}
	var page Page
	switch {
	case err != nil:
	case !yes:
		page = say(NotChanged)
	default:
		page, err = e.Run(ctx, a, p.progress())
	}
	if err != nil {
		page = Page{Lines: append(InWords(err), page.Kept...)}
	}
	p.print(page.lines()...)
	return nil
}

// confirmed says whether an entry may be run: it changes nothing, or the user typed yes below what
// it is about to change.
func (p *prompts) confirmed(ctx context.Context, e Entry, a Answers) (bool, error) {
	if e.Plan == nil {
		return true, nil
	}
	plan, err := e.Plan(ctx, a)
	if err != nil || len(plan) == 0 {
		return err == nil, err
	}
	p.print("")
	p.print(plan...)
	text, err := p.line(AskYes+": ", false)
	return Yes(text), err
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
		return NothingToDo(c.Empty)
	}
	for i, o := range c.Options {
		line := fmt.Sprintf("  %3d  %-20s %s", i+1, ui.Name(o.Value), ui.Name(o.Note))
		if f.OwnNames {
			line = fmt.Sprintf("  %3s  %s", ui.Name(o.Value), ui.Name(o.Note))
		}
		p.print(strings.TrimRight(line, " "))
	}
	ask := f.Ask
	if f.Default != "" {
		ask += " [" + f.Default + "]"
	}
	text, err := p.answer(f, Asked(ask)+" ")
	if err != nil {
		return err
	}
	a[f.Key], err = f.Settle(text, c.Options)
	return err
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
