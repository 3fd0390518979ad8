package relay

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
	"github.com/groupcast/groupcast/internal/blockcache"
	"github.com/groupcast/groupcast/internal/format2"
	"github.com/groupcast/groupcast/internal/protocol"
	"github.com/groupcast/groupcast/internal/skeleton"
)

// counted counts what comes from the server.
type counted struct {
	from io.Reader
	sum  *atomic.Uint64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.from.Read(b)
	c.sum.Add(uint64(n))
	return n, err
}

// skeleton fetches the skeleton, and gives how the stream is cut and how many entries there are, once it is the one
// that the server ordered.
func (j *job) skeleton(ctx context.Context) (*skeleton.Cut, int, error) {
	body, err := j.client.RelaySkeleton(ctx, j.order.Transfer)
	if err != nil {
		return nil, 0, err
	}
	defer body.Close()
	index := new(skeleton.Indexer)
	in := io.TeeReader(io.LimitReader(&counted{body, &j.relay.fetched}, int64(j.order.SkeletonBytes)), index)
	cut, entries := skeleton.NewCut(), 0
	r, err := skeleton.NewReader(in, int(j.order.SkeletonBytes))
	if err != nil {
		return nil, 0, cutOff("skeleton", err)
	}
	for {
		e, ok := r.Next()
		if !ok {
			break
		}
		cut.Add(entries, &e)
		entries++
	}
	if err := errors.Join(r.Err(), cut.Close()); err != nil {
		return nil, 0, cutOff("skeleton", err)
	}
	if format2.SkeletonDigest(index.Index()) != j.order.Skeleton || uint32(cut.Blocks()) != j.order.Blocks {
		return nil, 0, groupcast.Errorf(groupcast.EUnavailable, "the skeleton came as another than the server ordered")
	}
	return cut, entries, nil
}

func cutOff(what string, err error) error {
	return groupcast.Errorf(groupcast.EUnavailable, "the %s did not come whole: %v", what, err).Wrap(err)
}

// pages fetches the pages that there are behind those in the book, and notes the blocks that have a digest with that.
func (j *job) pages(ctx context.Context) error {
	body, err := j.client.RelayPages(ctx, j.order.Transfer, j.book.Verified())
	if err != nil {
		return err
	}
	defer body.Close()
	in := bufio.NewReader(&counted{body, &j.relay.fetched})
	for left := int64(j.order.Pages) - int64(j.book.Verified()); left > 0; left-- {
		raw, err := apiclient.ReadPage(in)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return cutOff("list of pages", err)
		}
		change, err := j.book.Add(raw)
		if err != nil {
			return fmt.Errorf("a page came that is wrong: %w", err)
		}
		for _, r := range change.Ready {
			for b := r.First; b < r.End(); b++ {
				digest, _ := j.book.Digest(uint32(b))
				_, length := j.cut.Block(uint32(b))
				j.todo = append(j.todo, blockcache.Block{Number: b, Digest: digest, Length: length})
			}
		}
	}
	return nil
}

// stream fetches blocks that follow one another.
func (j *job) stream(
	ctx context.Context, asked protocol.Range, put func(protocol.BlockNumber, []byte) error,
) error {
	select {
	case j.relay.streams <- struct{}{}:
		defer func() { <-j.relay.streams }()
	case <-ctx.Done():
		return ctx.Err()
	}
	body, err := j.client.RelayStream(ctx, j.order.Transfer, asked.First, asked.Count)
	if err != nil {
		return err
	}
	defer body.Close()
	length := func(b protocol.BlockNumber) int {
		_, n := j.cut.Block(uint32(b))
		return n
	}
	return apiclient.ReadBlocks(&counted{body, &j.relay.fetched}, asked, length, put)
}
