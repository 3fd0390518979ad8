//go:build !linux && !windows

package home

import "os"

func systemID() string { return os.Getenv(MachineVariable) }

func bootID() string { return "" }

func onNetwork(string) bool { return false }
