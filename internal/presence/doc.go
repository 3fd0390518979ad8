// Package presence knows who is connected to the server now: the agents of devices (Agents) and
// those who watch what changes, such as the web interface (Events). Each of them reads one
// bounded Stream. Writers never wait for a reader: a reader that falls too far behind is cut off,
// subscribes again and reads the state. CatchUpSlots counts the downloads of devices over HTTPS.
//
// It decides how many streams an account may have and how often a device may attach; the figures
// are handed in, as is the clock. Package server decides who may have a stream.
package presence
