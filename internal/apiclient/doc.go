// Package apiclient is the other end of package httpapi: a typed client with the methods of
// groupcast.Service, over HTTPS with the server's own CA pinned, or over the Unix socket of a
// server on this machine. Errors come back as *groupcast.Error, in words, with the next step.
//
// It keeps no state between calls and stores nothing: pins and tokens are its caller's.
package apiclient
