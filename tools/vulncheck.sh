#!/bin/bash
# Looks for known vulnerabilities in what is built in and in what builds it. Ends with 0: none known;
# 1: there are some; 2: a database could not be reached, and newer releases are listed instead.
# VULNDB names another copy of Go's database: a URL, or file:///FOLDER (CONTRIBUTING.md).
set -u
cd "$(dirname "$0")/.."
db=${VULNDB:-https://vuln.go.dev}
scanner=golang.org/x/vuln/cmd/govulncheck@v1.9.0
out=$(mktemp)
trap 'rm -f "$out"' EXIT
found=0 unknown=0

go_code() { # FOLDER PACKAGES
	echo "== Go: $1 $2"
	(cd "$1" && go run "$scanner" -db "$db" "$2") >"$out" 2>&1
	rc=$?
	cat "$out"
	if grep -q 'Vulnerability #\|Your code is affected' "$out" && ! grep -q 'affected by 0 vulnerabilities' "$out"; then found=1; return; fi
	[ $rc -eq 0 ] && return
	unknown=1
	echo "The database at $db was not asked. Modules with a newer release, instead:"
	(cd "$1" && go list -m -u -e -f '{{if .Update}}{{.Path}} {{.Version}} -> {{.Update.Version}}{{end}}' \
		$(go list -m -f '{{if not (or .Indirect .Main)}}{{.Path}}{{end}}' all) | sed '/^$/d') ||
		echo "(the module proxy does not answer either)"
}

npm_code() { # FOLDER
	echo "== npm: $1"
	command -v npm >/dev/null || { echo "no npm here: not asked"; unknown=1; return; }
	(cd "$1" && npm audit) >"$out" 2>&1
	rc=$?
	cat "$out"
	[ $rc -eq 0 ] && return
	if ! grep -q 'audit endpoint returned an error\|ENOTFOUND\|ECONNREFUSED\|EAI_AGAIN\|network' "$out"; then found=1; return; fi
	unknown=1
	echo "npm's database was not asked. Packages with a newer release, instead:"
	(cd "$1" && npm outdated) || true
}

go_code . ./...
npm_code web
npm_code test/browser
if [ $found -eq 1 ]; then echo "There are known vulnerabilities: see above."; exit 1; fi
if [ $unknown -eq 1 ]; then echo "Not all databases could be asked: nothing is known about them. CONTRIBUTING.md says what to do."; exit 2; fi
echo "No known vulnerabilities."
