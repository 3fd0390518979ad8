package diskfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Names are what a folder had at one time.
type Names map[string]bool

// NamesIn reads the names in a folder; one that is not there has none.
func NamesIn(f FS, folder string) (Names, error) {
	list, err := f.Readdir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list folder %s: %w", folder, err)
	}
	names := make(Names, len(list))
	for _, e := range list {
		names[e.Name()] = true
	}
	return names, nil
}

// MayHave says whether a path below the folder may have been there: its first step was.
func (n Names) MayHave(path string) bool {
	top, _, _ := strings.Cut(path, "/")
	return n[top]
}
