package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/ledger"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// Comparison compares the files in a folder with what was delivered there.
type Comparison struct {
	Dir    string        `json:"dir"`
	Groups []GroupCounts `json:"groups"`
	Counts
	Differences []Finding `json:"differences"` // the first so many
	Listed      int       `json:"listed"`
}

// GroupCounts are those of one group.
type GroupCounts struct {
	Group string `json:"group"`
	Counts
}

// Question is what is compared.
type Question struct {
	Ledger    *ledger.Ledger
	Dir       string            // the folder that files go to, or one of a group in it; empty: the only one there is
	Fallback  string            // the folder, where there are several and none is named
	Group     string            // only this one
	Server    protocol.ServerID // only its groups, if there is one
	Limit     int               // so many differences are named; 0: all
	Delivered bool              // nothing is said of what was not delivered

	// Tick begins with a group that so many paths were delivered to, and hears how far it is.
	Tick func(group string, paths int) func(Counts)
}

// Errors of a question that has no answer.
var (
	ErrNothing   = errors.New("nothing was received")
	ErrNoGroup   = errors.New("nothing was delivered to the group")
	ErrTwoGroups = errors.New("two groups are named")
)

// Compare reads every file below the folder and says what is not as it was delivered.
func Compare(ctx context.Context, q Question) (Comparison, error) {
	dir, group, id, err := q.receivedIn(ctx)
	if err != nil {
		return Comparison{}, err
	}
	if group != "" {
		if q.Group != "" && q.Group != group {
			return Comparison{}, fmt.Errorf("%w: %s is the folder of %s, not of %s", ErrTwoGroups,
				filepath.Join(dir, group), group, q.Group)
		}
		q.Group = group
	}
	root, err := spool.OpenKnown(dir, id)
	if err != nil {
		return Comparison{}, groupcast.Errorf(groupcast.EUnavailable, "%s", err).WithHint("nothing was compared")
	}
	defer root.Close()
	all, err := q.Ledger.Groups(ctx)
	if err != nil {
		return Comparison{}, err
	}
	return q.compareGroups(ctx, root, all, Comparison{Dir: dir})
}

// receivedIn finds the folder that files were received in: dir, or the parent of dir if dir is the folder
// of a group, and then that group.
func (q Question) receivedIn(ctx context.Context) (root, group string, id spool.Identity, err error) {
	dir := q.Dir
	known, err := q.Ledger.Folders(ctx)
	if err != nil {
		return "", "", id, err
	}
	if len(known) == 0 {
		return "", "", id, ErrNothing
	}
	if dir == "" && len(known) == 1 {
		for only, id := range known {
			return only, "", id, nil
		}
	}
	if dir, err = filepath.Abs(cmp.Or(dir, q.Fallback)); err != nil {
		return "", "", id, err
	}
	for _, at := range []struct{ root, group string }{{dir, ""}, {filepath.Dir(dir), filepath.Base(dir)}} {
		for folder, id := range known {
			if folder == at.root || sameFolder(folder, at.root) {
				return folder, at.group, id, nil
			}
		}
	}
	var names []string
	for folder := range known {
		names = append(names, folder)
	}
	slices.Sort(names)
	return "", "", id, groupcast.Errorf(groupcast.ENotFound, "groupcast received nothing in %s", dir).
		WithHint("it did in %s", strings.Join(names, ", "))
}

func sameFolder(a, b string) bool {
	x, errA := os.Stat(a)
	y, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(x, y)
}

// groups chooses the groups to compare.
func (q Question) groups(all []ledger.Group) []ledger.Group {
	return slices.DeleteFunc(slices.Clone(all), func(g ledger.Group) bool {
		return q.Group != "" && g.Name != q.Group || q.Server != (protocol.ServerID{}) && g.Server != q.Server
	})
}

func (q Question) compareGroups(
	ctx context.Context, root diskfs.FS, all []ledger.Group, out Comparison,
) (Comparison, error) {
	groups := q.groups(all)
	if len(groups) == 0 {
		return out, ErrNoGroup
	}
	out.Groups, out.Differences = []GroupCounts{}, []Finding{}
	for n, g := range groups {
		deliveries := q.Ledger.Deliveries(g.Server, g.ID, g.Name)
		paths, _, err := deliveries.Count(ctx)
		if err != nil {
			return out, err
		}
		first := !slices.ContainsFunc(groups[:n], func(earlier ledger.Group) bool { return earlier.Name == g.Name })
		look := Inspector{FS: root, Group: g.Name, Ledger: deliveries, Tick: q.Tick(g.Name, paths)}
		look.Found = func(f Finding) {
			if len(out.Differences) < q.Limit || q.Limit <= 0 {
				out.Differences = append(out.Differences, f)
			}
		}
		for _, other := range all {
			if other.Name == g.Name && other != g {
				look.Known = append(look.Known, q.Ledger.Deliveries(other.Server, other.ID, other.Name))
			}
		}
		counts, err := look.Run(ctx, first && !q.Delivered)
		if err != nil {
			return out, err
		}
		out.Groups = append(out.Groups, GroupCounts{g.Name, counts})
		out.Add(counts)
	}
	out.Listed = len(out.Differences)
	return out, nil
}
