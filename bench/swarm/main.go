// Command swarm measures what very many devices cost one server. `swarm devices` enrols idle devices and keeps them
// attached to a real server on this machine (TLS 1.3, HTTP/2, event streams; each from an address of its own in
// 127.0.0.0/8). It says what memory an idle one takes, what a reconnect costs, how long it takes until all are back
// after the server was restarted, and what `check` says of them. `swarm lists` fills a database and says how long each
// list takes. No file is transferred. It runs on Linux.
package main

import (
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "swarm:", err)
		os.Exit(1)
	}
}
