// Package edition decides what a transfer holds while time goes on: it is planned anew without files that changed or
// are gone, taken again as the files are now, compared with newer transfers, and freed when nobody needs it.
package edition

import (
	"context"
	"log/slog"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/content"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/store"
)

// Editions are the contents of transfers.
type Editions struct {
	Store   Store
	Library Library
	Changed func(store.Transfer) // called once a transfer has other content, before the old one is forgotten
	Log     *slog.Logger
}

// Store is what is needed of the store. Package store says what each does.
type Store interface {
	Transfer(ctx context.Context, no protocol.TransferNo) (store.Transfer, error)
	TransferOfContent(ctx context.Context, content string) (store.Transfer, error)
	ReplaceContent(ctx context.Context, no protocol.TransferNo, e store.Edition) (store.Transfer, error)
	LeftOut(ctx context.Context, no protocol.TransferNo, w groupcast.Window) ([]groupcast.LeftOut, int, error)
	KeepFiles(ctx context.Context, no protocol.TransferNo, from int, files []groupcast.FileEntry) error
	KeepSmallManifest(ctx context.Context, no protocol.TransferNo, root protocol.Digest, manifest []byte) error
	SetContentGone(ctx context.Context, no protocol.TransferNo) error
}

// Library holds the content of transfers (*content.Library).
type Library interface {
	Manifest(id string) (*manifest.Manifest, content.Kept, error)
	Kept(id string) (content.Kept, error)
	Files(id string, w groupcast.Window) (files []manifest.File, total int, err error)
	Keep(m *manifest.Manifest, name string, p content.Place, from string) (content.Built, error)
	Made(id string)
	Forget(id string) error
	Remove(id string) error
	Covers(ctx context.Context, newer, older string) (covers bool, read int, err error)
	Relist(ctx context.Context, id string, gone []string) (b content.Built, lost []content.Lost, err error)
	Listed(ctx context.Context, id string, entries []groupcast.LeftOut) ([]bool, error)
	Names() ([]string, error)
}
