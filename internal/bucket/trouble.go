package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/groupcast/groupcast"
)

// What became of an object. With any other error nothing is known of it.
var (
	ErrGone  = errors.New("the object is not in the bucket any more")
	ErrOther = errors.New("the object is another than was written")
)

// AwayError says that a service did not answer, or not with what it was asked for. It says nothing about the objects.
type AwayError struct {
	Where   string
	Why     string
	Refused bool // it answered, and will answer the same again: the credentials or the bucket are wrong
}

func (e *AwayError) Error() string { return fmt.Sprintf("%s: %s", e.Where, e.Why) }

func (b *Bucket) away(why string) error { return &AwayError{Where: b.at.String(), Why: why} }

// refusals are the answers that do not pass by themselves, as they are put into words.
var refusals = map[string]string{
	"AccessDenied":          "access is denied",
	"AllAccessDisabled":     "access is denied",
	"InvalidAccessKeyId":    "the access key is not known there",
	"SignatureDoesNotMatch": "the secret key is wrong",
	"NoSuchBucket":          "there is no such bucket",
	"InvalidBucketName":     "that is no name of a bucket",
}

// typed says what an error means. What the library says is not passed on as it is: only codes and numbers of answers,
// and why a connection failed.
func (b *Bucket) typed(err error) error {
	if err == nil || errors.Is(err, ErrGone) || errors.Is(err, ErrOther) || errors.As(err, new(*AwayError)) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &AwayError{Where: b.at.String(), Why: "there was no answer in time"}
	}
	answer := minio.ToErrorResponse(err)
	var broken *url.Error
	var network net.Error
	switch {
	case answer.Code == "NoSuchKey":
		return ErrGone
	case answer.Code == "InvalidRange", answer.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		return ErrOther
	case refusals[answer.Code] != "":
		return &AwayError{b.at.String(), refusals[answer.Code], true}
	case answer.StatusCode == http.StatusForbidden:
		return &AwayError{b.at.String(), "access is denied", true}
	case answer.StatusCode != 0:
		return b.away(fmt.Sprintf("it answered %d %s", answer.StatusCode, word(answer.Code)))
	case errors.As(err, &broken):
		return b.away(broken.Err.Error())
	case errors.As(err, &network), errors.Is(err, io.ErrUnexpectedEOF):
		return b.away(err.Error())
	}
	return b.away("it answered with what cannot be understood")
}

// word is a code of an answer, if it is one.
func word(code string) string {
	for _, c := range code {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return ""
		}
	}
	return code[:min(len(code), 40)]
}

// Refused says whether a service answered that it will not do what it is asked for.
func Refused(err error) bool {
	var away *AwayError
	return errors.As(err, &away) && away.Refused
}

// How often something short is tried again, and after which pause, which doubles.
const (
	tries = 6
	pause = 200 * time.Millisecond
)

// patiently tries again what a service did not answer.
func (b *Bucket) patiently(ctx context.Context, do func(ctx context.Context) error) error {
	for try := 0; ; try++ {
		err := b.once(ctx, do)
		if err == nil || try == tries-1 || ctx.Err() != nil || errors.Is(err, ErrGone) || Refused(err) {
			return err
		}
		if err := Pause(ctx, pause<<try); err != nil {
			return b.typed(err)
		}
	}
}

// once does something that is short.
func (b *Bucket) once(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 6*b.stall)
	defer cancel()
	return b.typed(do(ctx))
}

// Pause waits, until ctx ends.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }

func invalid(format string, args ...any) *groupcast.Error {
	return groupcast.Errorf(groupcast.EInvalid, format, args...).
		WithHint("write it as s3://BUCKET/PREFIX?endpoint=HOST:PORT&region=REGION")
}
