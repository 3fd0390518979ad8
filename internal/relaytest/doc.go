// Package relaytest has nothing but tests: of a relay and a whole server together, over loopback.
package relaytest
