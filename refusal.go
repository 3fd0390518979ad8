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
)

// RefusedManifest is the prefix of refusals of the list of files.
const RefusedManifest = "manifest-"

// Final says whether the device is not offered the transfer again, because it will never take it. It is
// offered again if an administrator retries it, or if the files and with them their list change.
func (r Refusal) Final() bool { return strings.HasPrefix(string(r), RefusedManifest) }

// maxRefusal bounds a refusal, in bytes.
const maxRefusal = 40

// Known returns r if it consists of lower-case letters and dashes, else "": it comes from devices.
func (r Refusal) Known() Refusal {
	if len(r) > maxRefusal || strings.Trim(string(r), "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return r
}
