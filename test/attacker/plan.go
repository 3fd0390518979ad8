//go:build linux

package attacker

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// PlanVariable is the environment variable that makes a test's program the attacker.
const PlanVariable = "REDTEAM_PLAN"

// longest is how long an attack may go on at most.
const longest = 4 * time.Minute

// Plan says what an attacker does. It travels as JSON in the environment.
type Plan struct {
	Kind        string        `json:"kind"`
	Server      string        `json:"server"`
	Fingerprint string        `json:"fingerprint"`
	User        string        `json:"user"`
	Password    string        `json:"password"`
	Group       string        `json:"group"`     // address and port of the group, for those who are no member
	PerBlock    int           `json:"per_block"` // forged symbols of each block
	Rate        int           `json:"rate"`      // packets, connections or calls a second
	Count       int           `json:"count"`     // of what is held open at once
	For         time.Duration `json:"for"`       // 0: until it is stopped, for some minutes at most
	File        string        `json:"file"`      // what to replay, or where to write
	Folder      string        `json:"folder"`
	Wire        int           `json:"wire"`   // newest version that it speaks; 0: ours. 1: transfers are of format 1
	Source      string        `json:"source"` // whose address and port packets bear; empty: the server's
}

// Report is what an attacker reports at its end.
type Report struct {
	Sent     int              `json:"sent"`   // packets, connections or calls
	Failed   int              `json:"failed"` // of those
	Heard    int              `json:"heard"`  // genuine packets that it opened
	Blocks   int              `json:"blocks"` // that it forged symbols of
	Answers  map[string]int   `json:"answers,omitempty"`
	Sessions []SessionKeys    `json:"sessions,omitempty"`
	Granted  map[string]int64 `json:"granted,omitempty"` // when the last asking of a kind began that was granted
}

// SessionKeys is what a member holds of a session: all that opens its packets.
type SessionKeys struct {
	Transfer uint64 `json:"transfer"`
	Offer    []byte `json:"offer"`
	Secret   []byte `json:"secret"`
	Feedback []byte `json:"feedback"` // the key of its feedback
}

// attacks are what a plan may name.
var attacks = map[string]func(context.Context, Plan, *Report) error{
	"listen":   listen,
	"matrix":   matrix,
	"cling":    cling,
	"parity":   forgeParity,
	"source":   forgeSource,
	"numbers":  forgeNumbers,
	"blocks":   forgeBlocks,
	"sync":     forgeSync,
	"pages":    forgePages,
	"receipts": falseReceipts,
	"ask":      hostileNumbers,
	"lie":      lie,
	"garbage":  garbage,
	"feedback": feedbackFlood,
	"tls":      tlsFlood,
	"headers":  slowHeaders,
	"hostile":  hostile,
	"logins":   loginFlood,
	"streams":  stuckStreams,
	"reflect":  reflect,
	"replay":   replay,
	"pretend":  pretend,
}

// Main is the attacker's program: it follows the plan until it is stopped, and then reports.
func Main(text string, out io.Writer) int {
	var p Plan
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		fmt.Fprintln(os.Stderr, "plan:", err)
		return 2
	}
	attack, known := attacks[p.Kind]
	if !known {
		fmt.Fprintln(os.Stderr, "no such attack:", p.Kind)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if p.For == 0 || p.For > longest {
		p.For = longest
	}
	ctx, cancel := context.WithTimeout(ctx, p.For)
	defer cancel()
	var r Report
	if err := attack(ctx, p, &r); err != nil && ctx.Err() == nil {
		fmt.Fprintf(out, "FAILED %s: %v\n", p.Kind, err)
		return 1
	}
	text2, err := json.Marshal(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(out, "REPORT %s\n", text2)
	return 0
}

// say prints what happened.
func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
