package spool

// platformRefuses says why this system takes no such name; empty if it does.
func platformRefuses(part string) string { return windowsRefuses(part) }
