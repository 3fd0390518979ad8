// Package groupcast holds the words of the system: users, devices, groups, transfers,
// deliveries, events and errors, and the interfaces through which one part uses another.
// It imports nothing but the standard library and internal/protocol; every struct here is
// also what the JSON API says, so that the command line, the menu, the web interface and the
// agent all read the same thing.
package groupcast

// Version is the version of the program, by the rules of semver.org: that of a release, or the next
// release's with "-dev" and the commit. The linker sets it.
var Version = "0.2.0-dev"

// ControlVersion is the version of the JSON API that server and clients compare at login.
const ControlVersion = 1
