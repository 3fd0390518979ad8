// Package server is what a groupcast server does, behind groupcast.Service: accounts,
// groups, members, requests, transfers and the schedule that delivers what is pending. It
// decides who may do what, writes the audit log and starts and stops sessions. It knows no
// HTTP (internal/httpapi), no SQL (internal/store) and no packets (internal/sender).
//
// Package schedule decides: it takes the time as an argument and answers with actions;
// live.go carries them out.
package server
