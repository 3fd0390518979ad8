package home

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/groupcast/groupcast/internal/durable"
)

// Bounds of the file of begun uploads.
const (
	maxBegun      = 100 // uploads; more than that nobody goes on with
	maxBegunBytes = 1 << 20
)

func (h Home) begunPath() string { return filepath.Join(h.Dir(RoleAgent), "uploads.json") }

// BegunUpload is the ID of an upload that this machine began under a name and did not end;
// empty: there is none.
func (h Home) BegunUpload(name string) string { return h.begun()[name] }

// BeginUpload remembers an upload under a name.
func (h Home) BeginUpload(name, id string) error {
	all := h.begun()
	for old := range all {
		if len(all) < maxBegun {
			break
		}
		delete(all, old)
	}
	all[name] = id
	return h.writeBegun(all)
}

// EndUpload forgets an upload: it is through, or its server knows it no longer.
func (h Home) EndUpload(name string) error {
	all := h.begun()
	if all[name] == "" {
		return nil
	}
	delete(all, name)
	return h.writeBegun(all)
}

// begun reads what was remembered; what cannot be read is as good as nothing.
func (h Home) begun() map[string]string {
	all := map[string]string{}
	b, err := ReadPrivate(h.begunPath(), maxBegunBytes)
	if err != nil || json.Unmarshal(b, &all) != nil || all == nil { // "null" is good JSON and no map
		return map[string]string{}
	}
	return all
}

func (h Home) writeBegun(all map[string]string) error {
	if _, err := h.Folder(RoleAgent); err != nil {
		return err
	}
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write begun uploads: %w", err)
	}
	if err := durable.WriteFile(h.begunPath(), append(b, '\n')); err != nil {
		return fmt.Errorf("write begun uploads: %w", err)
	}
	return nil
}
