# Everything here needs Go, make and git only, but for `check`, which also wants
# the servers that scripts/install-test-deps.sh installs.

GO         ?= go
export CGO_ENABLED ?= 0
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS    := -s -w -X main.version=$(VERSION)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
FUZZTIME   ?= 10s
SEEDS      ?= 1..1000000
COINJOINS  ?= 1000
TESTFLAGS  ?=
# The race detector watches our code and what it uses, but for the arithmetic of
# keys and the pages of a database: no race of ours is in there, and they would
# take most of the time.
RACE        = -race -gcflags=github.com/decred/dcrd/dcrec/secp256k1/v4=-race=false -gcflags=go.etcd.io/bbolt/...=-race=false
PLATFORMS   = linux/amd64 linux/arm64 linux/arm darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: build demo test check race fuzz simulate bench soak lint cross clean

build: ## both programs, into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## one CoinJoin with four makers on this machine
	$(GO) build -o bin/ github.com/btcsuite/btcd
	./bin/jm playground --once

test: ## what a fresh machine can test
	$(GO) test $(TESTFLAGS) ./...

race: ## the same with the race detector, which needs a C compiler, but for the tests of other processes, which it would not watch
	CGO_ENABLED=1 $(GO) test $(RACE) $(TESTFLAGS) $$($(GO) list ./... | grep -v /cmd/jm/e2e$$)

lint:
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "not gofmt-ed: $$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...

check: ## what CI runs
	./scripts/check.sh

fuzz: ## every fuzz target for FUZZTIME
	./scripts/fuzz.sh $(FUZZTIME)

simulate: FOR ?= 5m
simulate: ## takers among faulty makers, then a market for each of SEEDS, until FOR is over
	$(GO) test ./client/taker -run '^TestSimulation$$' -timeout 0 -v -coinjoins $(COINJOINS)
	$(GO) test ./daemon/daemontest/market -run '^TestSeeds$$' -timeout 0 -v -seeds $(SEEDS) -for $(FOR)

bench: build ## the numbers of docs/benchmarks.md
	./scripts/bench.sh

soak: FOR ?= 10m
soak: build ## the daemon under load for as long as FOR says; the plot goes to soak.png too
	$(GO) run ./internal/soak -for $(FOR) -png soak.png

cross: ## static binaries for every platform, into dist/
	@for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; echo "$$os/$$arch"; mkdir -p dist/$$os-$$arch; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch GOARM=7 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o dist/$$os-$$arch/ ./cmd/... || exit 1; \
	done

clean:
	rm -rf bin dist soak.png
