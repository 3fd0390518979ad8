// Package e2e runs the real binary on hosts of their own (network namespaces, so Linux and
// root only), the way a stranger would: only commands, their output and what lies on the
// disks is looked at. It is tests only.
package e2e
