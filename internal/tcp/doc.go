// Package tcp sets up the sockets of the control plane. Messages on them are small and
// urgent: a segment that is lost at the end of a burst must not cost the 200 ms after which TCP
// retransmits it by default. The package opens no sockets itself.
package tcp
