// Package tcp sets up the sockets of the control plane. What goes over them is small and
// somebody waits for it: a segment lost at the end of a burst must not cost the 200 ms after
// which TCP repeats it by default. It opens nothing itself.
package tcp
