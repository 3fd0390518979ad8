package relay

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/pki"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/relayproto"
)

// Relay is one that runs.
type Relay struct {
	cfg     Config
	id      identity
	cache   *blockcache.Cache
	fetched atomic.Uint64 // bytes from the server
	streams chan struct{} // ranges that are fetched at this moment, of all transfers
	jobs    map[jobKey]*job
	all     sync.WaitGroup // of the jobs
}

// mostStreams is how many ranges of 8 MiB are fetched at once: the server gives a relay some more places than that.
const mostStreams = 8

// jobKey is what a job fetches: a transfer, as it is in one edition.
type jobKey struct {
	Transfer protocol.TransferNo
	ID       protocol.TransferID
	Edition  protocol.Edition
}

// run renews until ctx ends or the server refuses the relay. An address that does not answer is followed by the next.
func (r *Relay) run(ctx context.Context) error {
	at, silent := 0, false
	var client *apiclient.Client
	defer func() {
		if client != nil {
			client.Close()
		}
	}()
	for {
		var err error
		if client == nil {
			client, err = r.id.client(r.id.Addresses[at], r.cfg.Warn)
		}
		if err == nil {
			err = r.renew(ctx, client)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil && silent:
			silent = false
			r.cfg.Say("the server answers again")
		case err == nil:
		case groupcast.ErrorCode(err) == groupcast.EUnauthorized:
			return err
		case !silent:
			silent = true
			r.cfg.Warn(fmt.Sprintf("the server cannot be asked: %s; what is here stays here", brief(err)))
		}
		if err != nil && client != nil && groupcast.ErrorCode(err) == groupcast.EUnavailable && len(r.id.Addresses) > 1 {
			r.stop() // its jobs speak to that address, too
			client.Close()
			at, client = (at+1)%len(r.id.Addresses), nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(r.cfg.Every):
		}
	}
}

// renew says what is here, and begins and ends jobs as the server says.
func (r *Relay) renew(ctx context.Context, client *apiclient.Client) error {
	orders, err := client.RenewRelay(ctx, r.report())
	if err == nil {
		err = relayproto.CheckOrders(orders)
	}
	if err != nil {
		return err
	}
	pin := pki.Pin{ID: r.id.Server, Warn: r.cfg.Warn}
	key, err := pin.VerifySigningLeaf(orders.Signing)
	if err != nil {
		return err
	}
	wanted := map[jobKey]groupcast.RelayOrder{}
	for _, o := range orders.Transfers {
		wanted[keyOf(o)] = o
	}
	for k, j := range r.jobs {
		if _, still := wanted[k]; !still {
			j.end()
			delete(r.jobs, k)
		}
	}
	for k, o := range wanted {
		if r.jobs[k] != nil {
			continue
		}
		space, err := r.cache.Space([blockcache.KeyBytes]byte(o.CacheKey))
		if err != nil {
			return err
		}
		j := &job{relay: r, client: client, order: o, key: key, space: space, hold: space.Hold()}
		r.jobs[k] = j
		j.begin(ctx)
	}
	return nil
}

func keyOf(o groupcast.RelayOrder) jobKey { return jobKey{o.Transfer, o.TransferID, o.Edition} }

// report says what is here.
func (r *Relay) report() groupcast.RelayReport {
	out := groupcast.RelayReport{
		Version: groupcast.Version, Quota: r.cfg.Quota, Bytes: r.cache.Status().Bytes, Fetched: r.fetched.Load(),
		Transfers: []groupcast.RelayHolding{},
	}
	for _, j := range r.jobs {
		out.Transfers = append(out.Transfers, j.holding())
	}
	slices.SortFunc(out.Transfers, func(a, b groupcast.RelayHolding) int { return cmp.Compare(a.Transfer, b.Transfer) })
	return out
}

// stop ends all jobs.
func (r *Relay) stop() {
	for k, j := range r.jobs {
		j.end()
		delete(r.jobs, k)
	}
	r.all.Wait()
}
