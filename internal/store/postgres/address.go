package postgres

import (
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/groupcast/groupcast"
)

// Address says where a database is, and who connects to it. It prints without the password.
type Address struct {
	url    *url.URL
	parsed *pgx.ConnConfig
}

// IsAddress says whether text is meant as a PostgreSQL database, not as a file.
func IsAddress(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && (strings.EqualFold(scheme, "postgres") || strings.EqualFold(scheme, "postgresql"))
}

// passwords are the parameters of a URL that are secrets.
var passwords = []string{"password", "sslpassword"}

// ParseAddress reads postgres://USER@HOST:PORT/DATABASE. The password comes from elsewhere (a file that
// PGPASSFILE or passfile= names, or PGPASSWORD): every user of a machine sees what is in a command line.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(text)
	if err != nil || !IsAddress(text) { // the parser's error has the text in it
		return Address{}, groupcast.Errorf(groupcast.EInvalid, "the address of the database is not well-formed").
			WithHint("it is like postgres://USER@HOST:5432/DATABASE?sslmode=verify-full")
	}
	_, has := u.User.Password()
	for _, name := range passwords {
		has = has || u.Query().Has(name)
	}
	if has {
		return Address{}, groupcast.Errorf(groupcast.EInvalid,
			"the address of the database has a password in it, which others on this machine can read").
			WithHint("change that password, and put the next one into a file that PGPASSFILE names, or passfile= in the " +
				"address, with the line HOST:PORT:DATABASE:USER:PASSWORD and mode 0600")
	}
	parsed, err := pgx.ParseConfig(text)
	if err != nil {
		return Address{}, groupcast.Errorf(groupcast.EInvalid, "the address %s of the database cannot be used", u.Redacted()).
			WithHint("it is like postgres://USER@HOST:5432/DATABASE?sslmode=verify-full").Wrap(err)
	}
	return Address{u, parsed}, nil
}

// String is the address without its password.
func (a Address) String() string {
	if a.url == nil {
		return ""
	}
	return a.url.Redacted()
}

// GoString is String for %#v.
func (a Address) GoString() string { return a.String() }

// config is how to connect.
func (a Address) config() *pgx.ConnConfig {
	c := a.parsed.Copy()
	if c.ConnectTimeout == 0 || c.ConnectTimeout > patience {
		c.ConnectTimeout = patience
	}
	c.DialFunc = dialer().DialContext
	for name, value := range map[string]string{
		"application_name": "groupcast",
		// a server that is gone holds no locks for long
		"idle_in_transaction_session_timeout": "60s",
		"lock_timeout":                        "30s",
		"statement_timeout":                   "60s",
	} {
		if _, set := c.RuntimeParams[name]; !set {
			c.RuntimeParams[name] = value
		}
	}
	return c
}
