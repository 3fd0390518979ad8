package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/groupcast/groupcast"
)

// uploadStall ends an upload that brought no byte for so long.
const uploadStall = 60 * time.Second

type identified struct {
	ID string `path:"id"`
}

type newUpload struct {
	Entries []groupcast.UploadEntry `json:"entries"`
}

type checkedUpload struct {
	Entries []groupcast.UploadEntry `json:"entries"`
	Exclude []string                `json:"exclude,omitempty" doc:"Patterns of entries to leave out"`
}

func (a *api) uploadRoutes() {
	createLarge(a, route{
		method: http.MethodPost, path: "/uploads", id: "create-upload", access: admins, body: maxUpload,
		unchecked: true,
		summary:   "Begin an upload: declare its files",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body newUpload }) (groupcast.Upload, error) {
			return a.service.CreateUpload(ctx, p, in.Body.Entries)
		},
		func(u groupcast.Upload) groupcast.Upload { return groupcast.Upload{ID: u.ID} },
		func(ctx context.Context, p groupcast.Principal, u groupcast.Upload) (groupcast.Upload, error) {
			return a.service.Upload(ctx, p, u.ID)
		})
	reply(a, route{
		method: http.MethodPost, path: "/uploads/check", id: "check-upload", access: admins, body: maxUpload,
		unchecked: true,
		summary:   "Check which entries cannot be sent or are excluded",
	},
		func(ctx context.Context, p groupcast.Principal, in *struct{ Body checkedUpload }) (groupcast.LeftOutPage, error) {
			return leftOutPage(a.service.CheckUpload(ctx, p, in.Body.Entries, in.Body.Exclude))
		})
	paged(a, route{
		method: http.MethodGet, path: "/uploads", id: "unfinished-uploads", access: admins,
		summary: "List the uploads that no transfer was made of yet",
	},
		rows[struct{ Window }, groupcast.UnfinishedUpload]{
			read: inMemory(
				func(ctx context.Context, p groupcast.Principal, _ *struct{ Window }) ([]groupcast.UnfinishedUpload, error) {
					return a.service.UnfinishedUploads(ctx, p)
				}),
		})
	reply(a, route{
		method: http.MethodGet, path: "/uploads/{id}", id: "upload", access: admins,
		summary: "Show how much of an upload the server has",
	},
		func(ctx context.Context, p groupcast.Principal, in *identified) (groupcast.Upload, error) {
			return a.service.Upload(ctx, p, in.ID)
		})
	reply(a, route{
		method: http.MethodPost, path: "/uploads/{id}/complete", id: "complete-upload", access: admins,
		summary: "Check that an upload is complete",
	},
		func(ctx context.Context, p groupcast.Principal, in *identified) (groupcast.Upload, error) {
			return a.service.CompleteUpload(ctx, p, in.ID)
		})
	act(a, route{
		method: http.MethodDelete, path: "/uploads/{id}", id: "delete-upload", access: admins,
		summary: "Delete an upload",
	},
		func(ctx context.Context, p groupcast.Principal, in *identified) error {
			return a.service.DeleteUpload(ctx, p, in.ID)
		})
	reply(a, route{
		method: http.MethodPut, path: "/uploads/{id}/data", id: "write-upload", access: admins, raw: true,
		long:    true,
		summary: "Append bytes (application/octet-stream) to one file of an upload",
	}, a.writeUpload)
}

// uploadData is a request whose body is the file's bytes; huma hands over its context and
// leaves the body alone.
type uploadData struct {
	ID     string `path:"id"`
	Path   string `query:"path" required:"true"`
	Offset uint64 `query:"offset" doc:"Bytes of the file that the server has"`

	writer http.ResponseWriter
	body   *http.Request
}

// Resolve keeps the request for the handler.
func (d *uploadData) Resolve(c huma.Context) []error {
	d.body, d.writer = humago.Unwrap(c)
	return nil
}

var _ huma.Resolver = (*uploadData)(nil)

func (a *api) writeUpload(ctx context.Context, p groupcast.Principal, in *uploadData) (groupcast.UploadEntry, error) {
	if in.body.Header.Get("Content-Type") != "application/octet-stream" {
		return groupcast.UploadEntry{}, groupcast.Errorf(groupcast.EInvalid, "an upload's data must be plain bytes").
			WithHint("send Content-Type: application/octet-stream")
	}
	body := &patient{r: in.body.Body, rc: http.NewResponseController(in.writer), wait: uploadStall}
	defer body.done()
	return a.service.WriteUpload(ctx, p, in.ID, in.Path, in.Offset, body)
}
