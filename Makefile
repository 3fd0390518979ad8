# groupcast: `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
GO      ?= go
export CGO_ENABLED := 0
# A release is a tag vMAJOR.MINOR.PATCH; anything else is the next release's name with its commit.
NEXT    := $(shell sed -n 's/^var Version = "\(.*\)"/\1/p' groupcast.go)
VERSION ?= $(shell git describe --exact-match --tags --match 'v[0-9]*' 2>/dev/null | sed 's/^v//' | grep . || echo "$(NEXT)+$$(git rev-parse --short HEAD 2>/dev/null || echo unknown)")
LDFLAGS := -s -w -X github.com/groupcast/groupcast.Version=$(VERSION)
SEEDS   ?= 1000
SCREENS ?= test/browser/screens
T       ?= 30s
FUZZTIME ?= $(T)
ROUNDS  ?= 100
SEED    ?= 0
CELLS   ?= full
RUNS    ?= 5
RESULTS ?= bench/results.jsonl
TUNED   ?= bench/tuning.jsonl
BUDGET  ?= 25m
DOCUMENTS = -tuned $(TUNED) -plots docs/plots -docs README.md,docs/performance.md
COUNT   ?= 6
N       ?= 10000
MICRO   := ./internal/seal ./internal/fec ./internal/wire ./internal/send ./internal/recv ./internal/sender ./internal/receiver ./internal/sessiontest ./internal/spool ./internal/ledger ./internal/content ./internal/manifest
SOURCES := $(shell git ls-files '*.go' go.mod go.sum 2>/dev/null)
LINT    := $(GO) tool -modfile=tools/lint/go.mod golangci-lint

NPM     ?= npm
PAGES   := $(shell git ls-files web 2>/dev/null)
# What web/package-lock.json names, installed once: npm notes in node_modules what it installed from.
WEBTOOLS = { test web/node_modules/.package-lock.json -nt web/package-lock.json || (cd web && $(NPM) ci --no-audit --no-fund --silent); }

.PHONY: help web types browser screens build run demo man check fmt lint vet cross unit pure race sim sim-short soak fuzz vulncheck e2e redteam test unit-web bench bench-quick bench-swarm bench-table bench-tune bench-tables bench-micro sim-crowd gen tools clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: bin/groupcast ## one static binary: bin/groupcast

bin/groupcast: $(SOURCES) internal/web/dist/index.html
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/groupcast

web: internal/web/dist/index.html ## the web interface that goes into the binary (needs Node; without, a page in words)

# Without Node nothing is made, and the server shows a page that says so.
internal/web/dist/index.html: $(PAGES)
	@if command -v $(NPM) >/dev/null; then \
		cd web && $(NPM) ci --no-audit --no-fund --silent && $(NPM) run --silent build && cd .. && \
		find internal/web/dist -mindepth 1 ! -name README -delete && cp -r web/dist/. internal/web/dist/ && touch $@; \
	else echo "no Node here: the binary is built without the web interface"; fi

types: ## the web interface's types, from the server's OpenAPI document; then its type check
	$(GO) test -count=1 -run TheDocument ./internal/httpapi -update
	cd web && $(NPM) ci --no-audit --no-fund --silent && $(NPM) run --silent check

browser: build ## the web interface in a real browser against a real server (installs chromium if root)
	@test -f internal/web/dist/index.html || { echo "this needs Node: the binary has no web interface"; exit 1; }
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq chromium; }
	cd test/browser && $(NPM) ci --no-audit --no-fund --silent && SCREENS=$(SCREENS) npx playwright test

# What documents show of what the browser tests see; the other screens are looked at, not kept.
SHOWN   := live-light-desktop

