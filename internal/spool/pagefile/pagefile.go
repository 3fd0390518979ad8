// Package pagefile keeps the pages of a transfer in a file of its staging, in the order of the chain, and beside them
// which blocks an earlier edition left there. What is read from these files is checked by whoever reads it.
package pagefile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"sync"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Key is what a staging is of.
type Key struct {
	Transfer protocol.TransferID
	Skeleton protocol.Digest
	Edition  protocol.Edition
}

// KeyOf is the key of an offer's staging.
func KeyOf(t format2.PageTerms) Key { return Key{t.TransferID, t.Skeleton, t.Edition} }

// The file begins with "GCP2" 4 │ transfer ID 16 │ skeleton 32 │ edition 4 │ CRC 4. Pages follow, each as
// length 4 │ bytes. What follows the last whole page is forgotten: their signatures say which are.
const (
	magic     = "GCP2"
	headBytes = 4 + 16 + 32 + 4 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (k Key) header(magic string) []byte {
	b := append([]byte(magic), k.Transfer[:]...)
	b = append(b, k.Skeleton[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(k.Edition))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// Digest stands for the key, in a journal.
func (k Key) Digest() protocol.Digest { return format2.ContentDigest(k.header(magic)) }

// readKey reads the beginning of a file; false: there is none, or another one.
func readKey(f diskfs.FS, name, magic string) (k Key, there bool, err error) {
	h, err := f.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return k, false, nil
	}
	if err != nil {
		return k, false, fmt.Errorf("open %s: %w", name, err)
	}
	defer h.Close()
	b := make([]byte, headBytes)
	if n, err := h.ReadAt(b, 0); err != nil && !errors.Is(err, io.EOF) {
		return k, false, fmt.Errorf("read %s: %w", name, err)
	} else if n < headBytes {
		return k, false, nil
	}
	copy(k.Transfer[:], b[4:])
	copy(k.Skeleton[:], b[20:])
	k.Edition = protocol.Edition(binary.BigEndian.Uint32(b[52:]))
	return k, string(b) == string(k.header(magic)), nil
}

// KeyAt says what the pages of a file are of; false: there is no such file.
func KeyAt(f diskfs.FS, name string) (Key, bool, error) { return readKey(f, name, magic) }

// File is the pages of one edition, open. Append and Sync may be called at the same time.
type File struct {
	file    diskfs.File
	syncing sync.Mutex // one at a time; taken before mu
	mu      sync.Mutex // of what follows; nobody waits for the disk's barrier with it
	end     int64
	durable int64 // what lies before it is
}

// Open opens the pages that are kept of an edition, or begins with none.
func Open(f diskfs.FS, name string, k Key) (*File, error) {
	have, there, err := KeyAt(f, name)
	if err != nil {
		return nil, err
	}
	if !there || have != k {
		if err := diskfs.WriteAll(f, name, k.header(magic)); err != nil {
			return nil, fmt.Errorf("begin the pages: %w", err)
		}
	}
	h, err := f.Open(name, true)
	if err != nil {
		return nil, fmt.Errorf("open the pages: %w", err)
	}
	return &File{file: h, end: headBytes, durable: headBytes}, nil
}

// Load gives take the pages that are kept, in order, until it says no; what follows is cut off.
func (p *File) Load(take func(raw []byte) bool) error {
	end, err := each(p.file, take)
	if err != nil {
		return err
	}
	p.end, p.durable = end, 0 // a process that was killed may not have come to make them durable
	if err := p.file.Truncate(end); err != nil {
		return fmt.Errorf("cut the pages: %w", err)
	}
	return nil
}

// each reads whole pages until take says no, and says where the last one ended that it took.
func each(h diskfs.File, take func(raw []byte) bool) (end int64, err error) {
	for at := int64(headBytes); ; {
		var head [4]byte
		n, err := h.ReadAt(head[:], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return at, fmt.Errorf("read the pages: %w", err)
		}
		length := int(binary.BigEndian.Uint32(head[:]))
		if n < len(head) || length < format2.MinPageBytes || length > format2.MaxPageBytes {
			return at, nil
		}
		raw := make([]byte, length)
		if n, err = h.ReadAt(raw, at+int64(len(head))); err != nil && !errors.Is(err, io.EOF) {
			return at, fmt.Errorf("read the pages: %w", err)
		}
		if n < length || !take(raw) {
			return at, nil
		}
		at += int64(len(head) + length)
	}
}

// Each reads the pages of a file that need not be open.
func Each(f diskfs.FS, name string, take func(raw []byte) bool) error {
	h, err := f.Open(name, false)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open the pages: %w", err)
	}
	defer h.Close()
	_, err = each(h, take)
	return err
}

// Append adds a page; Sync makes it durable.
func (p *File) Append(raw []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := append(binary.BigEndian.AppendUint32(nil, uint32(len(raw))), raw...)
	if _, err := p.file.WriteAt(b, p.end); err != nil {
		return trouble.Disk(fmt.Errorf("keep a page: %w", err))
	}
	p.end += int64(len(b))
	return nil
}

// Sync makes the pages durable that were added so far. Pages may be added meanwhile.
func (p *File) Sync() error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	p.mu.Lock()
	end, late := p.end, p.durable < p.end
	p.mu.Unlock()
	if !late {
		return nil
	}
	if err := p.file.Sync(); err != nil {
		return trouble.Disk(fmt.Errorf("make the pages durable: %w", err))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.durable = end
	return nil
}

// Close closes the file.
func (p *File) Close() error { return p.file.Close() }
