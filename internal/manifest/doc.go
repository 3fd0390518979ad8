// Package manifest is the list of files of a transfer and of the blocks of their packed
// stream: its one canonical encoding, the cutting of files into blocks, the digests, and the
// layout that says which bytes of which file a block of a session holds. It opens no file.
package manifest
