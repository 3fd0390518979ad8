package pagefile

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/seal"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
)

// What an earlier edition left is "GCK2" and the key as above, then block 4 │ leaf 32 in the order of the blocks: at
// its place in the staging each block has the bytes with this leaf. No such block is ever written again in the edition
// of the key unless its leaf is another one there, so that nothing of it needs to be noted while it is used.
const (
	keptMagic = "GCK2"
	keptBytes = 4 + 32
)

// Kept reads what an earlier edition left, once, in the order of the blocks.
type Kept struct {
	file diskfs.File
	in   *bufio.Reader
	next struct {
		block uint32
		leaf  protocol.Digest
	}
	more bool
}

// OpenKept opens what was left for an edition; nil: nothing was.
func OpenKept(f diskfs.FS, name string, k Key) (*Kept, error) {
	have, there, err := readKey(f, name, keptMagic)
	if err != nil || !there || have != k {
		return nil, err
	}
	h, err := f.Open(name, false)
	if err != nil {
		return nil, fmt.Errorf("open what an earlier edition left: %w", err)
	}
	r := &Kept{file: h, in: bufio.NewReader(io.NewSectionReader(h, headBytes, 1<<62))}
	return r, r.step()
}

// step reads the next block.
func (k *Kept) step() error {
	var b [keptBytes]byte
	_, err := io.ReadFull(k.in, b[:])
	k.more = err == nil
	if k.more {
		k.next.block, k.next.leaf = binary.BigEndian.Uint32(b[:]), protocol.Digest(b[4:])
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// Below gives the blocks below one that were not given yet. Of nothing (nil) there are none.
func (k *Kept) Below(end uint32, f func(block uint32, leaf protocol.Digest)) error {
	for k != nil && k.more && k.next.block < end {
		f(k.next.block, k.next.leaf)
		if err := k.step(); err != nil {
			return fmt.Errorf("read what an earlier edition left: %w", err)
		}
	}
	return nil
}

// Close closes the file.
func (k *Kept) Close() error {
	if k == nil {
		return nil
	}
	return k.file.Close()
}

// Left is what is known of the edition that was staged before.
type Left struct {
	Key    Key
	Pages  string // the names of its files
	Kept   string
	Stored func(block uint32) bool // durable, by its journal
	// Hole says whether a block with this leaf is zeros that were never written.
	Hole func(block uint32, leaf protocol.Digest) bool
	// There says whether the staged file of a block is still there.
	There func(block uint32) bool
}

// Keep writes down, durably, which blocks the edition before leaves to another one, which has the file of this name
// instead of the one before. Once that is there it does nothing.
func Keep(f diskfs.FS, old Left, to Key) error {
	if have, there, err := readKey(f, old.Kept, keptMagic); err != nil || there && have == to {
		return err
	}
	kept, err := OpenKept(f, old.Kept, old.Key)
	if err != nil {
		return err
	}
	return diskfs.WriteWith(f, old.Kept, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 64<<10)
		_, err := out.Write(to.header(keptMagic))
		if err == nil {
			err = leave(f, old, kept, out)
		}
		return errors.Join(err, out.Flush(), kept.Close()) // it is replaced next
	})
}

// leave writes the blocks that are left: those that the edition before stored, and those that it took over itself and
// did not say anything else of.
func leave(f diskfs.FS, old Left, kept *Kept, out io.Writer) error {
	var unread, unwritten error
	put := func(block uint32, leaf protocol.Digest) {
		if !old.There(block) {
			return
		}
		b := append(binary.BigEndian.AppendUint32(make([]byte, 0, keptBytes), block), leaf[:]...)
		if unwritten == nil {
			_, unwritten = out.Write(b)
		}
	}
	take := func(p *format2.Page) bool {
		if unread = kept.Below(p.FirstBlock, put); unread != nil {
			return false
		}
		for i, leaf := range p.Leaves {
			block, same := p.FirstBlock+uint32(i), false
			unread = kept.Below(block+1, func(_ uint32, was protocol.Digest) { same = was == leaf })
			if unread != nil {
				return false
			}
			if same || old.Stored(block) || kept == nil && old.Hole(block, leaf) {
				put(block, leaf)
			}
		}
		return unwritten == nil
	}
	err := Each(f, old.Pages, func(raw []byte) bool {
		signed, _, _ := seal.SplitPage(raw)
		p, err := format2.ParsePage(signed)
		return err == nil && take(&p)
	})
	if err := errors.Join(err, unread, unwritten); err != nil {
		return err
	}
	err = kept.Below(1<<32-1, put)
	return errors.Join(err, unwritten)
}
