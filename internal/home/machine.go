package home

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"

	"github.com/groupcast/groupcast/internal/durable"
)

// MachineVariable is an environment variable with an ID for this machine instead of the system's: for
// containers, where the system's ID changes and the home stays.
const MachineVariable = "GROUPCAST_MACHINE_ID"

const (
	maxMachines     = 16 // that a home remembers
	maxMachineBytes = 4 << 10
)

// Machine identifies this machine by digests of the system's IDs, which themselves are not sent.
type Machine struct {
	ID    string // of the installed system; empty if it has none. Copied disks may share it
	Boot  string // of this boot; empty if the system does not say
	Place string // of the system and its network cards together
}

// ThisMachine looks at the machine.
func ThisMachine() Machine {
	id := systemID()
	cards := id
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			if i.Flags&net.FlagLoopback == 0 && len(i.HardwareAddr) > 0 {
				cards += "\x00" + i.HardwareAddr.String()
			}
		}
	}
	return Machine{ID: digestOf("machine", id), Boot: digestOf("boot", bootID()), Place: digestOf("place", cards)}
}

func digestOf(what, text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("groupcast " + what + "\x00" + text))
	return hex.EncodeToString(sum[:16])
}

func (h Home) machinePath() string { return filepath.Join(h.Dir(RoleAgent), "machine") }

// CopiedTo says whether this home was on other machines only until now. A home on a network file system
// may move between machines.
func (h Home) CopiedTo(m Machine) bool {
	known := h.machines()
	return m.ID != "" && len(known) > 0 && !slices.Contains(known, m.ID) && !onNetwork(h.path)
}

// KnowMachine notes that this home is at home on a machine; alone: and on no other before.
func (h Home) KnowMachine(m Machine, alone bool) error {
	known := h.machines()
	if alone {
		known = nil
	}
	if m.ID == "" || slices.Contains(known, m.ID) {
		return nil
	}
	known = append(known, m.ID)
	known = known[max(0, len(known)-maxMachines):]
	if err := durable.WriteFile(h.machinePath(), []byte(strings.Join(known, "\n")+"\n")); err != nil {
		return fmt.Errorf("note this machine: %w", err)
	}
	return nil
}

// machines gives nothing for a file that is not there or cannot be read: no home is then a copy.
func (h Home) machines() []string {
	b, err := ReadPrivate(h.machinePath(), maxMachineBytes)
	if err != nil {
		return nil
	}
	return strings.Fields(string(b))
}
