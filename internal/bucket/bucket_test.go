package bucket

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/groupcast/groupcast"
)

const (
	keyID  = "AKIDNOTASECRET"
	secret = "canary-of-the-secret-key"
)

// service speaks as much of S3 as is needed, and fails as it is told to.
type service struct {
	mu      sync.Mutex
	objects map[string][]byte
	calls   int
	fail    func(call int, w http.ResponseWriter, r *http.Request) bool // it has answered
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.calls++
	call, fail := s.calls, s.fail
	s.mu.Unlock()
	if fail != nil && fail(call, w, r) {
		return
	}
	switch r.Method {
	case http.MethodPut:
		body, err := io.ReadAll(r.Body)
		if err == nil && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING") {
			body, err = unchunk(body)
		}
		if err != nil {
			refuse(w, http.StatusBadRequest, "IncompleteBody")
			return
		}
		s.mu.Lock()
		s.objects[r.URL.Path] = body
		s.mu.Unlock()
	case http.MethodGet:
		s.mu.Lock()
		body, found := s.objects[r.URL.Path]
		s.mu.Unlock()
		if !found {
			refuse(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		http.ServeContent(w, r, "", time.Unix(1_800_000_000, 0), bytes.NewReader(body))
	case http.MethodDelete:
		s.mu.Lock()
		delete(s.objects, r.URL.Path)
		s.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
	}
}

// unchunk takes the frames away in which signed pieces come.
func unchunk(b []byte) (out []byte, err error) {
	r := bufio.NewReader(bytes.NewReader(b))
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n == 0 {
			return out, err
		}
		piece := make([]byte, n+2)
		if _, err := io.ReadFull(r, piece); err != nil {
			return nil, err
		}
		out = append(out, piece[:n]...)
	}
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>do not show %s %s</Message><AWSAccessKeyId>%s</AWSAccessKeyId></Error>",
		code, secret, keyID, keyID)
}

func serve(t *testing.T) (*service, *Bucket) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", keyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", secret)
	s := &service{objects: map[string][]byte{}}
	at := httptest.NewServer(s)
	t.Cleanup(at.Close)
	a, err := ParseAddress("s3://bucket/a/prefix?endpoint=" + at.URL)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(a)
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

func get(b *Bucket, key string, off, length, size int64) ([]byte, error) {
	r, err := b.Get(context.Background(), key, off, length, size)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestWhatIsPutIsRead(t *testing.T) {
	s, b := serve(t)
	data := bytes.Repeat([]byte("0123456789abcdef"), 300_000)
	if err := b.Put(t.Context(), "k/1", data); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.objects["/bucket/a/prefix/k/1"], data) {
		t.Error("the service has something else")
	}
	got, err := get(b, "k/1", 1_000_001, 2_000_000, int64(len(data)))
	if err != nil || !bytes.Equal(got, data[1_000_001:3_000_001]) {
		t.Errorf("a part: %d bytes, %v", len(got), err)
	}
	if _, err := get(b, "k/1", 0, 10, 99); !errors.Is(err, ErrOther) {
		t.Errorf("of another size: %v", err)
	}
	if _, err := get(b, "k/1", int64(len(data))+5, 10, int64(len(data))+50); !errors.Is(err, ErrOther) {
		t.Errorf("behind its end: %v", err)
	}
	if err := errors.Join(b.Delete(t.Context(), "k/1"), b.Delete(t.Context(), "k/1")); err != nil {
		t.Error(err)
	}
	if _, err := get(b, "k/1", 0, 10, 10); !errors.Is(err, ErrGone) {
		t.Errorf("deleted: %v", err)
	}
	if _, err := b.Read(t.Context(), "k/1"); !errors.Is(err, ErrGone) {
		t.Errorf("deleted: %v", err)
	}
}

// trouble is how a service fails, and what is said of that.
type trouble struct {
	fail    func(call int, w http.ResponseWriter, r *http.Request) bool
	refused bool
	text    string
}

