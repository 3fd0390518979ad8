package home

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/durable"
)

// Bounds of the file of unfinished uploads.
const (
	maxUnfinished      = 100 // uploads; more than that nobody goes on with
	maxUnfinishedBytes = 1 << 20
)

func (h Home) unfinishedPath() string { return filepath.Join(h.Dir(RoleAgent), "uploads.json") }

// UnfinishedUpload is the ID of an upload that this machine began under a name and did not end;
// empty: there is none.
func (h Home) UnfinishedUpload(name string) string { return h.unfinished()[name] }

// BeginUpload remembers an upload under a name.
func (h Home) BeginUpload(name, id string) error {
	all := h.unfinished()
	for old := range all {
		if len(all) < maxUnfinished {
			break
		}
		delete(all, old)
	}
	all[name] = id
	return h.writeUnfinished(all)
}

// EndUpload forgets an upload: it is through, or its server knows it no longer.
func (h Home) EndUpload(name string) error {
	all := h.unfinished()
	if all[name] == "" {
		return nil
	}
	delete(all, name)
	return h.writeUnfinished(all)
}

// unfinished reads what was remembered; what cannot be read is as good as nothing.
func (h Home) unfinished() map[string]string {
	all := map[string]string{}
	b, err := ReadPrivate(h.unfinishedPath(), maxUnfinishedBytes)
	if err != nil || json.Unmarshal(b, &all) != nil || all == nil { // "null" is good JSON and no map
		return map[string]string{}
	}
	return all
}

func (h Home) writeUnfinished(all map[string]string) error {
	if _, err := h.Folder(RoleAgent); err != nil {
		return err
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write unfinished uploads: %w", err)
	}
	if err := durable.WriteFile(h.unfinishedPath(), append(b, '\n')); err != nil {
		return fmt.Errorf("write unfinished uploads: %w", err)
	}
	return nil
}
