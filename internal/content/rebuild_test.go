package content

import (
	"errors"
	"io/fs"
	"testing"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
)

func TestDropUnread(t *testing.T) {
	tests := map[string]struct {
		err  error
		drop bool
		why  groupcast.Why
	}{
		"changed": {&LostError{Lost: []Lost{{Path: "b", Why: groupcast.WhyHome}}}, true, groupcast.WhyHome},
		"not read": {
			&UnavailableError{Path: "b", Why: groupcast.WhyUnreadable, Err: fs.ErrPermission}, true,
			"unreadable",
		},
		"not of it":      {&LostError{Lost: []Lost{{Path: "d", Why: groupcast.WhyHome}}}, false, ""},
		"something else": {errors.New("the disk is full"), false, ""},
		"nothing":        {nil, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			files := []manifest.File{{Path: "a", Size: 10}, {Path: "b", Size: 20}, {Path: "c", Size: 30}}
			tree := &Tree{Bytes: 60, Files: files}
			if got := tree.DropUnread(test.err); got != test.drop {
				t.Fatalf("it says %v, want %v", got, test.drop)
			}
			if !test.drop {
				if len(tree.Files) != 3 || tree.Bytes != 60 || tree.LeftOut.Count != 0 {
					t.Fatalf("the tree changed: %+v", tree)
				}
				return
			}
			if len(tree.Files) != 2 || tree.Files[1].Path != "c" || tree.Bytes != 40 {
				t.Fatalf("%d files, %d bytes are left: %+v", len(tree.Files), tree.Bytes, tree.Files)
			}
			if l := tree.LeftOut.Entries; len(l) != 1 || l[0].Path != "b" || l[0].Why != test.why {
				t.Fatalf("left out: %+v", l)
			}
		})
	}
}

func TestListingNamesKinds(t *testing.T) {
	files := []manifest.File{
		{Kind: manifest.KindFile, Path: "a", Size: 3}, {Kind: manifest.KindFolder, Path: "d"}, {
			Kind: manifest.KindSymlink,
			Path: "l",
		},
	}
	want := []string{"file", "folder", "symlink"}
	for i, e := range Listing(files) {
		if e.Kind != want[i] || e.Path != files[i].Path || e.Size != files[i].Size {
			t.Errorf("%+v is listed as %+v", files[i], e)
		}
		if k, known := KindOf(e.Kind); !known || k != files[i].Kind {
			t.Errorf("%q is kind %d", e.Kind, k)
		}
	}
	if _, known := KindOf("device"); known {
		t.Error("a device is a kind of entry")
	}
}
