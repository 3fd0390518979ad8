package groupcast

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of labels and selections.
const (
	MaxLabels     = 16   // of a device
	MaxLabelKey   = 32   // characters
	MaxLabelValue = 64   // characters
	MaxTerms      = 500  // of a selection
	MaxAtOnce     = 1000 // devices of one call
)

// Labels are what administrators noted of a device. A device never sets its own.
type Labels map[string]string

// factPrefix begins keys that are kept for what devices report of themselves.
const factPrefix = "fact."

var labelKey = regexp.MustCompile(fmt.Sprintf(`^[a-z0-9._-]{1,%d}$`, MaxLabelKey))

// CheckLabel says why a label cannot be set.
func CheckLabel(key, value string) error {
	if err := CheckLabelKey(key); err != nil {
		return err
	}
	switch n := utf8.RuneCountInString(value); {
	case n == 0:
		return Errorf(EInvalid, "the label %s has no value", key).WithHint("write KEY=VALUE, for example room=2")
	case n > MaxLabelValue:
		return Errorf(EInvalid, "the value of the label %s has %d characters, %d at most", key, n, MaxLabelValue)
	case !utf8.ValidString(value) || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
		return Errorf(EInvalid, "the value of the label %s has characters that cannot be printed", key)
	case strings.TrimSpace(value) != value:
		return Errorf(EInvalid, "the value of the label %s begins or ends with a space", key)
	}
	return nil
}

// CheckLabelKey says why nothing can have a label of this key.
func CheckLabelKey(key string) error {
	if !labelKey.MatchString(key) {
		return Errorf(EInvalid, "%q cannot be the key of a label", key).
			WithHint("use small letters, digits, '.', '_' and '-', %d at most", MaxLabelKey)
	}
	if strings.HasPrefix(key, factPrefix) {
		return Errorf(EInvalid, "%q cannot be the key of a label: %s is kept for what devices report of themselves", key,
			factPrefix)
	}
	return nil
}

// SplitLabel reads KEY=VALUE; no label if it is something else, for example the name of a device.
func SplitLabel(text string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(text, "=")
	return key, value, ok && labelKey.MatchString(key)
}

// String lists labels by key.
func (l Labels) String() string {
	all := make([]string, 0, len(l))
	for _, key := range slices.Sorted(maps.Keys(l)) {
		all = append(all, key+"="+l[key])
	}
	return strings.Join(all, " ")
}

// Selection narrows a transfer to some of a group's devices; a zero one does not. Each term is a label, KEY=VALUE,
// or a device: USER/DEVICE or its ID, and when a transfer is asked for also its name if no other in the group has it.
//
// Of labels with the same key one is enough, and each key needs one: room=2 room=3 kind=exam are the exams of both
// rooms. A device that is named itself belongs to the selection whatever its labels are, unless it is excepted.
type Selection struct {
	Only   []string `json:"only,omitempty"`
	Except []string `json:"except,omitempty"`
}

// All says that a selection leaves nobody out.
func (s Selection) All() bool { return len(s.Only) == 0 && len(s.Except) == 0 }

// Takes says whether a device belongs to a selection. The store applies the same rule when it decides who is owed a
// transfer; this one is for faces that show it before.
func (s Selection) Takes(d Device) bool {
	if slices.ContainsFunc(s.Except, func(term string) bool { return names(term, d) || labelled(term, d) }) {
		return false
	}
	if len(s.Only) == 0 {
		return true
	}
	wanted := map[string]bool{} // by key: whether the device has one of its values
	for _, term := range s.Only {
		if names(term, d) {
			return true
		}
		if key, _, ok := SplitLabel(term); ok {
			wanted[key] = wanted[key] || labelled(term, d)
		}
	}
	for _, has := range wanted {
		if !has {
			return false
		}
	}
	return len(wanted) > 0
}

func names(term string, d Device) bool { return term == d.User+"/"+d.Name || term == d.ID.String() }

func labelled(term string, d Device) bool {
	key, value, ok := SplitLabel(term)
	got, has := d.Labels[key]
	return ok && has && got == value
}

// String says a selection in a few words: "room=2 except ann/pc-07".
func (s Selection) String() string {
	return strings.Join(slices.DeleteFunc([]string{few(s.Only, ""), few(s.Except, "except ")}, func(part string) bool {
		return part == ""
	}), " ")
}

// few shows the first of many terms.
func few(terms []string, before string) string {
	const most = 5
	switch n := len(terms); {
	case n == 0:
		return ""
	case n > most:
		return fmt.Sprintf("%s%s and %d more", before, strings.Join(terms[:most], ", "), n-most)
	}
	return before + strings.Join(terms, ", ")
}
