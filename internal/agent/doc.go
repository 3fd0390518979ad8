// Package agent is one device's daemon: it attaches to the server, hears its groups, takes
// part in sessions, fetches over HTTPS what multicast does not bring, commits what is verified
// and sends receipts. It decides nothing about packets (package recv does) and writes nothing
// that package spool has not been given verified.
package agent
