//go:build unix && !linux && !darwin

package spool

func rename(f *osFS, from, to place, replace bool) error { return renameChecked(f, from, to, replace) }
