package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/groupcast/groupcast/test/netlab"
)

const (
	torrentPort    = 6881
	trackerAddress = netlab.SenderIP + ":6969"
)

// trackerMain is the command `bench tracker`: a BitTorrent tracker (BEP 3, BEP 23) that names every
// machine of the lab to everybody who asks.
func trackerMain(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("tracker", flag.ContinueOnError)
	receivers := f.Int("receivers", 0, "receivers of the lab")
	if err := f.Parse(args); err != nil {
		return err
	}
	answer := peers(*receivers)
	server := &http.Server{
		Addr: trackerAddress, ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(answer)) // who does not wait for it asks again
		}),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Println("ready")
	if err := server.ListenAndServe(); ctx.Err() == nil {
		return err
	}
	return nil
}

// peers is the tracker's answer: the sender and all receivers, six bytes each.
func peers(receivers int) string {
	addresses := []string{netlab.SenderIP}
	for i := 1; i <= receivers; i++ {
		addresses = append(addresses, netlab.ReceiverIP(i))
	}
	var list strings.Builder
	for _, a := range addresses {
		ip := netip.MustParseAddr(a).As4()
		list.Write(ip[:])
		list.Write([]byte{torrentPort >> 8, torrentPort & 0xff})
	}
	return fmt.Sprintf("d8:intervali1e5:peers%d:%se", list.Len(), list.String())
}
