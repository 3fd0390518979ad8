// Package watch follows a transfer from a terminal until no active device is left to serve, and prints how it
// stands and how it ended at each device.
package watch
