package menu

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/agent"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/ui"
)

// Role says which menu is shown.
type Role int

// The roles.
const (
	Administrator Role = iota
	Receiver
)

func (r Role) String() string {
	if r == Receiver {
		return "Receiver"
	}
	return "Administrator"
}

// Menu is what the menu works with. One of Admin and Member is there, or both.
type Menu struct {
	Admin   *apiclient.Client // nil: not an administrator
	Member  *apiclient.Client // nil: nobody is logged in on this machine
	Whose   map[Role]string   // who works where, for the first line
	Dir     string            // where received files go unless another folder is given
	Uploads Uploads           // nil: an upload that broke off is not remembered
	// Receive runs this machine's agent until ctx ends, or until one transfer is through.
	Receive func(ctx context.Context, dir string, once bool, say func(agent.Line)) error
}

// Uploads remembers under a name what was begun and is not through.
type Uploads interface {
	UnfinishedUpload(name string) string
	BeginUpload(name, id string) error
	EndUpload(name string) error
}

// Roles are the menus this menu has, the first to be shown first.
func (m *Menu) Roles() []Role {
	var out []Role
	if m.Admin != nil {
		out = append(out, Administrator)
	}
	if m.Member != nil {
		out = append(out, Receiver)
	}
	return out
}

// Entries are the lines of a role's menu. Numbers never change their meaning: what is new gets a
// letter.
func (m *Menu) Entries(r Role) []Entry {
	entries := m.adminEntries()
	if r == Receiver {
		entries = m.receiverEntries()
	}
	if len(m.Roles()) > 1 {
		title := "Switch to the " + strings.ToLower(Other(r).String()) + "'s menu"
		entries = append(entries, Entry{Key: "s", Title: title, Leads: ToTheOther})
	}
	return entries
}

// Find is the place of the entry that is called so; -1: there is none.
func Find(entries []Entry, key string) int {
	if n, err := strconv.Atoi(key); err == nil && n >= 0 {
		key = strconv.Itoa(n) // also with zeros before it
	}
	return slices.IndexFunc(entries, func(e Entry) bool { return strings.EqualFold(e.Key, key) })
}

// Keys names what can be typed, such as "1 to 14, t, a, r".
func Keys(entries []Entry) string {
	last, letters := "", ""
	for _, e := range entries {
		if _, err := strconv.Atoi(e.Key); err == nil {
			last = e.Key
		} else {
			letters += ", " + e.Key
		}
	}
	return "1 to " + last + letters
}

// Leads is where an entry leads that asks and does nothing.
type Leads int

// Where entries lead.
const (
	Nowhere    Leads = iota
	ToTheOther       // to the other role's menu
	Out
)

// Entry is one line of a menu: questions, then something done.
type Entry struct {
	Key    string // what is typed for it: a number or a letter
	Title  string
	Leads  Leads
	Fields []Field
	// Plan says what Run changes before anything is: it is shown, and Run is called once somebody
	// typed yes. It may add answers, so that Run does what was said, whatever has changed since. Nil,
	// or no plan: nothing is changed at the server.
	Plan func(ctx context.Context, a Answers) (Plan, error)
	// Stop is what Esc does while the entry runs; empty: it breaks it off.
	Stop string
	Run  func(ctx context.Context, a Answers, show func(Progress)) (Page, error)
	// Live is what a terminal shows instead of Run: the transfers, until they are left.
	Live func(ctx context.Context, a Answers, g *Selection, show func(Transfers)) (Page, error)
}

// Plan is what an entry is about to change, a sentence a line.
type Plan []string

// What is asked below a plan, and what is said if the answer was another.
const (
	AskYes     = "Type yes to do it"
	NotChanged = "Nothing was changed."
)

// Yes says whether an answer to AskYes lets the plan be done.
func Yes(text string) bool { return strings.EqualFold(strings.TrimSpace(text), "yes") }

// Answers are the values of the fields by their keys.
type Answers map[string]string

func (a Answers) yes(key string) bool { return a[key] == "yes" }

// Field is one question.
type Field struct {
	Key, Ask string
	Default  string
	Optional bool // empty is an answer
	Closed   bool // only one of the choices is an answer
	Secret   bool
	Path     bool                    // a path of this machine
	OwnNames bool                    // the choices are numbers themselves: no others stand before them
	Check    func(text string) error // what is wrong with an answer; nil: nothing can be
	// Prepare asks the server what there is to choose from; nil: nothing.
	Prepare func(ctx context.Context, a Answers) (Choices, error)
}

// Choices is what there is to choose from.
type Choices struct {
	Options []Option
	Skip    bool   // the question does not arise
	Empty   string // why there is nothing to choose, where the question cannot be answered then
}

// Option is one answer that is offered.
type Option struct{ Value, Note string }

