package apiclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
)

// Pieces of an upload and the patience with a network that breaks.
const (
	uploadPiece = 64 << 20 // a request carries so much at most: what a break can cost
	maxBreaks   = 8        // in a row without a byte more at the server, at least
	maxLost     = 3        // times that the server has less than it had
	tellEvery   = 250 * time.Millisecond

	// uploadPatience is how long a server may be away, or its disk full, before an upload ends.
	uploadPatience = 2 * time.Minute
)

// UploadProgress says how far an upload is.
type UploadProgress struct {
	Path  string // the file that is going up
	Files int    // complete so far
	Bytes uint64
	Total uint64
}

// CreateUpload declares the entries of an upload.
func (c *Client) CreateUpload(ctx context.Context, entries []groupcast.UploadEntry) (groupcast.Upload, error) {
	in := struct {
		Entries []groupcast.UploadEntry `json:"entries"`
	}{entries}
	return answered[groupcast.Upload](ctx, c, post("/uploads", in).once().slowly())
}

// CheckUpload lists what of some entries cannot be sent or is excluded.
func (c *Client) CheckUpload(
	ctx context.Context, entries []groupcast.UploadEntry, exclude []string,
) (groupcast.LeftOutPage, error) {
	in := struct {
		Entries []groupcast.UploadEntry `json:"entries"`
		Exclude []string                `json:"exclude,omitempty"`
	}{entries, exclude}
	return answered[groupcast.LeftOutPage](ctx, c, post("/uploads/check", in).slowly())
}

// Upload says how far an upload is.
func (c *Client) Upload(ctx context.Context, id string) (groupcast.Upload, error) {
	return answered[groupcast.Upload](ctx, c, get("/uploads/"+segment(id)))
}

// CompleteUpload checks that every byte is there.
func (c *Client) CompleteUpload(ctx context.Context, id string) (groupcast.Upload, error) {
	return answered[groupcast.Upload](ctx, c, post("/uploads/"+segment(id)+"/complete", nil).slowly())
}

// DeleteUpload drops an upload.
func (c *Client) DeleteUpload(ctx context.Context, id string) error {
	return c.do(ctx, remove("/uploads/"+segment(id)), nil)
}

// UnfinishedUploads lists the uploads that no transfer was made of yet.
func (c *Client) UnfinishedUploads(ctx context.Context) ([]groupcast.UnfinishedUpload, error) {
	return whole[groupcast.UnfinishedUpload](ctx, c, get("/uploads"))
}

