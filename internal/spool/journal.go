package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"

	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
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
	journalMagic  = "GCJ1"
	journalHeader = 40
	recordBytes   = 12
	maxJournal    = journalHeader + recordBytes*4*protocol.MaxBlocks
)

// The kinds of records.
const (
	recordWritten = 1 // value: session block
	recordBarrier = 2 // value: how many written records are durable
	recordMoving  = 3 // value: file that is about to get its final name
	recordSettled = 4 // value: file that has its outcome
	recordLost    = 5 // value: session block whose written records so far are void
	recordMade    = 6 // value: entry whose folder is about to be made
)

// voided stands for a written record that a lost record took back.
const voided = ^protocol.BlockNumber(0)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type journal struct {
	file    diskfs.File
	records uint32 // in the file
	written uint32 // of them, written records
}

// past is what a journal had when it was opened.
type past struct {
	trusted  []protocol.BlockNumber
	doubtful []protocol.BlockNumber
	moving   map[int]bool
	settled  map[int]bool
	made     map[int]bool
}

// openJournal opens the journal of a staging or begins a new one; one of another manifest is
// no journal of ours.
func openJournal(f diskfs.FS, name string, root protocol.Digest) (*journal, past, error) {
	j, p, length, err := readJournal(f, name, root)
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

// readJournal reads a journal and changes nothing; its length is 0 if there is none of this manifest.
func readJournal(f diskfs.FS, name string, root protocol.Digest) (j *journal, p past, length int64, err error) {
	j, p = &journal{}, past{moving: map[int]bool{}, settled: map[int]bool{}, made: map[int]bool{}}
	b, err := readAll(f, name, maxJournal)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return j, p, 0, nil
	case err != nil:
		return nil, p, 0, fmt.Errorf("read the journal: %w", err)
	case !validHeader(b, root):
		return j, p, 0, nil
	}
	j.replay(b[journalHeader:], &p)
	return j, p, int64(len(b)), nil
}

// cut removes everything after the last valid record, durably: it must not come back after records that
// are still to be written.
func (j *journal) cut(length int64) error {
	good := journalHeader + int64(j.records)*recordBytes
	if good == length {
		return nil
	}
	if err := j.file.Truncate(good); err != nil {
		return fmt.Errorf("cut the journal: %w", err)
	}
	return j.sync()
}

func header(root protocol.Digest) []byte {
	b := append([]byte(journalMagic), root[:]...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func validHeader(b []byte, root protocol.Digest) bool {
	return len(b) >= journalHeader && string(b[:journalHeader]) == string(header(root))
}

func (j *journal) begin(f diskfs.FS, name string, root protocol.Digest) (err error) {
	if err := writeAll(f, name, header(root)); err != nil {
		return fmt.Errorf("begin the journal: %w", err)
	}
	if j.file, err = f.Open(name, true); err != nil {
		return fmt.Errorf("open the journal: %w", err)
	}
	return nil
}

func (j *journal) replay(b []byte, p *past) {
	durable := 0
	var written []protocol.BlockNumber // in order
	for ; len(b) >= recordBytes; b = b[recordBytes:] {
		kind, value := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if binary.BigEndian.Uint32(b[8:]) != recordSum(j.records, kind, value) {
			break
		}
		j.records++
		switch kind {
		case recordWritten:
			written = append(written, protocol.BlockNumber(value))
		case recordLost:
			forget(written, protocol.BlockNumber(value))
		case recordBarrier:
			durable = max(durable, min(int(value), len(written)))
		case recordMoving:
			p.moving[int(value)] = true
		case recordSettled:
			p.settled[int(value)] = true
		case recordMade:
			p.made[int(value)] = true
		}
	}
	j.written = uint32(len(written))
	p.trusted, p.doubtful = written[:durable], written[durable:]
}

// forget takes back what was written of a block. There are few to forget.
func forget(written []protocol.BlockNumber, b protocol.BlockNumber) {
	for i := range written {
		if written[i] == b {
			written[i] = voided
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

// add appends records of one kind.
func (j *journal) add(kind uint32, values ...uint32) error {
	if len(values) == 0 {
		return nil
	}
	b := make([]byte, 0, recordBytes*len(values))
	for i, v := range values {
		b = binary.BigEndian.AppendUint32(b, kind)
		b = binary.BigEndian.AppendUint32(b, v)
		b = binary.BigEndian.AppendUint32(b, recordSum(j.records+uint32(i), kind, v))
	}
	if _, err := j.file.WriteAt(b, journalHeader+int64(j.records)*recordBytes); err != nil {
		return diskError(fmt.Errorf("write the journal: %w", err))
	}
	j.records += uint32(len(values))
	if kind == recordWritten {
		j.written += uint32(len(values))
	}
	return nil
}

// barrier says that the first n written records are durable; it is durable itself when it
// returns.
func (j *journal) barrier(n uint32) error {
	if err := j.add(recordBarrier, n); err != nil {
		return err
	}
	return j.sync()
}

func (j *journal) sync() error {
	if err := j.file.Sync(); err != nil {
		return diskError(fmt.Errorf("sync the journal: %w", err))
	}
	return nil
}
