// Package identity says whether a folder is the one that a receiver used before: each has a random name of its own,
// in a file of its spool folder.
package identity

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/spool/trouble"
)

// Identity is what DIR is known by: random, in a file of its spool folder. The empty folder
// that is there while a disk is not mounted has none, another disk has another.
type Identity [16]byte

func (i Identity) String() string { return hex.EncodeToString(i[:]) }

// Parse reads what String wrote.
func Parse(text string) (id Identity, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, fmt.Errorf("%q is not the identity of a folder", text)
	}
	return Identity(b), nil
}

const (
	// SpoolFolder is the folder below DIR that holds what is staged.
	SpoolFolder   = ".groupcast"
	identityName  = SpoolFolder + "/identity"
	identityBytes = 64 // the file has fewer
)

// Identify gives the identity of dir, which is made if need be and gets one if it has none.
func Identify(dir string) (Identity, error) {
	f, err := diskfs.Open(dir)
	if err != nil {
		return Identity{}, err
	}
	id, err := identify(f)
	return id, errors.Join(err, f.Close())
}

func identify(f diskfs.FS) (Identity, error) {
	id, err := readIdentity(f)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNoIdentity) && !errors.Is(err, diskfs.ErrTooLong) {
		return id, err
	}
	is, err := diskfs.Folder(f, SpoolFolder, 0o700)
	if err != nil {
		return id, err
	}
	if !is {
		return id, trouble.NoFolder(SpoolFolder)
	}
	rand.Read(id[:])
	if err := diskfs.WriteAll(f, identityName, []byte(id.String()+"\n")); err != nil {
		return Identity{}, fmt.Errorf("write down what the folder is known by: %w", err)
	}
	return id, nil
}

// readIdentity returns the identity of a folder; fs.ErrNotExist if it has none.
func readIdentity(f diskfs.FS) (Identity, error) {
	b, err := diskfs.ReadAll(f, identityName, identityBytes)
	if err != nil {
		return Identity{}, fmt.Errorf("read what the folder is known by: %w", err)
	}
	id, err := Parse(strings.TrimSpace(string(b)))
	if err != nil {
		return id, errors.Join(errNoIdentity, err)
	}
	return id, nil
}

// errNoIdentity says that a file of the name is there and holds something else.
var errNoIdentity = errors.New("it is not known what the folder is known by")

// Open opens dir if it is the folder that is known by this identity, and makes nothing;
// *Refused if it is not.
func Open(dir string, id Identity) (diskfs.FS, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", dir, err)
	}
	f, err := diskfs.OpenFound(abs)
	if fi, lookErr := os.Stat(abs); errors.Is(err, fs.ErrNotExist) || err != nil && lookErr == nil && !fi.IsDir() {
		return nil, strange(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open folder %s: %w", dir, err)
	}
	if err := Check(f, dir, id); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// strange refuses a folder that is not the one that was used before.
func strange(dir string) error {
	return &trouble.Refused{
		Kind: groupcast.RefusedFolder,
		Reason: dir +
			" is not the folder that this receiver used before: is the disk mounted? If this folder is meant: groupcast " +
			"receive --adopt",
	}
}

// placed is a folder that can say whether its path still leads to it.
type placed interface{ InPlace() (bool, error) }

// Check checks that an open folder has the identity, and that its name still leads to it.
func Check(f diskfs.FS, dir string, id Identity) error {
	if p, ok := f.(placed); ok {
		there, err := p.InPlace()
		if err != nil {
			return fmt.Errorf("look at folder %s: %w", dir, err)
		}
		if !there {
			return strange(dir)
		}
	}
	have, err := readIdentity(f)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoIdentity), errors.Is(err, diskfs.ErrTooLong):
		return strange(dir)
	case err != nil:
		return err
	case have != id:
		return strange(dir)
	}
	return nil
}
