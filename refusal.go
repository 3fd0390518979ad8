package groupcast

import "strings"

// Refusal is the reason why a device refused a transfer: space, version, names, folder …, or
// "manifest-" and what is wrong with the list of its files.
type Refusal string

// The refusals. One of the list of files is RefusedManifest and what is wrong with it.
const (
	RefusedSpace      Refusal = "space"      // not enough free space
	RefusedSize       Refusal = "size"       // more than the device is set to accept
	RefusedNames      Refusal = "names"      // names that its file system cannot have
	RefusedFolder     Refusal = "folder"     // the folder for received files is missing
	RefusedVersion    Refusal = "version"    // its program is too old, or the server's
	RefusedUnreadable Refusal = "unreadable" // it cannot read the offer
	RefusedPages      Refusal = "pages"      // two pages for one number, or one that breaks the rules
	RefusedSite       Refusal = "site"       // the offer is of another site, or of an earlier epoch of it
	RefusedClock      Refusal = "clock"      // too far away to check the codes of symbols: it takes it over HTTPS
)

// RefusedManifest is the prefix of refusals of the list of files.
const RefusedManifest = "manifest-"

// Space is what a device says of the room that it has not for a transfer: bytes.
type Space struct {
	Needed uint64 `json:"needed"`           // what it still has to write
	Free   uint64 `json:"free"`             // on the disk for received files
	Kept   uint64 `json:"kept"`             // of that, what it is set to leave free
	Others uint64 `json:"others,omitempty"` // what other transfers will take of it
}

// Lacks is how much has to become free.
func (s Space) Lacks() uint64 {
	wanted := s.Needed
	for _, more := range []uint64{s.Kept, s.Others} {
		wanted += min(more, ^uint64(0)-wanted)
	}
	return wanted - min(wanted, s.Free)
}

// Final says whether the device is not offered the transfer again, because it will never take it. It is
// offered again if an administrator retries it, or if the files and with them their list change.
func (r Refusal) Final() bool {
	return r == RefusedPages || strings.HasPrefix(string(r), RefusedManifest)
}

// maxRefusal bounds a refusal, in bytes.
const maxRefusal = 40

// Known returns r if it consists of lower-case letters and dashes, else "": it comes from devices.
func (r Refusal) Known() Refusal {
	if len(r) > maxRefusal || strings.Trim(string(r), "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return r
}
