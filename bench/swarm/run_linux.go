package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// options are what a run is made of.
type options struct {
	home    string // a scratch folder
	devices int
	users   int
	groups  int
	rows    int // deliveries
	profile string
	checks  int
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New("say what to measure: swarm devices, or swarm lists; -h shows their flags")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	f := flag.NewFlagSet("swarm "+args[0], flag.ContinueOnError)
	f.StringVar(&o.home, "home", "", "an empty folder to work in; empty: one that is removed")
	f.IntVar(&o.devices, "devices", 2000, "devices that are attached, or enrolled for lists")
	f.IntVar(&o.users, "users", 0, "users; 0: one for 8 devices")
	f.IntVar(&o.groups, "groups", 20, "groups")
	f.IntVar(&o.rows, "deliveries", 0, "deliveries in the database, of which one in a hundred is owed")
	f.StringVar(&o.profile, "profile", "", "a folder for profiles of the server")
	f.IntVar(&o.checks, "checks", 2, "how often the devices are checked")
	if args[0] == serveWord {
		return serve(ctx, args[1:])
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	if o.users == 0 {
		o.users = max(o.devices/8, 1)
	}
	if o.home == "" {
		home, err := os.MkdirTemp("", "swarm")
		if err != nil {
			return err
		}
		defer os.RemoveAll(home)
		o.home = home
	}
	switch args[0] {
	case "devices":
		return measureDevices(ctx, o)
	case "lists":
		return measureLists(ctx, o)
	}
	return fmt.Errorf("%q is not something it measures: devices, lists", args[0])
}
