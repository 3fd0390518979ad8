// Package relay is a relay: it enrols with a code, tells its server each few seconds what it holds, and fetches what is
// owed to the devices of its site into an encrypted cache, whole, before anybody there asks for it.
//
// What it holds at this moment, and the keys of it, are in its memory only. After a start the server says anew what
// should be there; blocks that lie in the cache are found by their digests and not fetched again.
package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/relayproto"
	"github.com/groupcast/groupcast/internal/spool/diskfs"
	"github.com/groupcast/groupcast/internal/units"
)

// Config says what a relay runs with.
type Config struct {
	Folder string            // for its identity; private, and of nobody else
	Cache  string            // a folder for blocks
	Quota  uint64            // bytes that blocks may take there
	Code   string            // of `groupcast relay add`; empty: it is enrolled already
	Server string            // address to use in place of those in the code; may be empty
	Say    func(text string) // what happens, for people
	Warn   func(text string) // what a person should look after
	Log    *slog.Logger
	Every  time.Duration // between two renewals; 0: as usual
}

// Run enrols if there is a code, and then fetches until ctx ends or the server refuses the relay.
func Run(ctx context.Context, cfg Config) error {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Every == 0 {
		cfg.Every = groupcast.RelayRenewEvery
	}
	id, err := identify(ctx, &cfg)
	if err != nil {
		return err
	}
	disk, err := diskfs.Open(cfg.Cache)
	if err != nil {
		return groupcast.Errorf(groupcast.EInvalid, "the folder %s cannot be used for the cache: %v", cfg.Cache, err).
			WithHint("choose another with --dir").Wrap(err)
	}
	defer disk.Close()
	cache, err := blockcache.Open(blockcache.Config{
		FS: disk, Quota: cfg.Quota, Sum: format2.LeafDigest, Now: time.Now,
	})
	if err != nil {
		return err
	}
	r := &Relay{cfg: cfg, id: id, cache: cache, jobs: map[jobKey]*job{}, streams: make(chan struct{}, mostStreams)}
	cfg.Say(fmt.Sprintf("relay %s of the site %s: %s of %s in the cache", id.Name, id.Site,
		units.FormatSize(cache.Status().Bytes), units.FormatSize(cfg.Quota)))
	defer r.stop()
	return r.run(ctx)
}

// identify finds who this relay is, or enrols it.
func identify(ctx context.Context, cfg *Config) (identity, error) {
	id, err := load(cfg.Folder)
	switch {
	case err == nil && cfg.Code == "":
		if cfg.Server != "" {
			id.Addresses = append([]string{cfg.Server}, id.Addresses...)
		}
		return id, nil
	case err == nil:
		return id, groupcast.Errorf(groupcast.EConflict, "this machine is the relay %s of the site %s already",
			id.Name, id.Site).
			WithHint("run it without a code; or remove %s, and it can become another one", path(cfg.Folder))
	case groupcast.ErrorCode(err) != groupcast.ENotFound:
		return id, err
	case cfg.Code == "":
		return id, groupcast.Errorf(groupcast.EInvalid, "this machine is no relay yet").
			WithHint("an administrator gets a code for it with `groupcast relay add SITE`")
	}
	return enrol(ctx, cfg)
}

// enrol uses the code.
func enrol(ctx context.Context, cfg *Config) (identity, error) {
	code, err := relayproto.ParseCode(cfg.Code)
	if err != nil {
		return identity{}, err
	}
	if cfg.Server != "" {
		code.Addresses = []string{cfg.Server}
	}
	if len(code.Addresses) == 0 {
		return identity{}, groupcast.Errorf(groupcast.EInvalid, "the code does not say where the server is").
			WithHint("say it with --server https://HOST:7440")
	}
	// A place that cannot be written to must not cost the code.
	id := identity{Server: code.Server, Addresses: code.Addresses, Key: newKey()}
	if err := id.save(cfg.Folder); err != nil {
		return id, err
	}
	in := groupcast.RelayEnrolment{Code: code.Token(), PublicKey: id.public()}
	var last error
	for _, address := range code.Addresses {
		client, err := id.client(address, cfg.Warn)
		if err != nil {
			last = err
			continue
		}
		out, err := client.EnrolRelay(ctx, in)
		client.Close()
		if err == nil {
			id.Relay, id.Name, id.Site, id.Token = out.ID, out.Name, out.Site, out.Token
			id.Addresses = first(id.Addresses, address)
			return id, id.save(cfg.Folder)
		}
		if last = err; !passing(err) {
			break
		}
	}
	return id, errors.Join(last, forget(cfg.Folder))
}

// first puts one of the addresses before the others.
func first(all []string, one string) []string {
	out := []string{one}
	for _, a := range all {
		if a != one {
			out = append(out, a)
		}
	}
	return out
}

// passing says whether an error may pass by itself.
func passing(err error) bool {
	var away net.Error
	switch groupcast.ErrorCode(err) {
	case groupcast.EUnavailable, groupcast.EExhausted, groupcast.EInternal, groupcast.EConflict:
		return true
	}
	return errors.As(err, &away)
}

// client speaks to the server at an address, and to no other server.
func (id *identity) client(address string, warn func(string)) (*apiclient.Client, error) {
	return apiclient.New(apiclient.Config{
		Address: address, Pin: pki.Pin{ID: id.Server, Warn: warn}, Token: apiclient.Token(id.Token),
	})
}

// brief is an error in one line.
func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if r := []rune(text); len(r) > groupcast.MostRelayProblems {
		text = string(r[:groupcast.MostRelayProblems-1]) + "…"
	}
	return text
}
