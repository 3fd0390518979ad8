package groupcast

import "strings"

// Refusal says in one word what a device refused a transfer for: space, version, names, folder …, or
// "manifest-" and what is wrong with the list of its files.
type Refusal string

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
