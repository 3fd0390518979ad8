package content

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/groupcast/groupcast/internal/manifest"
)

// About is an upload in short.
type About struct {
	Name           string // of its first file or folder
	By             string
	Files, Folders int
	Bytes, Held    uint64
	CreatedAt      time.Time
	UpdatedAt      time.Time // when bytes came last
}

// About says in short what an upload holds and how far it is.
func (u *Uploads) About(id string) (About, error) {
	files, err := u.Entries(id)
	if err != nil {
		return About{}, err
	}
	have, err := u.Have(id)
	if err != nil {
		return About{}, err
	}
	made, err := os.Stat(filepath.Join(u.dir, id, entriesName))
	if err != nil {
		return About{}, noUpload(id, err)
	}
	used, err := u.lastWritten(id)
	if err != nil {
		return About{}, err
	}
	by, _ := os.ReadFile(filepath.Join(u.dir, id, byName)) // an older program kept no such file
	a := About{By: string(by), CreatedAt: made.ModTime(), UpdatedAt: used}
	for i, f := range files {
		switch f.Kind {
		case manifest.KindFile:
			a.Files++
			a.Bytes, a.Held = a.Bytes+f.Size, a.Held+have[i]
		case manifest.KindFolder:
			a.Folders++
		case manifest.KindSymlink:
		}
	}
	if len(files) > 0 {
		a.Name, _, _ = strings.Cut(files[0].Path, "/")
	}
	return a, nil
}

// lastWritten is when bytes came last.
func (u *Uploads) lastWritten(id string) (time.Time, error) {
	info, err := os.Stat(filepath.Join(u.dir, id))
	if err != nil {
		return time.Time{}, noUpload(id, err)
	}
	return info.ModTime(), nil
}