func troubles() map[string]trouble {
	answer := func(status int, code string) func(int, http.ResponseWriter, *http.Request) bool {
		return func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, status, code)
			return true
		}
	}
	return map[string]trouble{
		"overloaded":   {answer(http.StatusServiceUnavailable, "SlowDown"), false, "503 SlowDown"},
		"broken":       {answer(http.StatusInternalServerError, "InternalError"), false, "500 InternalError"},
		"odd":          {answer(http.StatusTeapot, secret), false, "418 "},
		"denied":       {answer(http.StatusForbidden, "AccessDenied"), true, "access is denied"},
		"wrong secret": {answer(http.StatusForbidden, "SignatureDoesNotMatch"), true, "the secret key is wrong"},
		"no bucket":    {answer(http.StatusNotFound, "NoSuchBucket"), true, "there is no such bucket"},
		"says nothing": {func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			<-r.Context().Done()
			return true
		}, false, "no answer in time"},
		"hangs up": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			panic(http.ErrAbortHandler)
		}, false, "onnection"},
		"ends early": {func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Range", "bytes 0-999/1000")
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2026 15:04:05 GMT")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 500))
			return true
		}, false, "its answer broke off"},
		"stops in the middle": {func(_ int, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Range", "bytes 0-999/1000")
			w.Header().Set("Last-Modified", "Mon, 02 Jan 2026 15:04:05 GMT")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(make([]byte, 500))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
			return true
		}, false, "its answer broke off"},
	}
}

// What a service that is in trouble answers is no statement about an object, and shows no key.
func TestAServiceInTrouble(t *testing.T) {
	for name, c := range troubles() {
		t.Run(name, func(t *testing.T) {
			s, b := serve(t)
			b.stall = 100 * time.Millisecond
			s.fail = c.fail
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			r, err := b.Get(ctx, "k", 0, 1000, 1000)
			if err == nil {
				_, err = io.ReadAll(r)
				_ = r.Close()
			}
			var away *AwayError
			if !errors.As(err, &away) || Refused(err) != c.refused || !strings.Contains(err.Error(), c.text) {
				t.Fatalf("refused %v: %v", Refused(err), err)
			}
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("it looks like the end of a file: %v", err)
			}
			for _, key := range []string{secret, keyID} {
				if strings.Contains(fmt.Sprintf("%+v %s", err, err), key) {
					t.Errorf("it shows a key: %v", err)
				}
			}
		})
	}
}

// A write, and what is small, is tried again.
func TestWritesAreTriedAgain(t *testing.T) {
	s, b := serve(t)
	s.fail = func(call int, w http.ResponseWriter, _ *http.Request) bool {
		if call%3 != 0 {
			refuse(w, http.StatusServiceUnavailable, "SlowDown")
		}
		return call%3 != 0
	}
	if err := b.Put(t.Context(), "k", []byte("data")); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Read(t.Context(), "k"); err != nil || string(got) != "data" {
		t.Errorf("%q, %v", got, err)
	}
	if err := b.Delete(t.Context(), "k"); err != nil || len(s.objects) > 0 {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]Address{
		"s3://buck.et/": {Bucket: "buck.et", Endpoint: defaultEndpoint, TLS: true, Region: defaultRegion},
		"s3://bucket/a/b/?region=eu-north": {
			Bucket: "bucket", Prefix: "a/b/", Endpoint: defaultEndpoint, TLS: true, Region: "eu-north",
		},
		"s3://bucket?endpoint=http://10.0.0.1:9000": {
			Bucket: "bucket", Endpoint: "10.0.0.1:9000", Region: defaultRegion,
		},
		"s3://bucket/x?endpoint=minio.example&credentials=/etc/keys&cache=9GiB": {
			Bucket: "bucket", Prefix: "x/", Endpoint: "minio.example", TLS: true, Region: defaultRegion,
			Credentials: "/etc/keys", Cache: "9GiB",
		},
	} {
		if got, err := ParseAddress(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "bucket", "http://bucket/", "s3://b/", "s3:bucket", "s3://bucket/?endpoint=", "s3://bucket/?endpoint=ftp://x",
		"s3://bucket/?endpoint=http://a/b", "s3://bucket/?secret=" + secret, "s3://" + keyID + ":" + secret + "@bucket/",
		"s3://" + keyID + ":" + secret + "@bu cket/", "s3://bucket/?endpoint=http://" + secret + "@host",
	} {
		_, err := ParseAddress(text)
		if groupcast.ErrorCode(err) != groupcast.EInvalid {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if strings.Contains(fmt.Sprintf("%+v", err), secret) {
			t.Errorf("it shows the key: %v", err)
		}
	}
}

func TestWithoutKeys(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	for _, file := range []string{"", "/nowhere/either"} {
		if _, err := Open(Address{Bucket: "bucket", Endpoint: "host", Credentials: file}); groupcast.ErrorCode(err) !=
			groupcast.EInvalid {
			t.Errorf("file %q: %v", file, err)
		}
	}
}
