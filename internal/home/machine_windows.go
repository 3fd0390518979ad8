package home

import (
	"os"

	"golang.org/x/sys/windows/registry"
)

func systemID() string {
	if id := os.Getenv(MachineVariable); id != "" {
		return id
	}
	key, err := registry.OpenKey(registry.LOCAL_MACHINE, `SOFTWARE\Microsoft\Cryptography`,
		registry.QUERY_VALUE|registry.WOW64_64KEY)
	if err != nil {
		return ""
	}
	defer key.Close()
	id, _, err := key.GetStringValue("MachineGuid")
	if err != nil {
		return ""
	}
	return id
}

func bootID() string { return "" }

func onNetwork(string) bool { return false }