screens: browser ## every screen as a picture in test/browser/screens; those that documents show go to docs/screens
	for s in $(SHOWN); do cp $(SCREENS)/$$s.png docs/screens/; done
	if command -v pngquant >/dev/null; then pngquant --quality 70-95 --strip --force --ext .png docs/screens/*.png; fi

run: build ## start a server here, in the foreground
	./bin/groupcast serve

demo: build ## a server and four receivers with loss on this machine, to the verified end
	./bin/groupcast demo

man: ## manual pages of all commands: bin/man/man1, for `man -M bin/man groupcast-send`
	$(GO) run ./cmd/man bin/man/man1

check: fmt lint cross race ## format, lint, architecture, cross-builds, unit tests with the race detector

fmt:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$bad" || { echo "not gofmt'ed: $$bad"; exit 1; }

lint: ## golangci-lint (pinned in tools/lint/go.mod, set up by .golangci.yml); prettier and eslint, where Node is
	$(LINT) run ./...
	@if command -v $(NPM) >/dev/null; then $(WEBTOOLS) && cd web && $(NPM) run --silent types && $(NPM) run --silent lint; \
	else echo "no Node here: the web interface is not linted"; fi

cross: ## vet for every platform a binary is built for
	@for p in linux/arm64 windows/amd64 darwin/arm64; do echo "vet $$p"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./... ; \
		GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) build -o /dev/null ./cmd/groupcast; done

unit: tools web unit-web ## unit tests, fuzz corpora, command scripts and bounded simulations
	$(GO) test -timeout 15m $$($(GO) list ./... | grep -v /test/)

unit-web: ## the web interface's logic, by Vitest, where Node is
	@if command -v $(NPM) >/dev/null; then $(WEBTOOLS) && cd web && $(NPM) run --silent test; \
	else echo "no Node here: the web interface's logic is not tested"; fi

pure: tools web unit-web ## of unit what race leaves out: packages without goroutines, and what is long
	$(GO) test -timeout 15m $$(tools/packages.sh pure)
	$(GO) test -timeout 15m $$(tools/packages.sh long)

# SQLite and its C library, translated to Go, are not looked into: they are three quarters of the time, and what
# calls them is.
RACE    := -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false

race: tools ## the packages with goroutines with the race detector (needs gcc), short
	CGO_ENABLED=1 $(GO) test $(RACE) -short -timeout 20m $$(tools/packages.sh shared)

sim-short:
	$(GO) test -timeout 20m ./test/sim/...

sim: ## many seeds of the whole data plane: make sim SEEDS=10000
	$(GO) test -timeout 0 -count=1 -v -run 'TestSeeds' ./test/sim -seeds $(SEEDS)

fuzz: ## every fuzz target for FUZZTIME, and the API for as long: make fuzz FUZZTIME=1m
	@for p in $$($(GO) list ./internal/...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz' || true); do \
		echo "== $$p $$f"; \
		$(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p; done; done
	$(GO) test -count=1 -timeout 0 -v -run '^TestHostileRequests$$' ./internal/server -apiseed $$RANDOM -apifor $(FUZZTIME)

vulncheck: ## known vulnerabilities in Go modules and npm packages (asks databases; CONTRIBUTING.md says what to do without)
	@./tools/vulncheck.sh

e2e: tools build ## hosts in network namespaces: the whole workflow, loss, crashes, removal (needs root)
	GROUPCAST_BIN=$(CURDIR)/bin/groupcast $(GO) test -timeout 20m -parallel 3 -count=1 -v ./test/e2e

redteam: tools build ## attackers in network namespaces against the binary: the table goes to docs/redteam.md (root, 25 minutes)
	REDTEAM_FULL=1 REDTEAM_OUT=$(CURDIR)/docs/redteam.md GROUPCAST_BIN=$(CURDIR)/bin/groupcast \
		$(GO) test -timeout 45m -count=1 -v -run '^TestRedteam' ./test/e2e

soak: tools build ## a changing tree to five receivers, with kills, full disks and unplugged cables: make soak ROUNDS=100 SEED=7 (needs root)
	SOAK_ROUNDS=$(ROUNDS) SOAK_SEED=$(SEED) GROUPCAST_BIN=$(CURDIR)/bin/groupcast $(GO) test -timeout 0 -count=1 -v -run '^TestUpdateSoak$$' ./test/e2e

tools: bin/tools/versitygw ## what the tests need beyond Go (Debian, as root; else the tests say what is missing)
	./test/netlab/install.sh

# A service with buckets, for the tests of --content; without it they say so.
bin/tools/versitygw:
	GOBIN=$(CURDIR)/bin/tools $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0 || \
		echo "versitygw cannot be installed: what keeps uploads in a bucket is tested without a real one" >&2

# In the order of what fails quickest; each says how long it took. No test runs twice: pure and race are unit, in two halves.
STAGES  := fmt lint pure race cross sim-short e2e browser

test: ## everything, fast things first; installs what it needs
	@began=$$SECONDS; took=; for stage in $(STAGES); do \
		at=$$SECONDS; $(MAKE) --no-print-directory $$stage; took="$$took $$stage $$((SECONDS-at))s"; done; \
	echo "all passed in $$((SECONDS-began))s:$$took"

bench: build bin/bench ## groupcast beside uftp, udpcast and the ceiling: the full table and the plots (root; RUNS=1 takes 40 minutes)
	./test/netlab/install.sh rivals
	rm -f $(RESULTS)
	./bin/bench -cells $(CELLS) -runs $(RUNS) -out $(RESULTS) $(DOCUMENTS)

bench-quick: build bin/bench ## a cell or two of each kind, one run each (root, minutes)
	./test/netlab/install.sh rivals
	./bin/bench -cells quick -runs 1

bench-table: build bin/bench ## the tables and plots of README and docs/performance.md (root, an idle machine, 25 minutes)
	./test/netlab/install.sh rivals
	rm -f $(RESULTS)
	./bin/bench -cells table -runs 5 -budget $(BUDGET) -out $(RESULTS) $(DOCUMENTS)

bench-tune: build bin/bench ## find the settings for rivals that bench/tuning.jsonl lacks (root, an idle machine, 15 minutes at most)
	./test/netlab/install.sh rivals
	./bin/bench -cells '$(if $(filter full,$(CELLS)),table,$(CELLS))' -tune -tuned $(TUNED)

bench-swarm: bin/swarm ## what many devices and many rows cost one server (docs/scale.md; DEVICES=1000 takes a minute)
	./bin/swarm devices -devices $(or $(DEVICES),1000)
	./bin/swarm lists -devices 10000 -users 10000 -groups 200 -deliveries 50000

bench-tables: bin/bench ## the tables and plots once more from what was measured
	./bin/bench -from $(RESULTS) $(DOCUMENTS)

bench-micro: ## Go micro-benchmarks, COUNT times: compare two with `benchstat old new`
	@mkdir -p bin
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) $(MICRO) | tee bin/micro-$(VERSION).txt

bin/swarm: $(SOURCES)
	$(GO) build -trimpath -o $@ ./bench/swarm

bin/bench: $(SOURCES)
	$(GO) build -trimpath -o $@ ./bench

sim-crowd: ## 10,000 simulated receivers at 1 % loss: what they cost the group and the server (make sim-crowd N=1000)
	GROUPCAST_CROWD=$(N) $(GO) test -timeout 30m -count=1 -v -run '^TestCrowd$$' ./internal/send

gen: ## generated code: SQL queries
	cd internal/store/tables && $(GO) tool -modfile=../../../tools/go.mod sqlc generate

clean: ## what was built
	rm -rf bin
