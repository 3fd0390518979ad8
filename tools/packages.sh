#!/bin/bash
# Divides the unit tests in two halves, so that none of them runs twice:
#   shared  packages with goroutines or locks, in the code or in its tests: the race detector has something to find there
#           (not cli: its tests start whole programs, of which hardly a goroutine is its own, and take six times as long)
#   pure    all others
#   long    what -short leaves out of the tests of the first, as arguments of go test: it measures memory, or takes too
#           long with the race detector
set -euo pipefail
cd "$(dirname "$0")/.."
shared() { git grep -lE 'go func|\.Go\(|"sync["/]|chan |synctest' -- 'internal/*.go' | xargs -n1 dirname | sort -u | sed 's,^,./,' | grep -vx ./internal/cli; }
case $1 in
shared) shared ;;
pure) go list -f '.{{slice .ImportPath (len .Module.Path)}}' ./... | grep -v '^./test/' | grep -vxFf <(shared) ;;
long)
	files=$(git grep -l 'testing\.Short()' -- 'internal/*_test.go' | grep -E "^($(shared | sed 's,^./,,' | paste -sd'|'))/[^/]*$")
	tests=$(awk -F'[ (]' '/^func /{name=$2} /testing\.Short/{print name}' $files | paste -sd'|')
	echo "-run ^($tests)\$ $(xargs -n1 dirname <<<"$files" | sort -u | sed 's,^,./,' | paste -sd' ')"
	;;
esac
