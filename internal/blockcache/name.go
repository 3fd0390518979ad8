package blockcache

import (
	"encoding/hex"
	"path"
	"strconv"
	"strings"

	"github.com/groupcast/groupcast/internal/protocol"
)

// name is what a block is called on the disk: nobody without the space's key can say which block it is.
type name [16]byte

// folders is how many there are, so that none has too many names.
const folders = 16

func (n name) folder() int { return int(n[0]) % folders }

func folderName(folder int) string { return strconv.FormatInt(int64(folder), folders) }

// file is where a block lies: its name, and its length.
func (e *entry) file() string {
	return path.Join(folderName(e.name.folder()), hex.EncodeToString(e.name[:])+"."+strconv.Itoa(e.length))
}

// parseFile reads the name of a block's file. There is one way to write each.
func parseFile(s string) (n name, length int, ok bool) {
	text, digits, ok := strings.Cut(s, ".")
	if !ok || len(text) != 2*len(n) || strings.ToLower(text) != text {
		return n, 0, false
	}
	if _, err := hex.Decode(n[:], []byte(text)); err != nil {
		return n, 0, false
	}
	length, err := strconv.Atoi(digits)
	if err != nil || strconv.Itoa(length) != digits || length <= 0 || length > protocol.BlockSize {
		return n, 0, false
	}
	return n, length, true
}
