package main

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// lists are the calls of pages, as the web interface and the command line make them.
var lists = []string{
	"/status", "/groups", "/groups?limit=50",
	"/groups?search=group-00001", "/groups/group-00001",
	"/groups/group-00001/members?limit=50", "/users?limit=50",
	"/users?limit=50&from=50000",
	"/users?limit=50&search=user-0000", "/users?limit=50&role=admin",
	"/devices?limit=50", "/devices?limit=50&from=50000",
	"/devices?limit=50&search=pc-0000", "/devices?limit=50&label=room=1", "/transfers?limit=50",
	"/transfers?limit=50&state=done", "/transfers?limit=50&group=group-00001", "/transfers?limit=50&search=release-1",
	"/transfers/1", "/transfers/1/deliveries?limit=50", "/pending", "/pending?limit=50", "/groups/group-00001/pending",
	"/requests?limit=50", "/audit?limit=50", "/users/user-000001",
}

const times = 5

// measureLists fills a database and says how long the server takes to start, and for each list.
func measureLists(ctx context.Context, o options) error {
	s, err := startServer(ctx, o, "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	start := time.Now()
	if _, err := enrol(ctx, o); err != nil {
		return err
	}
	fmt.Printf("filled in %.1f s: %d users, %d devices, %d groups, %d deliveries\n",
		time.Since(start).Seconds(), o.users, o.devices, o.groups, o.rows)
	start = time.Now()
	if s, err = startServer(ctx, o, "127.0.0.1:0"); err != nil {
		return err
	}
	defer func() { _ = s.stop() }() // the figures are what counts
	fmt.Printf("%8.1f ms, %.1f ms CPU   start, to the first answer\n", ms(time.Since(start)), ms(s.cpu()))
	for _, path := range lists {
		var took []time.Duration
		var size int64
		begin := s.cpu()
		for range times {
			d, n, err := s.list(ctx, path)
			if err != nil {
				fmt.Println("        -", err)
				break
			}
			took, size = append(took, d), n
		}
		if len(took) == times {
			slices.Sort(took)
			cpu := ms(s.cpu()-begin) / times
			fmt.Printf("%8.1f ms, %5.1f ms CPU, %7d bytes   %s\n", ms(took[times/2]), cpu, size, path)
		}
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