// WriteUpload appends to one file of an upload.
func (c *Client) WriteUpload(
	ctx context.Context, id, path string, offset uint64, r io.Reader,
) (groupcast.UploadEntry, error) {
	var out groupcast.UploadEntry
	ctx, w := watch(ctx)
	defer w.end()
	q := url.Values{"path": {path}, "offset": {strconv.FormatUint(offset, 10)}}
	body := &sentReader{r: r, watch: w}
	req, err := c.raw(ctx, http.MethodPut, "/uploads/"+segment(id)+"/data", q, body)
	if err != nil {
		return out, err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.bulk.Do(req)
	if body.err != nil {
		return out, body.err
	}
	if err != nil {
		return out, c.unreachable(w.cause(err))
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return out, decodeProblem(res, c.where)
	}
	return out, decode(res.Body, &out)
}

// sentReader keeps the watchdog quiet while bytes go out, and remembers when it was the
// file's fault that they did not.
type sentReader struct {
	r     io.Reader
	watch *watchdog
	err   error
}

func (s *sentReader) Read(b []byte) (int, error) {
	s.watch.alive()
	n, err := s.r.Read(b)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// UploadPaths brings files and folders of this machine to the server: the trees below its paths,
// each under its last name. What breaks is taken up again where the server's copy ends.
func (c *Client) UploadPaths(
	ctx context.Context, sel *Selection, progress func(UploadProgress),
) (groupcast.Upload, error) {
	return c.UploadNoted(ctx, sel, func(string) {}, progress)
}

// UploadNoted is UploadPaths that passes the upload's ID to a function before the first byte is sent, so
// that ResumeUpload can continue it whatever happens.
func (c *Client) UploadNoted(
	ctx context.Context, sel *Selection, note func(id string), progress func(UploadProgress),
) (groupcast.Upload, error) {
	tree, up, err := c.begin(ctx, sel)
	if err != nil {
		return up, err
	}
	note(up.ID)
	return c.sendTree(ctx, up, tree, progress)
}

// BeginUpload declares files and folders of this machine and sends nothing of them yet: who
// notes the upload's ID first can continue with ResumeUpload whatever happens.
func (c *Client) BeginUpload(ctx context.Context, sel *Selection) (groupcast.Upload, error) {
	_, up, err := c.begin(ctx, sel)
	return up, err
}

func (c *Client) begin(ctx context.Context, sel *Selection) (*tree, groupcast.Upload, error) {
	tree, err := scan(sel)
	if err != nil {
		return nil, groupcast.Upload{}, err
	}
	up, err := c.CreateUpload(ctx, tree.entries)
	return tree, up, err
}

// ErrOtherFiles says that an upload declared other files than there are now.
var ErrOtherFiles = errors.New("the files are others")

// ResumeUpload continues with an upload of the same paths that an earlier run began.
func (c *Client) ResumeUpload(
	ctx context.Context, id string, sel *Selection, progress func(UploadProgress),
) (groupcast.Upload, error) {
	tree, err := scan(sel)
	if err != nil {
		return groupcast.Upload{}, err
	}
	up, err := c.Upload(ctx, id)
	if err != nil {
		return up, err
	}
	if !tree.same(up.Entries) {
		return up, groupcast.Errorf(groupcast.EConflict, "the files are not those of upload %s any more", id).
			WithHint("start a new upload").Wrap(ErrOtherFiles)
	}
	return c.sendTree(ctx, up, tree, progress)
}

func (c *Client) sendTree(
	ctx context.Context, up groupcast.Upload, t *tree, progress func(UploadProgress),
) (groupcast.Upload, error) {
	if progress == nil {
		progress = func(UploadProgress) {}
	}
	for lost := 0; ; lost++ {
		if err := c.sendFiles(ctx, up, t, progress); err != nil {
			return up, err
		}
		done, err := c.complete(ctx, up.ID)
		if groupcast.ErrorCode(err) != groupcast.EConflict || lost == maxLost {
			if err != nil {
				return up, err
			}
			return done, nil
		}
		// The server lost power and with it what was not durable yet: that goes up once more.
		if up, err = c.Upload(ctx, up.ID); err != nil {
			return up, err
		}
	}
}

// complete completes an upload, also over a restart of the server.
func (c *Client) complete(ctx context.Context, id string) (groupcast.Upload, error) {
	var pause Backoff
	for began := time.Now(); ; {
		up, err := c.CompleteUpload(ctx, id)
		if groupcast.ErrorCode(err) != groupcast.EUnavailable || time.Since(began) > uploadPatience ||
			pause.Wait(ctx) != nil {
			return up, err
		}
	}
}

func (c *Client) sendFiles(ctx context.Context, up groupcast.Upload, t *tree, progress func(UploadProgress)) error {
	at := UploadProgress{Total: t.bytes}
	held := offsets(up)
	for _, e := range t.entries {
		if e.Kind != kindFile {
			continue
		}
		from := at.Bytes
		tell := func(offset uint64) {
			at.Path, at.Bytes = e.Path, from+offset
			progress(at)
		}
		if err := c.sendFile(ctx, up.ID, t.sources[e.Path], e, held[e.Path], tell); err != nil {
			return err
		}
		at.Files++
		tell(e.Size)
	}
	return nil
}

func offsets(up groupcast.Upload) map[string]uint64 {
	held := make(map[string]uint64, len(up.Entries))
	for _, e := range up.Entries {
		held[e.Path] = e.Offset
	}
	return held
}

// sendFile sends what the server lacks of one file.
func (c *Client) sendFile(
	ctx context.Context, id, source string, e groupcast.UploadEntry, offset uint64, tell func(uint64),
) error {
	if offset >= e.Size {
		return nil
	}
	f, err := openUnchanged(source, e)
	if err != nil {
		return err
	}
	defer f.Close()
	var pause Backoff
	moved := time.Now()
	for breaks := 0; offset < e.Size; {
		tell(offset)
		next, err := c.sendPiece(ctx, id, f, e, offset, tell)
		if err == nil && next <= offset {
			err = groupcast.Errorf(groupcast.EUnavailable, "the server did not take the bytes of %s", e.Path)
		}
		if err == nil {
			offset, breaks, moved = next, 0, time.Now()
			pause.Reset()
			continue
		}
		breaks++
		if breaks >= maxBreaks && time.Since(moved) > uploadPatience || !passing(err) || pause.Wait(ctx) != nil {
			return err
		}
		if offset, err = c.heldOf(ctx, id, e.Path, offset); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) sendPiece(
	ctx context.Context, id string, f *os.File, e groupcast.UploadEntry, offset uint64, tell func(uint64),
) (uint64, error) {
	size := min(e.Size-offset, uploadPiece)
	body := &exactly{r: io.NewSectionReader(f, int64(offset), int64(size)), left: size, path: e.Path}
	stop := tellWhile(func() { tell(offset + body.sent.Load()) })
	got, err := c.WriteUpload(ctx, id, e.Path, offset, body)
	stop()
	return got.Offset, err
}

// tellWhile calls tell now and then until it is stopped.
func tellWhile(tell func()) (stop func()) {
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				tell()
			}
		}
	}()
	return func() { close(over); <-done }
}

// heldOf asks how much of a file the server holds. When that cannot be found out either, the
// last known offset is as good a try as any.
func (c *Client) heldOf(ctx context.Context, id, path string, last uint64) (uint64, error) {
	up, err := c.Upload(ctx, id)
	if err != nil && passing(err) {
		return last, nil
	}
	if err != nil {
		return 0, err
	}
	return offsets(up)[path], nil
}

// passing says that the same may work in a moment: the network, a busy server, an offset
// that was out of date.
func passing(err error) bool {
	switch groupcast.ErrorCode(err) {
	case groupcast.EUnavailable, groupcast.EExhausted, groupcast.EConflict:
		return true
	}
	return false
}

// exactly fails when a file has become shorter than it was.
type exactly struct {
	r    io.Reader
	left uint64
	path string
	sent atomic.Uint64
}

func (x *exactly) Read(b []byte) (int, error) {
	n, err := x.r.Read(b)
	x.left -= uint64(n)
	x.sent.Add(uint64(n))
	if errors.Is(err, io.EOF) && x.left > 0 {
		return n, changed(x.path)
	}
	return n, err
}

func changed(path string) error {
	return groupcast.Errorf(groupcast.EInvalid, "%s changed while it was uploaded", path).
		WithHint("start again when nobody writes to it")
}
