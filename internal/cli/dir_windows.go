package cli

import "io/fs"

// othersWrite says whether others than the owner may write into a folder; Windows' access
// lists are the administrator's business.
func othersWrite(fs.FileInfo) bool { return false }
