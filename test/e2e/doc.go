// Package e2e runs the real binary on hosts of their own (network namespaces, so Linux and
// root only), as a user would: it looks only at commands, their output and the files on the
// disks. It is tests only.
package e2e
