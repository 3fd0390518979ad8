// Package server is what a groupcast server does, behind groupcast.Service: accounts, groups,
// members, requests and transfers. It decides who may do what, has it done and writes the audit log.
// It knows no HTTP (internal/httpapi), no SQL (internal/store) and no packets (internal/sender).
//
// What is sent to whom, and when, is the part of package delivery, which carries out what package
// schedule decides.
package server
