// Package groupcast has the types that all parts share: users, devices, groups, transfers,
// deliveries, events and errors, and the interfaces through which one part uses another.
// It imports only the standard library and internal/protocol. Its structs are also those of
// the JSON API, so that the command line, the menu, the web interface and the agent show the
// same.
package groupcast

// Version is the version of the program, by the rules of semver.org: that of a release, or the next
// release's with "-dev" and the commit. The linker sets it.
var Version = "0.2.0-dev"

// ControlVersion is the version of the JSON API that server and clients compare at login.
const ControlVersion = 1
