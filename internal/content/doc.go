// Package content is the server's side of files: it lists what is to be sent, hashes it into
// a manifest, reads its blocks again when they are sent, and keeps uploads. It decides
// nothing about who may send what.
package content
