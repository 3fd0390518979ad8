package groupcast

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxLeftOut bounds the entries left out that are listed of one transfer. All are counted.
const MaxLeftOut = 10_000

// LeftOut is an entry that was asked for and is not in the transfer.
type LeftOut struct {
	Path   string `json:"path"`
	Why    Why    `json:"why"`
	Detail string `json:"detail,omitempty"` // what exactly, where the code does not say it
}

// Why is the reason why an entry is left out.
type Why string

// The reasons. WhyChanged, WhyGone and WhyUnread happen after the transfer was added.
const (
	WhyName       Why = "name"       // the name cannot be sent: Detail says which rule it breaks
	WhyTarget     Why = "target"     // a symbolic link that leads out of the tree
	WhyPipe       Why = "pipe"       // a named pipe
	WhySocket     Why = "socket"     // a socket
	WhyDevice     Why = "device"     // a device
	WhySpecial    Why = "special"    // neither a file nor a folder nor a link
	WhyForbidden  Why = "forbidden"  // no permission to read it
	WhyUnreadable Why = "unreadable" // it cannot be read: Detail says why
	WhyHome       Why = "home"       // groupcast's own home, which holds its keys
	WhyExcluded   Why = "excluded"   // it matches a pattern that excludes it
	WhyChanged    Why = "changed"    // it changed after it was added
	WhyGone       Why = "gone"       // it was there when it was added
	WhyUnread     Why = "unread"     // it could not be read when its turn came
)

// Lost says whether the entry was part of the transfer at first.
func (w Why) Lost() bool { return w == WhyChanged || w == WhyGone || w == WhyUnread }

// LeftOutPage is a part of the entries that are left out, or would be.
type LeftOutPage struct {
	Total   int       `json:"total"`  // how many there are
	Listed  int       `json:"listed"` // how many of them are known by name: MaxLeftOut at most
	Entries []LeftOut `json:"entries"`
}

// BadEntries are entries that prevent a transfer.
type BadEntries struct {
	Count   int       `json:"count"`
	Entries []LeftOut `json:"entries"` // the first of them
}

// ErrorOf returns the error for bad entries; nil if there are none.
func (b *BadEntries) ErrorOf() error {
	if b.Count == 0 {
		return nil
	}
	text := "1 entry cannot be sent"
	if b.Count > 1 {
		text = fmt.Sprintf("%d entries cannot be sent", b.Count)
	}
	e := Errorf(EInvalid, "%s", text).
		WithHint("correct them, or send the rest without them").WithNext(Next{Step: StepLeaveOut})
	e.Bad = b
	return e
}

// ShownPath is a path as it can be written down: bytes that are not UTF-8 as \xNN.
func ShownPath(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	var b strings.Builder
	for rest := path; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02X`, rest[0])
		} else {
			b.WriteString(rest[:n])
		}
		rest = rest[n:]
	}
	return b.String()
}

// LeftOuts gathers what is left out, the first MaxLeftOut of it by name.
type LeftOuts struct {
	Bad     int // entries that cannot be sent
	Count   int // those, and what a pattern excludes
	Entries []LeftOut
}

// Add adds an entry.
func (l *LeftOuts) Add(path string, why Why, detail string) {
	l.Count++
	if why != WhyExcluded {
		l.Bad++
	}
	room := MaxLeftOut
	if why == WhyExcluded {
		room /= 2 // leaves room for those that cannot be sent
	}
	if len(l.Entries) < room {
		l.Entries = append(l.Entries, LeftOut{Path: ShownPath(path), Why: why, Detail: detail})
	}
}

// BadEntries returns those that cannot be sent.
func (l *LeftOuts) BadEntries() *BadEntries {
	b := &BadEntries{Count: l.Bad}
	for _, e := range l.Entries {
		if e.Why != WhyExcluded {
			b.Entries = append(b.Entries, e)
		}
	}
	return b
}
