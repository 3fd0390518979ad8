// Package journal is the record of what a staging holds: it survives a crash at any point.
package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// The journal remembers what a staging holds. It only grows:
//
//	"GCJ1" 4 | root of the manifest 32 | CRC 4
//	records × { kind 4 | value 4 | CRC 4 over number of the record, kind, value }
//
// A written record follows the write of its block; a barrier with value n says that the
// first n written records are durable, for it was itself written after they were. What
// follows the last barrier is read and hashed again before it counts; a block that is not
// there then gets a lost record, or the next barrier would vouch for it. What follows the
// first record that does not check is forgotten.
const (
	magic       = "GCJ1"
	headerBytes = 40
	recordBytes = 12
	maxBytes    = headerBytes + recordBytes*4*protocol.MaxBlocks
)

// The kinds of records.
const (
	Written       = 1 // value: session block
	barrierRecord = 2 // value: how many written records are durable
	Moving        = 3 // value: file that is about to get its final name
	Settled       = 4 // value: file that has its outcome
	Lost          = 5 // value: session block whose written records so far are void
	Made          = 6 // value: entry whose folder is about to be made
)

// Voided stands for a written record that a lost record took back.
const Voided = ^protocol.BlockNumber(0)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Journal is an open one.
type Journal struct {
	file    diskfs.File
	records uint32 // in the file
	written uint32 // of them, written records
}

// Past is what a journal had when it was opened.
type Past struct {
	Trusted  []protocol.BlockNumber
	Doubtful []protocol.BlockNumber
	Moving   map[int]bool
	Settled  map[int]bool
	Made     map[int]bool
	Lost     map[protocol.BlockNumber]bool // at any time; they may have been written since
}

func emptyPast() Past {
	return Past{
		Moving: map[int]bool{}, Settled: map[int]bool{}, Made: map[int]bool{}, Lost: map[protocol.BlockNumber]bool{},
	}
}

// Open opens the journal of a staging or begins a new one; one of another manifest is
// no journal of ours.
func Open(f diskfs.FS, name string, root protocol.Digest) (*Journal, Past, error) {
	j, p, length, err := Read(f, name, root)
	if err != nil {
		return nil, p, err
	}
	if length == 0 {
		err = j.begin(f, name, root)
		return j, p, err
	}
	if j.file, err = f.Open(name, true); err != nil {
		return nil, p, fmt.Errorf("open the journal: %w", err)
	}
	if err := j.cut(length); err != nil {
		return nil, p, errors.Join(err, j.file.Close())
	}
	return j, p, nil
}

// Read reads a journal and changes nothing; its length is 0 if there is none of this manifest.
func Read(f diskfs.FS, name string, root protocol.Digest) (j *Journal, p Past, length int64, err error) {
	j, p = &Journal{}, emptyPast()
	b, err := diskfs.ReadAll(f, name, maxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return j, p, 0, nil
	case err != nil:
		return nil, p, 0, fmt.Errorf("read the journal: %w", err)
	case !validHeader(b, root):
		return j, p, 0, nil
	}
	j.replay(b[headerBytes:], &p)
	return j, p, int64(len(b)), nil
}

// cut removes everything after the last valid record, durably: it must not come back after records that
// are still to be written.
func (j *Journal) cut(length int64) error {
	good := headerBytes + int64(j.records)*recordBytes
	if good == length {
		return nil
	}
	if err := j.file.Truncate(good); err != nil {
		return fmt.Errorf("cut the journal: %w", err)
	}
	return j.Sync()
}

func header(root protocol.Digest) []byte {
	b := append([]byte(magic), root[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func validHeader(b []byte, root protocol.Digest) bool {
	return len(b) >= headerBytes && string(b[:headerBytes]) == string(header(root))
}

func (j *Journal) begin(f diskfs.FS, name string, root protocol.Digest) (err error) {
	if err := diskfs.WriteAll(f, name, header(root)); err != nil {
		return fmt.Errorf("begin the journal: %w", err)
	}
	if j.file, err = f.Open(name, true); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	return nil
}

func (j *Journal) replay(b []byte, p *Past) {
	durable := 0
	var written []protocol.BlockNumber // in order
	for ; len(b) >= recordBytes; b = b[recordBytes:] {
		kind, value := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if binary.BigEndian.Uint32(b[8:]) != recordSum(j.records, kind, value) {
			break
		}
		j.records++
		switch kind {
		case Written:
			written = append(written, protocol.BlockNumber(value))
		case Lost:
			forget(written, protocol.BlockNumber(value))
			p.Lost[protocol.BlockNumber(value)] = true
		case barrierRecord:
			durable = max(durable, min(int(value), len(written)))
		case Moving:
			p.Moving[int(value)] = true
		case Settled:
			p.Settled[int(value)] = true
		case Made:
			p.Made[int(value)] = true
		}
	}
	j.written = uint32(len(written))
	p.Trusted, p.Doubtful = written[:durable], written[durable:]
}

// forget takes back what was written of a block. There are few to forget.
func forget(written []protocol.BlockNumber, b protocol.BlockNumber) {
	for i := range written {
		if written[i] == b {
			written[i] = Voided
		}
	}
}

func recordSum(number, kind, value uint32) uint32 {
	var b [12]byte
	binary.BigEndian.PutUint32(b[:], number)
	binary.BigEndian.PutUint32(b[4:], kind)
	binary.BigEndian.PutUint32(b[8:], value)
	return crc32.Checksum(b[:], castagnoli)
}

// Add appends records of one kind.
func (j *Journal) Add(kind uint32, values ...uint32) error {
	if len(values) == 0 {
		return nil
	}
	b := make([]byte, 0, recordBytes*len(values))
	for i, v := range values {
		b = binary.BigEndian.AppendUint32(b, kind)
		b = binary.BigEndian.AppendUint32(b, v)
		b = binary.BigEndian.AppendUint32(b, recordSum(j.records+uint32(i), kind, v))
	}
	if _, err := j.file.WriteAt(b, headerBytes+int64(j.records)*recordBytes); err != nil {
		return trouble.Disk(fmt.Errorf("write the journal: %w", err))
	}
	j.records += uint32(len(values))
	if kind == Written {
		j.written += uint32(len(values))
	}
	return nil
}

// Barrier says that the first n written records are durable. Sync follows it.
func (j *Journal) Barrier(n uint32) error { return j.Add(barrierRecord, n) }

// Sync makes what was added durable. Records may be added meanwhile.
func (j *Journal) Sync() error {
	if err := j.file.Sync(); err != nil {
		return trouble.Disk(fmt.Errorf("sync the journal: %w", err))
	}
	return nil
}

// Written is how many written records there are.
func (j *Journal) Written() uint32 { return j.written }

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }
