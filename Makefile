# Builds, tests and installs the hexz binaries. Needs Go; everything that the tests need
# beside it is installed by scripts/install-test-needs.

PREFIX  ?= /usr/local
DESTDIR ?=
GO      ?= go
SEED    ?= 1
TRIALS  ?= 100000

MODULE  := hexz
VERSION := 0.1.0

BINARIES := $(notdir $(wildcard cmd/hexz-*))

.PHONY: build demo check test needs lint sizes unit fuzz campaign readers bats defects bench install clean

# Static, so that they run on a host that has nothing but a kernel; and without symbols, which take
# a third of a binary.
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-s -w -X $(MODULE)/cmd/internal/cli.version=$(VERSION)" -o bin/ ./cmd/hexz-*

# Packs, checks and restores FILE, or a tar of the sources of Go.
demo: build
	@PATH="$(CURDIR)/bin:$$PATH" scripts/demo $(if $(FILE),"$(FILE)")

# What a change has to pass first, in less than two minutes: it needs Go and nothing else.
check: lint
	$(GO) test -vet=off -short ./...

# All there is. One after the other, whatever -j says: the parts share two or three cores anyway, and their
# output stays readable.
test:
	@$(MAKE) --no-print-directory needs
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory sizes
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory bats

needs:
	scripts/install-test-needs

lint:
	scripts/check-format
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	cd bench && $(GO) vet ./... && $(GO) tool -modfile=../go.mod staticcheck ./... && $(GO) mod tidy -diff

sizes: build
	scripts/check-sizes $(BINARIES)

# What several goroutines do at once is tested with one processor and with many, too.
CONCURRENT := TestSharedReader|TestChained

# All of it, then once more with the race detector, but for what tries every byte or bit of
# something: that takes ten times as long then, and shares nothing between goroutines. The scripts in
# cmd run binaries, which have no race detector. lint has vetted all.
unit:
	$(GO) test -vet=off -timeout 20m ./...
	$(GO) test -vet=off -timeout 20m -race -short . ./cmd/internal/... ./internal/... ./pkg/...
	$(GO) test -vet=off -race -cpu 1,8 -run '$(CONCURRENT)' ./pkg/archive ./pkg/stage
	$(GO) test -C bench -vet=off ./...

fuzz:
	scripts/fuzz

# The long form of a test that unit runs in short: TRIALS damaged archives, see docs/reliability.md.
campaign: export HEXZ_CAMPAIGN_SEED = $(SEED)
campaign: export HEXZ_CAMPAIGN_TRIALS = $(TRIALS)
campaign:
	$(GO) test ./internal/campaign -run TestCampaign -count 1 -v -timeout 0

# The same of a test that asks all readers about READERS archives that lie or are damaged.
READERS ?= 10000
readers: export HEXZ_CAMPAIGN_SEED = $(SEED)
readers: export HEXZ_READERS_TRIALS = $(READERS)
readers:
	$(GO) test ./internal/campaign -run TestReaders -count 1 -v -timeout 0

bats:
	scripts/run-bats

# Makes mistakes in a copy of the sources, and tells which no test finds. Takes some minutes.
defects:
	scripts/planted-defects

# Measures beside other tools: see bench/README.md. BENCH=--quick, or a command and flags of bench/run.
bench:
	bench/run $(BENCH)

install: build
	scripts/install-files "$(DESTDIR)$(PREFIX)" $(BINARIES)

clean:
	rm -rf bin
