// Package inorder goes through folders so that what is found in them comes in the order of whole paths, bytewise,
// without a list of it: of each folder on the way down only the names are in memory.
package inorder

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"sort"
)

// Walk goes through the names in one folder, which are sorted, so that what is found comes in the order of its
// whole paths, bytewise. entry takes a name and says whether it is a folder's, inside takes what is in that folder.
//
// That order is not the one of the names: between a folder "a" and its "a/x" there is "a b", since a space is below
// "/". So a folder has two turns, one under its name, for its entry, and one under its name with "/" behind it, for
// what is in it. Only names that begin with its name come between the two, and their folders are through before it is:
// the folders that wait are a stack, and mostly it has one.
func Walk(of *Names, entry func(i int) (folder bool, err error), inside func(i int) error) error {
	var waiting []int
	for i := 0; ; i++ {
		for n := len(waiting) - 1; n >= 0; n-- {
			folder := waiting[n]
			if i < of.Len() && !isBehind(of.At(i), of.At(folder)) {
				break
			}
			waiting = waiting[:n]
			if err := inside(folder); err != nil {
				return err
			}
		}
		if i == of.Len() {
			return nil
		}
		folder, err := entry(i)
		if err != nil {
			return err
		}
		if folder {
			waiting = append(waiting, i)
		}
	}
}

// isBehind says whether a name, which is behind that of a folder, is also behind what is in the folder.
func isBehind(name, folder []byte) bool {
	rest, more := bytes.CutPrefix(name, folder)
	return !more || len(rest) > 0 && rest[0] > '/'
}

// Names are those in one folder. A folder may have a million: each takes 8 bytes besides its letters.
type Names struct {
	text []byte
	each []uint64 // where it begins in the text, and in the low 16 bits how long it is
}

const nameBits = 16

// Add adds a name.
func (n *Names) Add(name string) {
	n.each = append(n.each, uint64(len(n.text))<<nameBits|uint64(len(name)))
	n.text = append(n.text, name...)
}

// At gives a name; it is not to be changed.
func (n *Names) At(i int) []byte { return n.letters(n.each[i]) }

func (n *Names) letters(of uint64) []byte {
	return n.text[of>>nameBits:][:of&(1<<nameBits-1)]
}

// Len, Less and Swap are for sorting.
func (n *Names) Len() int           { return len(n.each) }
func (n *Names) Less(i, j int) bool { return bytes.Compare(n.At(i), n.At(j)) < 0 }
func (n *Names) Swap(i, j int)      { n.each[i], n.each[j] = n.each[j], n.each[i] }

// Sort sorts the names. A folder that is written to while it is read may give one twice.
func (n *Names) Sort() {
	sort.Sort(n)
	n.each = slices.CompactFunc(n.each, func(a, b uint64) bool { return bytes.Equal(n.letters(a), n.letters(b)) })
}

// NamesIn reads the names in a folder, sorted: with an error those that could be read.
func NamesIn(folder *os.File) (*Names, error) {
	const batch = 1024
	n := &Names{}
	for {
		list, err := folder.Readdirnames(batch)
		for _, name := range list {
			n.Add(name)
		}
		if len(list) == 0 {
			n.Sort()
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
	}
}
