package record

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/groupcast/groupcast/internal/protocol"
)

const maxComponent = 255 // bytes of one name, on every file system that is common

// mark is what Beside puts into a name.
var mark = regexp.MustCompile(` \(groupcast [0-9]+(, [0-9]+)?\)`)

// Unmarked takes out of a name what Beside put into it.
func Unmarked(name string) string { return mark.ReplaceAllString(name, "") }

// Beside gives the n-th name beside one that is taken: "report (groupcast 42).pdf".
func Beside(name string, no protocol.TransferNo, n int) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	stem := strings.TrimSuffix(base, ext)
	if stem == "" || len(ext) > maxComponent/2 {
		stem, ext = base, "" // ".profile" has no extension
	}
	mark := fmt.Sprintf(" (groupcast %d)", no)
	if n > 1 {
		mark = fmt.Sprintf(" (groupcast %d, %d)", no, n)
	}
	stem = stem[:min(len(stem), maxComponent-len(mark)-len(ext))]
	return dir + strings.ToValidUTF8(stem, "") + mark + ext
}
