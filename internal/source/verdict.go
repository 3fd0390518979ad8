package source

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pages"
)

// ChangedError says that files are not what durable pages say of them. It is a pages.ErrChanged.
type ChangedError struct {
	Lost    []content.Lost // the first of them
	Entries []uint32       // and their entries
}

func (e *ChangedError) Error() string {
	text := pages.ErrChanged.Error()
	if len(e.Lost) > 0 {
		text += ": " + e.Lost[0].Path
	}
	if more := len(e.Entries) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// Unwrap makes it a pages.ErrChanged.
func (e *ChangedError) Unwrap() error { return pages.ErrChanged }

// changedFile is the error of one file.
func changedFile(path string, entry uint32) error {
	return &ChangedError{Lost: []content.Lost{{Path: path, Why: groupcast.WhyChanged}}, Entries: []uint32{entry}}
}

// mostNamed bounds the files that a ChangedError names.
const mostNamed = 1000

// add takes an entry that is another one now, by the error that it gives; other errors are given back.
func (e *ChangedError) add(r *reader, entry uint32, err error) error {
	v, err := judge(r, entry, err)
	if err == nil && len(e.Entries) < mostNamed {
		e.Lost = append(e.Lost, content.Lost{Path: v.Path, Why: v.Why})
		e.Entries = append(e.Entries, entry)
	}
	return err
}

// verdict is why a file is void.
type verdict struct {
	reason format2.VoidReason
	groupcast.LeftOut
}

// judge says whether an error makes its file void. If its disk is away, or may be failing, it is given back: the file
// is worth another try.
func judge(r *reader, entry uint32, err error) (v verdict, again error) {
	var lost *content.LostError
	var away *content.UnavailableError
	switch {
	case errors.As(err, &lost):
		v.Path, v.Why, v.reason = lost.Lost[0].Path, lost.Lost[0].Why, format2.VoidChanged
		if v.Why == groupcast.WhyGone {
			v.reason = format2.VoidGone
		}
		return v, nil
	case !errors.As(err, &away), away.Why != groupcast.WhyForbidden, !r.answers(entry):
		return v, err
	}
	return unreadable(away), nil
}

// alone says whether it is a file's own fault that it cannot be read, and not that of its disk or of this machine: its
// folder answers, and another file can be read.
func (s *Source) alone(r *reader, entry uint32, err error) (v verdict, again error) {
	var away *content.UnavailableError
	if !errors.As(err, &away) || !r.answers(entry) {
		return v, err
	}
	for _, scarce := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, scarce) {
			return v, err
		}
	}
	if !s.anotherReads(r, entry) {
		return v, err
	}
	return unreadable(away), nil
}

// mostTried bounds how many files are tried to see whether a disk can be read.
const mostTried = 8

// anotherReads says whether the first byte of another file can be read, of those first that were not read before: what
// was may be in memory.
func (s *Source) anotherReads(r *reader, entry uint32) bool {
	defer r.forget()
	for _, told := range []bool{false, true} {
		tried, good := 0, false
		s.cut.InOrder(func(e uint32) {
			_, length, _ := s.cut.Span(e)
			if good || tried == mostTried || e == entry || length == 0 || s.told(e) != told || s.lost(e) {
				return
			}
			tried++
			good = r.any(e, 0, make([]byte, 1)) == nil
		})
		if tried > 0 {
			return good
		}
	}
	return false
}

func unreadable(away *content.UnavailableError) (v verdict) {
	v.Path, v.Why, v.Detail = away.Path, groupcast.WhyUnread, content.Cause(away.Err)
	v.reason = format2.VoidUnreadable
	return v
}

// whyOf is what a transfer's list of what was lost says for a reason of pages.
func whyOf(r format2.VoidReason) groupcast.Why {
	switch r {
	case format2.VoidChanged:
		return groupcast.WhyChanged
	case format2.VoidGone:
		return groupcast.WhyGone
	case format2.VoidUnreadable:
		return groupcast.WhyUnread
	default:
		return groupcast.WhyChanged
	}
}
