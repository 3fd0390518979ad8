package groupcast

import (
	"context"
	"time"

	"github.com/groupcast/groupcast/internal/protocol"
)

// MachineService looks at one account, one device, or one file over everything that was sent.
type MachineService interface {
	// User shows an account to an administrator. ENotFound: there is none of this name.
	User(ctx context.Context, p Principal, name string) (User, error)
	// Device shows a device with its groups and how much it is owed. Users may look at their own.
	Device(ctx context.Context, p Principal, id protocol.DeviceID) (Device, error)
	// DeviceDeliveries lists what a device is owed and got, the newest transfer first. Users may look at
	// their own devices; what is held shows to administrators only.
	DeviceDeliveries(ctx context.Context, p Principal, id protocol.DeviceID, w Window) (Page[Received], error)
	// SentFiles looks for files by a part of their path in everything that was ever sent, the newest
	// transfer first. An answer may be a part: Before says where to continue.
	SentFiles(ctx context.Context, p Principal, q SentFileQuery) (SentFiles, error)
}

// SentFileQuery asks for files that were sent.
type SentFileQuery struct {
	Name   string              // a part of the path, in whatever case; empty: whatever it is
	Digest string              // SHA-256 of the file in hex, or how it begins; empty: whatever it is
	Before protocol.TransferNo // only transfers below this number; 0: all
	Limit  int                 // at most so many files; 0 or more than 1,000: 1,000
}

// SentFile is one file of one transfer.
type SentFile struct {
	Transfer protocol.TransferNo `json:"transfer"`
	Group    string              `json:"group"`
	Path     string              `json:"path"`
	Size     uint64              `json:"size"`   // bytes
	Digest   protocol.Digest     `json:"digest"` // of the whole file, by Hash; zero: it was not read yet
	Hash     FileHash            `json:"hash"`
	At       time.Time           `json:"at"` // when the transfer was made
	State    TransferState       `json:"state"`
	Verified int                 `json:"verified"` // devices that have all of the transfer
	Devices  int                 `json:"devices"`  // that it was promised to
}

// SentFiles are the files that were found, the newest transfer first.
type SentFiles struct {
	Rows   []SentFile          `json:"rows"`
	Before protocol.TransferNo `json:"before,omitempty"` // transfers below it were not looked at yet; 0: all were
}

// ServerAbout is what a server is made of and what it keeps. Zero values are not known.
type ServerAbout struct {
	Name          string      `json:"name"`        // what it is called
	Machine       string      `json:"machine"`     // host name of its machine
	Addresses     []string    `json:"addresses"`   // under which it is reached: https://HOST:PORT
	Certificate   string      `json:"certificate"` // SHA-256 that a browser shows of it, in hex
	MaxRate       uint64      `json:"max_rate"`    // bits a second; 0: no limit
	FreeBytes     uint64      `json:"free_bytes"`  // on the disk of its state
	DiskBytes     uint64      `json:"disk_bytes"`
	DatabaseBytes uint64      `json:"database_bytes"`
	ContentBytes  uint64      `json:"content_bytes"` // of uploaded files that are kept
	Errors        []LogRecord `json:"errors"`        // the last warnings and errors of its log, the newest first
}

// LogRecord is one record of a log.
type LogRecord struct {
	At    time.Time `json:"at"`
	Level string    `json:"level"` // "WARN" or "ERROR"
	Text  string    `json:"text"`
}
