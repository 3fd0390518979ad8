package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/terminal"
	"github.com/groupcast/groupcast/internal/ui"
)

// promiseUpload uploads paths and makes a transfer of them. What is begun is remembered on this
// machine: the same command continues where an earlier one stopped, however that ended.
func (a *app) promiseUpload(
	ctx context.Context, client *apiclient.Client, n groupcast.NewTransfer, resume string, sel *apiclient.Selection,
) (groupcast.Transfer, error) {
	h, err := a.machine().OpenHome()
	if err != nil {
		return groupcast.Transfer{}, err
	}
	key, err := uploadKey(client.Address(), n.Group, sel.Paths)
	if err != nil {
		return groupcast.Transfer{}, err
	}
	note := func(id string) {
		n.Upload = id
		if err := h.BeginUpload(key, id); err != nil {
			fmt.Fprintf(a.Err, "note: this upload has the ID %s; it could not be written down: %s\n", id, ui.Clean(err.Error()))
		}
	}
	n.Upload = resume
	unfinished := h.UnfinishedUpload(key)
	switch {
	case resume != "":
		err = a.resumeUpload(ctx, client, resume, sel)
	case unfinished != "":
		n.Upload = unfinished
		err = a.resumeUpload(ctx, client, unfinished, sel)
		if groupcast.ErrorCode(err) != groupcast.ENotFound && !errors.Is(err, apiclient.ErrOtherFiles) {
			break
		}
		if errors.Is(err, apiclient.ErrOtherFiles) {
			_ = client.DeleteUpload(ctx, unfinished) // else it expires
		}
		fallthrough
	default:
		n.Upload = ""
		err = a.freshUpload(ctx, client, sel, note)
	}
	if err != nil {
		return groupcast.Transfer{}, a.resumable(ctx, a.listBad(ctx, client, n, err), n.Upload)
	}
	n.LeftOut, n.LeftOutCount = sel.LeftOut.Entries, sel.LeftOut.Count
	t, err := a.add(ctx, client, n)
	if err != nil {
		return t, a.resumable(ctx, err, n.Upload)
	}
	return t, h.EndUpload(key)
}

// uploadKey is what an upload is remembered under.
func uploadKey(server, group string, paths []string) (string, error) {
	key := []string{server, group}
	for _, p := range paths {
		full, err := filepath.Abs(p)
		if err != nil {
			return "", fmt.Errorf("find %s: %w", p, err)
		}
		key = append(key, full)
	}
	return strings.Join(key, "\n"), nil
}

func (a *app) freshUpload(
	ctx context.Context, client *apiclient.Client, sel *apiclient.Selection, note func(string),
) error {
	show := a.NewDisplay()
	defer show.Done()
	_, err := client.UploadNoted(ctx, sel, note, a.uploadProgress(show))
	return err
}

func (a *app) resumeUpload(ctx context.Context, client *apiclient.Client, id string, sel *apiclient.Selection) error {
	show := a.NewDisplay()
	defer show.Done()
	_, err := client.ResumeUpload(ctx, id, sel, a.uploadProgress(show))
	return err
}

// uploadProgress shows how far an upload is.
func (a *app) uploadProgress(show *terminal.Display) func(apiclient.UploadProgress) {
	if a.JSON {
		return nil
	}
	started, first, known := time.Now(), uint64(0), false
	return func(p apiclient.UploadProgress) {
		if !known {
			first, known = p.Bytes, true // an earlier run brought these
		}
		show.Line(fmt.Sprintf("uploading %s of %s  %s  %s", ui.Size(p.Bytes), ui.Size(p.Total),
			perSecond(p.Bytes-min(first, p.Bytes), time.Since(started)), ui.Name(p.Path)))
	}
}

// resumable adds how to continue to the error of an upload that broke off; without an ID there is
// nothing to continue with.
func (a *app) resumable(ctx context.Context, err error, id string) error {
	if id == "" {
		return err
	}
	var e *groupcast.Error
	switch {
	case ctx.Err() != nil:
		e = groupcast.Errorf(groupcast.EUnavailable, "the upload was interrupted")
	case errors.As(err, &e):
		e = groupcast.Errorf(e.Code, "%s", e.Message).WithHint("%s", ui.Hint(e)).Wrap(err)
	default:
		e = groupcast.Errorf(groupcast.EUnavailable, "the upload was broken off").Wrap(err)
	}
	switch e.Code {
	case groupcast.ENotFound, groupcast.EForbidden, groupcast.EInvalid, groupcast.EConflict:
		return e
	}
	if e.Hint != "" {
		e.Hint += "; "
	}
	return e.WithHint("%sto go on where it stopped: %s", e.Hint, terminal.Again(a.args, "--resume", id))
}
