// Package bucket keeps objects in a bucket of a service that speaks S3. Objects are written whole, by one request each.
package bucket

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
)

// Bucket is a part of a bucket: what has the prefix of its address. It is safe for concurrent use.
type Bucket struct {
	at     Address
	client *minio.Core
	stall  time.Duration
}

// stall is how long a service may say nothing at all.
const stall = 20 * time.Second

// Open makes the client; nothing is asked yet.
func Open(a Address) (*Bucket, error) {
	creds, err := credentialsFor(a.Credentials)
	if err != nil {
		return nil, err
	}
	transport, err := minio.DefaultTransport(a.TLS)
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = stall
	transport.MaxIdleConnsPerHost = 32
	lookup := minio.BucketLookupPath
	if a.Endpoint == defaultEndpoint {
		lookup = minio.BucketLookupAuto
	}
	c, err := minio.NewCore(a.Endpoint, &minio.Options{
		Creds: creds, Secure: a.TLS, Region: a.Region, BucketLookup: lookup, Transport: transport, MaxRetries: 1,
	})
	if err != nil {
		return nil, invalid("the address of the service cannot be used").Wrap(err)
	}
	return &Bucket{at: a, client: c, stall: stall}, nil
}

func (b *Bucket) String() string { return b.at.String() }

// Put writes an object. The service compares what came with its checksum.
func (b *Bucket) Put(ctx context.Context, key string, body []byte) error {
	return b.patiently(ctx, func(ctx context.Context) error {
		_, err := b.client.Client.PutObject(ctx, b.at.Bucket, b.at.Prefix+key, newReader(body), int64(len(body)),
			minio.PutObjectOptions{
				ContentType: "application/octet-stream", SendContentMd5: true, DisableMultipart: true,
			})
		return err
	})
}

// Get reads a part of an object that has so many bytes in all. It is asked for once: trying again is the caller's.
func (b *Bucket) Get(ctx context.Context, key string, off, length, size int64) (io.ReadCloser, error) {
	var o minio.GetObjectOptions
	if err := o.SetRange(off, off+length-1); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	body, _, header, err := b.client.GetObject(ctx, b.at.Bucket, b.at.Prefix+key, o)
	if err != nil {
		cancel()
		return nil, b.typed(err)
	}
	if whole, known := sizeIn(header); known && whole != size {
		cancel()
		return nil, errors.Join(ErrOther, body.Close())
	}
	r := &reading{b: b, body: body, cancel: cancel, left: length}
	r.timer = time.AfterFunc(b.stall, cancel)
	return r, nil
}

// sizeIn is the size of the whole object of which a part came.
func sizeIn(h http.Header) (int64, bool) {
	_, size, ok := strings.Cut(h.Get("Content-Range"), "/")
	if !ok {
		size = h.Get("Content-Length") // all of it came
	}
	n, err := strconv.ParseInt(size, 10, 64)
	return n, err == nil
}

// reading is a part that comes. It never ends early without an error that says so.
type reading struct {
	b      *Bucket
	body   io.ReadCloser
	cancel context.CancelFunc
	timer  *time.Timer
	left   int64
}

func (r *reading) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	if n > 0 {
		r.timer.Reset(r.b.stall)
	}
	switch {
	case r.left == 0:
		return n, nil
	case err != nil:
		return n, r.b.away("its answer broke off")
	}
	return n, nil
}

func (r *reading) Close() error {
	r.timer.Stop()
	r.cancel()
	return r.body.Close()
}

// Object is one that is listed.
type Object struct {
	Key  string
	Size int64
	At   time.Time // when it was written
}

// Each lists the objects that have a prefix.
func (b *Bucket) Each(ctx context.Context, prefix string, see func(Object) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range b.client.ListObjectsIter(ctx, b.at.Bucket, minio.ListObjectsOptions{
		Prefix: b.at.Prefix + prefix, Recursive: true,
	}) {
		if o.Err != nil {
			return b.typed(o.Err)
		}
		key, ours := strings.CutPrefix(o.Key, b.at.Prefix)
		if !ours {
			continue
		}
		if err := see(Object{Key: key, Size: o.Size, At: o.LastModified}); err != nil {
			return err
		}
	}
	return b.typed(ctx.Err())
}

// Delete deletes an object; one that is not there is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	err := b.patiently(ctx, func(ctx context.Context) error {
		return b.client.RemoveObject(ctx, b.at.Bucket, b.at.Prefix+key, minio.RemoveObjectOptions{})
	})
	if errors.Is(err, ErrGone) {
		return nil
	}
	return err
}

// Read reads a small object whole; ErrGone: there is none.
func (b *Bucket) Read(ctx context.Context, key string) (data []byte, err error) {
	err = b.patiently(ctx, func(ctx context.Context) error {
		body, _, _, err := b.client.GetObject(ctx, b.at.Bucket, b.at.Prefix+key, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer body.Close()
		data, err = io.ReadAll(io.LimitReader(body, 4096))
		return err
	})
	return data, err
}
