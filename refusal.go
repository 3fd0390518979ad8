package groupcast

import "strings"

// Refusal says in one word what a device refused a transfer for: space, version, names, folder …, or
// "manifest-" and what is wrong with the list of its files.
type Refusal string

// The refusals. One of the list of files is RefusedManifest and what is wrong with it.
const (
	RefusedSpace      Refusal = "space"      // no room for it
	RefusedSize       Refusal = "size"       // more than it will ever take
	RefusedNames      Refusal = "names"      // names that it cannot hold
	RefusedFolder     Refusal = "folder"     // the folder for received files is not there
	RefusedVersion    Refusal = "version"    // its program is too old, or the server's
	RefusedUnreadable Refusal = "unreadable" // it cannot read the offer
)

// RefusedManifest begins the words of those that are about the list of files.
const RefusedManifest = "manifest-"

// Final says whether the device is not asked again for the transfer: it will never take it. It is
// asked again if an administrator retries it, or if the files change and with them their list.
func (r Refusal) Final() bool { return strings.HasPrefix(string(r), RefusedManifest) }

// maxRefusal bounds the word.
const maxRefusal = 40

// Known is r if it is a word, and nothing if it is anything else: it comes from devices.
func (r Refusal) Known() Refusal {
	if len(r) > maxRefusal || strings.Trim(string(r), "abcdefghijklmnopqrstuvwxyz-") != "" {
		return ""
	}
	return r
}
