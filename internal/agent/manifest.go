package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/manifest"
	"github.com/groupcast/groupcast/internal/spool"
)

const (
	manifestTries = 3 // fetches of a list that comes as another than the offer names
	manifestPause = 500 * time.Millisecond
	inMemory      = 1 << 20 // a larger manifest goes to the disk until it is known to be acceptable
	maxBad        = 1000    // transfers whose manifest this device remembers not to accept
)

// fetchManifest fetches the manifest over HTTPS and checks it against the offer. One that comes as
// another is fetched again, a few times; one that cannot be accepted is refused for good: hindered
// knows both. Of a large one only a window is in memory before it is known to be acceptable.
func (t *plain) fetchManifest(ctx context.Context, layout *manifest.Layout) (whole *manifest.Layout, err error) {
	err = t.untilRight(ctx, "manifest", manifest.ErrOther, func() (err error) {
		whole, err = t.fetchOnce(ctx, layout)
		return err
	})
	return whole, err
}

// untilRight fetches a list of the files until it does not come as other any more, which says that it is not the one
// that the offer vouches for.
func (t *transfer) untilRight(ctx context.Context, list string, other error, fetch func() error) error {
	for try := 1; ; try++ {
		err := fetch()
		if !errors.Is(err, other) {
			return err
		}
		if try == manifestTries {
			return groupcast.Errorf(groupcast.EUnavailable,
				"the %s of transfer %d came %d times as another than the server signed for", list, t.offer.Transfer, try).Wrap(err)
		}
		if err := pause(ctx, time.Duration(try)*manifestPause); err != nil {
			return err
		}
	}
}

func (t *plain) fetchOnce(ctx context.Context, layout *manifest.Layout) (*manifest.Layout, error) {
	body, err := t.agent.cfg.Client.Manifest(ctx, t.offer.Transfer, t.offer.ManifestBytes)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if t.offer.ManifestBytes <= inMemory {
		var raw bytes.Buffer
		if err := layout.Look(io.TeeReader(body, &raw)); err != nil {
			return nil, err
		}
		return layout.ReadManifest(&raw)
	}
	file, err := t.spool.Scratch(t.offer.Transfer)
	if err != nil {
		return nil, err
	}
	whole, err := lookThenRead(layout, body, file)
	if gone := file.Remove(); err == nil {
		err = gone
	}
	return whole, err
}

// fetchRaw fetches a manifest for a session, which checks it.
func (t *plain) fetchRaw(ctx context.Context) ([]byte, error) {
	body, err := t.agent.cfg.Client.Manifest(ctx, t.offer.Transfer, t.offer.ManifestBytes)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	raw, err := io.ReadAll(io.LimitReader(body, int64(t.offer.ManifestBytes)+1))
	if err != nil {
		return nil, fmt.Errorf("fetch the manifest: %w", err)
	}
	return raw, nil
}

// keptManifest is the layout by the manifest that an earlier try kept; nil if there is none that is
// the offer's.
func (t *plain) keptManifest(layout *manifest.Layout) (*manifest.Layout, error) {
	kept, there, err := t.spool.OpenManifest(t.offer.Transfer)
	if err != nil || !there {
		return nil, err
	}
	defer kept.Close()
	whole, err := layout.ReadManifest(kept)
	if err != nil {
		return nil, nil // it proves nothing: it is fetched
	}
	return whole, nil
}

// unacceptable puts into words what a manifest is refused for.
func unacceptable(f *manifest.Fault) spool.Refused {
	why := map[manifest.FaultCode]string{
		manifest.FaultEncoding: "it is not written as lists of files are",
		manifest.FaultLarge:    "it is too large",
		manifest.FaultEnds:     "it ends too early",
		manifest.FaultEntry:    "it has an entry that is not allowed",
		manifest.FaultSize:     "its sizes do not add up",
		manifest.FaultBlocks:   "its blocks do not fit its files",
		manifest.FaultOffer:    "it promises something else than the offer",
	}[f.Code]
	return spool.Refused{
		Kind:   groupcast.Refusal(groupcast.RefusedManifest + string(f.Code)),
		Reason: fmt.Sprintf("the list of its files cannot be accepted: %s (%v); send the files as a new transfer", why, f),
	}
}

// lookThenRead takes a manifest into memory only once it is known to be acceptable.
func lookThenRead(layout *manifest.Layout, from io.Reader, file *spool.Scratch) (*manifest.Layout, error) {
	if err := layout.Look(io.TeeReader(from, file)); err != nil {
		return nil, err
	}
	return layout.ReadManifest(file.Reader())
}