// Settle makes what was typed an answer: free text, or one of the options by what Meant takes.
func (f Field) Settle(text string, options []Option) (string, error) {
	if !f.Secret {
		text = strings.TrimSpace(text)
	}
	if text == "" {
		text = f.Default
	}
	if text == "" && !f.Optional {
		return "", groupcast.Errorf(groupcast.EInvalid, "an answer is needed")
	}
	if f.Check != nil {
		if err := f.Check(text); err != nil {
			return "", err
		}
	}
	if i := f.Meant(text, options); i >= 0 {
		return options[i].Value, nil
	}
	if !f.Closed {
		return text, nil
	}
	if found := Matching(options, text); len(found) > 1 {
		return "", groupcast.Errorf(groupcast.EInvalid, "“%s” may be any of %d choices", ui.Name(text), len(found))
	}
	return "", groupcast.Errorf(groupcast.EInvalid, "“%s” is none of the choices", ui.Name(text))
}

// Meant is the option that was typed: by its value, by the number before it or, where nothing else
// is an answer, by a part of its value that no other has; -1: none, or more than one.
func (f Field) Meant(text string, options []Option) int {
	byValue := func(value string) int {
		return slices.IndexFunc(options, func(o Option) bool { return o.Value == value })
	}
	text = strings.TrimSpace(text)
	if text == "" || f.Secret {
		return -1
	}
	if i := byValue(text); i >= 0 {
		return i
	}
	if n, err := strconv.Atoi(text); err == nil && !f.OwnNames && !f.Path && n >= 1 && n <= len(options) {
		return n - 1
	}
	if found := Matching(options, text); f.Closed && len(found) == 1 {
		return byValue(found[0].Value)
	}
	return -1
}

// Matching are the options that begin with what was typed, else those that have it in them.
func Matching(options []Option, text string) []Option {
	var out []Option
	for _, o := range options {
		if strings.HasPrefix(strings.ToLower(o.Value), strings.ToLower(text)) {
			out = append(out, o)
		}
	}
	if len(out) > 0 || text == "" {
		return out
	}
	for _, o := range options { // a part of the name, where no name begins so
		if strings.Contains(strings.ToLower(o.Value), strings.ToLower(text)) {
			out = append(out, o)
		}
	}
	return out
}

// Page is what an entry says when it is through: lines, then a table.
type Page struct {
	Lines []string
	Head  string // of the table, its titles separated by |; empty: no table
	Rows  [][]string
	Tail  bool     // the last lines matter most
	Kept  []string // what is said beside an error: what was done all the same
}

// lines is the page in lines of any width.
func (p Page) lines() []string {
	if p.Head == "" {
		return p.Lines
	}
	return append(slices.Clone(p.Lines), ui.Table(p.Head, p.Rows)...)
}

func say(lines ...string) Page { return Page{Lines: lines} }

// table is a page of rows, or what to say where there are none.
func table[T any](rows []T, empty, head string, row func(T) []string) Page {
	if len(rows) == 0 {
		return say(empty)
	}
	cells := make([][]string, len(rows))
	for i, r := range rows {
		cells[i] = row(r)
	}
	return Page{Head: head, Rows: cells}
}

// Progress is how something stands that takes time. New is what of it a log has not said yet.
type Progress struct {
	Lines []string
	New   string
	Tail  bool // the last lines matter most
}

// NothingToDo ends an entry that has nothing to ask or to do now, and says why. It is no failure.
type NothingToDo string

func (n NothingToDo) Error() string { return string(n) }

// trouble begins every error.
const trouble = "That did not work: "

// InWords says an error and the next step.
func InWords(err error) []string {
	var e *groupcast.Error
	var nothing NothingToDo
	switch {
	case errors.As(err, &nothing):
		return []string{string(nothing)}
	case errors.Is(err, context.Canceled):
		return []string{"Stopped."}
	case !errors.As(err, &e):
		return []string{trouble + ui.Name(err.Error())}
	}
	out := []string{trouble + ui.Name(e.Message)}
	if e.Hint != "" {
		out = append(out, "Next: "+ui.Name(e.Hint)+inThisMenu(e.Next))
	}
	return out
}

// Reason says an error in one line.
func Reason(err error) string {
	return strings.TrimPrefix(strings.Join(InWords(err), "; "), trouble)
}

// Asked is a question as it stands before its answer.
func Asked(ask string) string {
	if strings.HasSuffix(ask, "?") {
		return ask
	}
	return ask + ":"
}

// Answered is a question with its answer, as a form repeats it: without what explains it.
func (f Field) Answered(a Answers) string {
	ask, _, _ := strings.Cut(f.Ask, " (")
	switch text := a[f.Key]; {
	case f.Secret:
		return Asked(ask) + " ••••"
	case text == "":
		return Asked(ask) + " (none)"
	default:
		return Asked(ask) + " " + ui.Name(text)
	}
}

// Other is the other role.
func Other(r Role) Role {
	if r == Receiver {
		return Administrator
	}
	return Receiver
}
