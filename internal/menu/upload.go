package menu

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/pattern"
	"github.com/groupcast/groupcast/internal/ui"
	"github.com/groupcast/groupcast/internal/units"
)

// addPending promises a path to a group: read in place on the server's own machine, uploaded
// from anywhere else.
func (m *Menu) addPending(ctx context.Context, a Answers, tell show) (Page, error) {
	path, err := filepath.Abs(expand(a["path"]))
	if err != nil {
		return Page{}, fmt.Errorf("find %s: %w", a["path"], err)
	}
	sel := &apiclient.Selection{Paths: []string{path}, Exclude: pattern.Split(a["exclude"]), SkipBad: a.yes("skip")}
	n := groupcast.NewTransfer{
		Group: a["group"], Hold: a.yes("hold"), Paths: sel.Paths, Exclude: sel.Exclude, SkipBad: sel.SkipBad,
	}
	if m.Admin.IsLocal() {
		tell(Progress{Lines: []string{"Reading " + ui.Name(path) + " …"}})
	} else {
		if n.Upload, err = m.upload(ctx, path, sel, tell); err != nil {
			stays := "What is at the server stays there for a while: the same line with the same path goes on where it stopped."
			return Page{Kept: []string{"", stays}}, err
		}
		n.Paths, n.Exclude, n.SkipBad = nil, nil, false
		n.LeftOut, n.LeftOutCount = sel.LeftOut.Entries, sel.LeftOut.Count
	}
	t, err := m.Admin.AddTransfer(ctx, n)
	if err != nil {
		return Page{}, err
	}
	if n.Upload != "" && m.Uploads != nil {
		err = m.Uploads.EndUpload(m.uploadName(path)) // else the server says that it is gone
	}
	next := "It is sent at once to the devices that are here; the others " +
		"get it when they are back. `Pending status` shows how it goes."
	if t.State == groupcast.TransferHeld {
		next = "It is held until `Send pending`."
	}
	what := fmt.Sprintf("Transfer %d: %s, %s (%s) for %s.", t.No, ui.Name(t.Name), ui.Contents(t), ui.Size(t.Bytes),
		ui.Name(t.Group))
	lines := []string{what, next}
	if t.LeftOut > 0 {
		lines = append(lines, m.leftOutLines(ctx, t)...)
	}
	for _, note := range t.Notes {
		lines = append(lines, "Note: "+ui.Note(note)+".")
	}
	return say(lines...), err
}

// uploadName is what an upload is remembered under.
func (m *Menu) uploadName(path string) string { return m.Admin.Address() + " " + path }

// upload brings a path to the server. Its ID is noted before the first byte, so that whatever
// breaks it off, the next try continues.
func (m *Menu) upload(ctx context.Context, path string, sel *apiclient.Selection, tell show) (string, error) {
	name, meter := m.uploadName(path), meter{}
	progress := func(p apiclient.UploadProgress) { tell(meter.lines(p, time.Now())) }
	if m.Uploads != nil {
		if id := m.Uploads.UnfinishedUpload(name); id != "" {
			meter.resumed = true
			up, err := m.Admin.ResumeUpload(ctx, id, sel, progress)
			if code := groupcast.ErrorCode(err); err == nil || code != groupcast.ENotFound && code != groupcast.EConflict {
				return up.ID, err
			}
			meter.resumed = false // the files are others now, or the server has dropped it
		}
	}
	up, err := m.Admin.BeginUpload(ctx, sel)
	if err != nil {
		return "", err
	}
	if m.Uploads != nil {
		if err := m.Uploads.BeginUpload(name, up.ID); err != nil {
			return "", err
		}
	}
	up, err = m.Admin.ResumeUpload(ctx, up.ID, sel, progress)
	return up.ID, err
}

// stalled is how long an upload may stand still before it is said.
const stalled = 1500 * time.Millisecond

// meter measures an upload.
type meter struct {
	since, moved time.Time
	first, last  uint64 // bytes that were there when it began, and now
	most         uint64
	resumed      bool
}

// at notes where the upload is; after a break it may be behind where it was.
func (m *meter) at(bytes uint64, now time.Time) {
	if m.moved.IsZero() || bytes < m.last {
		m.since, m.first = now, bytes
	}
	if m.moved.IsZero() || bytes > m.last {
		m.moved = now
	}
	m.last, m.most = bytes, max(m.most, bytes)
}

func (m *meter) lines(p apiclient.UploadProgress, now time.Time) Progress {
	m.at(p.Bytes, now)
	have, still := p.Bytes, p.Bytes < p.Total && (now.Sub(m.moved) > stalled || p.Bytes < m.most && p.Bytes == m.first)
	if still {
		have = m.most
	}
	share := 1.0
	if p.Total > 0 {
		share = float64(have) / float64(p.Total)
	}
	text := fmt.Sprintf("%s of %s", ui.Size(have), ui.Size(p.Total))
	switch took := now.Sub(m.since); {
	case still:
		text += " · no answer; it goes on by itself"
	case took > time.Second && p.Bytes > m.first:
		rate := float64(p.Bytes-m.first) / took.Seconds()
		left := time.Duration(float64(p.Total-p.Bytes) / rate * float64(time.Second))
		text += fmt.Sprintf(" · %s/s · %s left", ui.Size(uint64(rate)), units.FormatDuration(left.Round(time.Second)))
	}
	lines := []string{"Uploading to the server: " + ui.Name(p.Path), ui.Bar(share, 40) + " " + ui.Percent(share), text}
	if m.resumed {
		lines = append(lines, "It was begun before: what the server has is not sent again.")
	}
	return Progress{Lines: lines}
}
