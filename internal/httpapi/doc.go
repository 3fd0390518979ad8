// Package httpapi carries groupcast.Service over HTTPS and over the server's own Unix socket:
// routes by noun, authentication, errors as RFC 9457 problems, event streams, raw streams of
// blocks and uploads, and the limits that keep a flood away from the data plane.
//
// It decides who may call what and how often. The rules about users, groups and transfers belong to
// the service behind it.
package httpapi
