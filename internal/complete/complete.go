// Package complete asks a server for the names that a shell offers while a command is typed.
package complete

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/groupcast/groupcast"
	"github.com/groupcast/groupcast/internal/apiclient"
)

// A shell waits for completions: what the server does not say at once is not offered.
const (
	Patience = time.Second
	most     = 1000
)

// Kind asks the server for names of a kind, each with a word about it behind a tab.
type Kind func(ctx context.Context, client *apiclient.Client) ([]string, error)

// Kinds are the kinds of names that a word of the usage line of a noun's verb stands for.
func Kinds(noun, verb, word string) []Kind {
	switch word {
	case "GROUP":
		if verb == "join" || verb == "leave" {
			return []Kind{Offered}
		}
		return []Kind{Groups}
	case "GROUP|USER|USER/DEVICE":
		return []Kind{Groups, Users, Devices}
	case "USER":
		return []Kind{Users}
	case "USER/DEVICE", "DEVICE":
		return []Kind{Devices}
	case "KEY=VALUE|KEY-":
		return []Kind{Devices, Labels}
	case "USER[/DEVICE", "USER[/DEVICE]":
		return []Kind{Users, Devices}
	case "NAME":
		switch {
		case noun == "group" && verb != "create":
			return []Kind{Groups}
		case noun == "user" && verb != "add":
			return []Kind{Users}
		}
	case "ID":
		switch noun {
		case "transfer", "pending":
			return []Kind{Transfers}
		case "upload":
			return []Kind{uploads}
		}
	}
	return nil
}

// Names asks for the names that begin as typed. Whatever fails leaves them out.
func Names(ctx context.Context, client *apiclient.Client, kinds []Kind, typed string) (names []string) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for _, kind := range kinds {
		all, err := kind(ctx, client)
		if err != nil {
			return nil
		}
		for _, name := range all {
			if strings.HasPrefix(name, typed) && len(names) < most {
				names = append(names, name)
			}
		}
	}
	return names
}

// rowsOf writes each of a list as a completion, but for what a shell or a terminal would take for
// something else.
func rowsOf[T any](rows []T, err error, name func(T) (name, about string)) ([]string, error) {
	var out []string
	for _, row := range rows {
		name, about := name(row)
		if strings.ContainsFunc(name+about, func(r rune) bool { return r < ' ' }) {
			continue
		}
		out = append(out, name+"\t"+about)
	}
	return out, err
}

// Groups are all groups.
func Groups(ctx context.Context, client *apiclient.Client) ([]string, error) {
	all, err := client.Groups(ctx)
	return rowsOf(all, err, func(g groupcast.Group) (string, string) { return g.Name, g.Description })
}

// Offered are the groups that a user may ask to join.
func Offered(ctx context.Context, client *apiclient.Client) ([]string, error) {
	all, err := client.GroupsOnOffer(ctx, false)
	return rowsOf(all, err, func(g groupcast.GroupOnOffer) (string, string) { return g.Name, g.Description })
}

// Users are all accounts.
func Users(ctx context.Context, client *apiclient.Client) ([]string, error) {
	all, err := client.Users(ctx)
	return rowsOf(all, err, func(u groupcast.User) (string, string) { return u.Name, string(u.Role) })
}

// Devices are all devices, as USER/DEVICE.
func Devices(ctx context.Context, client *apiclient.Client) ([]string, error) {
	all, err := client.Devices(ctx, "")
	return rowsOf(all, err, func(d groupcast.Device) (string, string) {
		return d.User + "/" + d.Name, map[bool]string{true: "active", false: "away"}[d.Active]
	})
}

// Labels are those that devices have.
func Labels(ctx context.Context, client *apiclient.Client) ([]string, error) {
	all, err := client.Devices(ctx, "")
	count := map[string]int{}
	for _, d := range all {
		for key, value := range d.Labels {
			count[key+"="+value]++
		}
	}
	return rowsOf(slices.Sorted(maps.Keys(count)), err, func(label string) (string, string) {
		if count[label] == 1 {
			return label, "1 device"
		}
		return label, fmt.Sprint(count[label], " devices")
	})
}

// Terms are what a selection can have: labels and devices.
func Terms(ctx context.Context, client *apiclient.Client) ([]string, error) {
	labels, err := Labels(ctx, client)
	if err != nil {
		return nil, err
	}
	devices, err := Devices(ctx, client)
	return append(labels, devices...), err
}

// Transfers are the latest transfers.
func Transfers(ctx context.Context, client *apiclient.Client) ([]string, error) {
	page, err := client.TransferPage(ctx, groupcast.TransferFilter{})
	return rowsOf(page.Rows, err, func(t groupcast.Transfer) (string, string) {
		return fmt.Sprint(uint64(t.No)), t.Name + " for " + t.Group
	})
}

func uploads(ctx context.Context, client *apiclient.Client) ([]string, error) {
	all, err := client.UnfinishedUploads(ctx)
	return rowsOf(all, err, func(u groupcast.UnfinishedUpload) (string, string) { return u.ID, u.Name })
}
