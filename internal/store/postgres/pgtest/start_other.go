//go:build !linux

package pgtest

func start() (*Server, error) { return nil, errMissing }
