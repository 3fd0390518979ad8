//go:build unix && !linux && !darwin

package diskfs

func rename(f *Root, from, to place, replace bool) error { return renameChecked(f, from, to, replace) }
