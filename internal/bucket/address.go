package bucket

import (
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/groupcast/groupcast"
)

const (
	defaultEndpoint = "s3.amazonaws.com"
	defaultRegion   = "us-east-1"
)

// Address says where a bucket is.
type Address struct {
	Bucket   string
	Prefix   string // of all objects: empty, or with a slash at its end
	Endpoint string // HOST or HOST:PORT
	TLS      bool
	Region   string
	// Credentials is a file with them, in the form of ~/.aws/credentials; empty: the environment, or that file.
	Credentials string
	Cache       string // how much of the disk may have what was read from it; empty: the usual
}

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ParseAddress reads s3://BUCKET/PREFIX?endpoint=HOST:PORT&region=REGION. A password in it is refused: others on the
// machine can read it there.
func ParseAddress(text string) (a Address, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "s3" || u.Opaque != "" || u.Fragment != "" {
		return a, invalid("that is not the address of a bucket") // it may hold a password
	}
	if u.User != nil {
		return a, groupcast.Errorf(groupcast.EInvalid, "the address of a bucket must not hold its keys").
			WithHint("put them into the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; or into a file")
	}
	a = Address{Bucket: u.Host, Endpoint: defaultEndpoint, TLS: true, Region: defaultRegion}
	if !bucketName.MatchString(a.Bucket) {
		return a, invalid("%q is no name of a bucket", a.Bucket)
	}
	if p := strings.Trim(u.Path, "/"); p != "" {
		a.Prefix = p + "/"
	}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return a, invalid("that is not the address of a bucket")
	}
	for key, list := range values {
		switch value := list[len(list)-1]; key {
		case "endpoint":
			if err := a.endpoint(value); err != nil {
				return a, err
			}
		case "region":
			a.Region = value
		case "credentials":
			a.Credentials = value
		case "cache":
			a.Cache = value
		default:
			return a, invalid("the address of a bucket has no %q", key)
		}
	}
	return a, nil
}

// endpoint reads HOST:PORT, with http:// in front where there is no TLS.
func (a *Address) endpoint(text string) error {
	scheme, host, found := strings.Cut(text, "://")
	if !found {
		scheme, host = "https", text
	}
	host = strings.TrimSuffix(host, "/")
	if scheme != "http" && scheme != "https" || host == "" || strings.ContainsAny(host, "/@?# ") {
		return invalid("the endpoint is not an address")
	}
	a.TLS, a.Endpoint = scheme == "https", host
	return nil
}

// String is the address without what is usual.
func (a Address) String() string {
	text := "s3://" + a.Bucket + "/" + a.Prefix
	if a.Endpoint != defaultEndpoint {
		text += " at " + a.Endpoint
	}
	return text
}

// credentialsFor finds the keys: in a file that was named, else in the environment, else in ~/.aws/credentials.
func credentialsFor(file string) (*credentials.Credentials, error) {
	if file != "" {
		if _, err := os.Stat(file); err != nil {
			return nil, groupcast.Errorf(groupcast.EInvalid, "the file with the bucket's keys cannot be read: %s", file).
				WithHint("check the path, and who may read it").Wrap(err)
		}
		return found(credentials.New(&credentials.FileAWSCredentials{Filename: file}))
	}
	return found(credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{},
	}))
}

func found(c *credentials.Credentials) (*credentials.Credentials, error) {
	v, err := c.GetWithContext(nil)
	if err != nil || v.AccessKeyID == "" || v.SecretAccessKey == "" {
		return nil, groupcast.Errorf(groupcast.EInvalid, "there are no keys for the bucket").
			WithHint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file: …&credentials=FILE")
	}
	return c, nil
}
