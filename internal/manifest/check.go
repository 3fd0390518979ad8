package manifest

// Checker checks entries one after another by the rules of a manifest: paths in order and legal, no path below a
// file or a link, modes, sizes and targets. The zero value is ready.
type Checker struct{ c entryCheck }

// Add checks the next entry.
func (k *Checker) Add(f *File) error { return k.c.add(f) }
