# Everything installs what it needs itself, into .cache/ and the Go module cache.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
DATE    ?= $(shell date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.dateBuilt=$(DATE)

GOLANGCI_VERSION := v2.15.0
GOLANGCI := .cache/bin/golangci-lint-$(GOLANGCI_VERSION)

# The tests that only test-long runs.
LONG := ^(TestATwoMinuteOutage|TestAMillionCostNoFreshData|TestAThousandStreamsKeepNoMoreThanTheHostDoes|TestKafkaKeepsTheContractOfInputsExactlyOnce|TestLong[A-Za-z]*)$$

# Ours, and those beside it, which keep out of it what they need.
MODULES := . docs/embedding tests/kubernetes

CONFIGS := $(filter-out %_benthos_test.yaml,$(wildcard config/*.yaml config/examples/*.yaml config/kubernetes/*/pipeline.yaml tests/bench/config/bridge_*.yaml))

.PHONY: help
help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Watch the bridge pause and resume on live servers, and count what arrived
	@bin/devstack demo

.PHONY: up
up: build ## Start NATS, Kafka and ClickHouse, create the tables, print the addresses; Ctrl-C ends it
	@bin/devstack up

.PHONY: test
test: unit config monitoring kubernetes embedding e2e ## Run everything: unit, property and integration tests, configs, end to end

# Test binaries are linked by the dozen: without what only a debugger reads that is half
# the work. Vet is lint's.
TESTFLAGS := -vet=off '-ldflags=-s -w'

# Tests that run beside each other mostly wait: they are more than processors.
.PHONY: unit
unit: ## Unit, property and integration tests, with the race detector
	go test $(TESTFLAGS) -race -shuffle=on -parallel 8 -timeout 25m ./plugins/... ./cmd/... ./tests/stack/... ./tests/bench/... $(wildcard ./tests/robustness/*/)

# Kafka's client has mutexes for this build tag that virtual time does not stand still for.
.PHONY: simulation
simulation: ## Play a thousand streams in virtual time, with faults by seed (WORLDS=10 plays ten, SEED=7 the one of a seed, and shows it)
	go test $(TESTFLAGS) -tags synctests -shuffle=on -timeout 25m -count=1 $(if $(SEED),-v -run TestWorlds) ./plugins/simulation $(if $(SEED),-seed $(SEED)) $(if $(WORLDS),-seeds $(WORLDS))

# FUZZTIME is that of each target: a time, or so many executions, such as 1000x.
FUZZTIME ?= 1m
.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (1m); what fails is in testdata/fuzz of its package then
	@grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z]+' plugins cmd | sed -E 's/^(.*)\/[^/]+:[0-9]+:func (.*)$$/\1 \2/' | sort -u | while read -r dir target; do \
		echo "== $$target in $$dir"; \
		go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "./$$dir"; \
	done

# The binary that they start has the race detector; their own servers and publishers do without.
.PHONY: e2e
e2e: build ## The acceptance tests: the built binary and YAML against real servers, and while faults overlap
	go test $(TESTFLAGS) -shuffle=on -parallel 6 -timeout 25m -count=1 ./tests/e2e/... ./tests/robustness

.PHONY: test-long
test-long: test build ## All of test, and what takes minutes: long outages, thousands of rebalances, random tables by the thousand
	go test -tags long -timeout 30m -count=1 -v -run '$(LONG)' ./tests/e2e/...
	go test -race -tags long -timeout 30m -count=1 -v -run '$(LONG)' ./plugins/kafka/... ./plugins/nats ./plugins/clickhouse
	go test -tags 'long synctests' -timeout 4h -count=1 -run '$(LONG)' ./plugins/simulation
	go test -race -tags synctests -timeout 1h -count=1 ./plugins/simulation -seeds 1000
	$(MAKE) docker-test

# The servers are those of this machine alone: nothing else should run beside it.
DURATION ?= 30m
.PHONY: robustness
robustness: ## Faults of all kinds, alone and overlapping, and every record accounted for; writes docs/robustness.md (DURATION, SEED=n repeats a run)
	go test -tags robustness -timeout 0 -count=1 -v -run '^TestRobustness$$' ./tests/robustness -args \
		$(if $(SEED),-seed $(SEED),-duration $(DURATION) -report docs/robustness.md)

# An engine that runs is used; else Debian's is installed, where root and apt-get are there, and started
# for the tests alone. Says loudly where there is none.
.PHONY: docker-test
docker-test: ## Build the image and run it, by compose too: rights, memory, stops, the operator's commands (5 minutes)
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && ! docker info >/dev/null 2>&1; then \
		for tool in dockerd:docker.io docker-compose:docker-compose busybox:busybox-static jq:jq curl:curl; do \
			command -v "$${tool%%:*}" >/dev/null || packages="$${packages:-} $${tool##*:}"; \
		done; \
		if [ -n "$${packages:-}" ]; then \
			echo "Installing with apt-get, as no Docker engine runs:$$packages ..."; \
			apt-get install -qq -y --no-install-recommends $$packages >/dev/null || { apt-get update -qq && apt-get install -qq -y --no-install-recommends $$packages >/dev/null; }; \
		fi; \
	fi
	go test -tags docker -timeout 40m -count=1 -v ./tests/docker

.PHONY: config
config: build ## Lint every config and run the config unit tests
	bin/data-bridge lint $(CONFIGS)
	bin/data-bridge test ./config/...

.PHONY: kubernetes
kubernetes: ## Build the manifests and check them against the API types; a module of its own
	cd tests/kubernetes && go vet ./... && go test -shuffle=on ./...

.PHONY: embedding
embedding: ## Build the example of an own Benthos, and run a pipeline with it; a module of its own
	cd docs/embedding && go vet ./... && go test -shuffle=on ./...

# promtool of PATH, else Debian's, unpacked into .cache: nothing is installed.
PROMTOOL := $(or $(shell command -v promtool),.cache/prometheus/promtool)

.PHONY: monitoring
monitoring: $(PROMTOOL) ## Check and test the alerts and the dashboard of config/monitoring
	$(PROMTOOL) check config --syntax-only config/monitoring/prometheus.yaml
	$(PROMTOOL) check rules config/monitoring/data-bridge.rules.yaml
	$(PROMTOOL) test rules tests/monitoring/data-bridge.rules.test.yaml
	cd tests/monitoring && go test -count 1 ./...

.cache/prometheus/promtool:
	@command -v apt-get >/dev/null || { echo "promtool is not on PATH, and there is no apt-get to fetch it with: install Prometheus" >&2; exit 1; }
	@echo "promtool is not on PATH: fetching Debian's package prometheus with apt-get and unpacking promtool into .cache/prometheus ..."
	@mkdir -p .cache/prometheus/package
	cd .cache/prometheus/package && { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; }
	dpkg-deb -x .cache/prometheus/package/prometheus_*.deb .cache/prometheus/package
	mv .cache/prometheus/package/usr/bin/promtool $@
	rm -rf .cache/prometheus/package

.PHONY: bench
bench: bench-build ## Measure against a hand-written program and Redpanda Connect; writes docs/benchmarks (15 minutes)
	bin/bench/bench -out docs/benchmarks

.PHONY: bench-growth
bench-growth: bench-build ## How the cost grows with records, columns, tables, partitions and keys; writes docs/benchmarks (10 minutes)
	bin/bench/bench -growth -out docs/benchmarks

.PHONY: bench-quick
bench-quick: bench-build ## The same with fewer records and two rounds, in two minutes; writes nothing
	bin/bench/bench -quick

.PHONY: bench-build
bench-build: build # Connect is a module of its own, so that none of it enters ours
	go build -trimpath -o bin/bench/ ./tests/bench ./tests/bench/ceiling
	cd tests/bench/connect && go build -trimpath -o ../../../bin/bench/ .

.PHONY: microbench
microbench: ## What frames, checkpoints, the buffer and the columns cost per record, in Go benchmarks
	go test -run '^$$' -bench . -count 5 ./plugins/backpressure ./plugins/gate ./plugins/frame ./plugins/position
	go test -run '^$$' -bench 'Record|Checkpoint' -count 5 ./plugins/kafka
	go test -run '^$$' -bench . -benchmem ./plugins/clickhouse/...

.PHONY: build
build: ## Build the binaries into bin/
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/data-bridge ./cmd/data-bridge
	go build -trimpath -o bin/devstack ./cmd/devstack

.PHONY: lint
lint: $(GOLANGCI) ## Format check, vet and golangci-lint
	$(GOLANGCI) fmt --diff
	go vet ./...
	$(GOLANGCI) run ./...
	for module in $(filter-out .,$(MODULES)); do (cd $$module && $(CURDIR)/$(GOLANGCI) run ./...); done

.PHONY: vuln
vuln: ## Look for known vulnerabilities in what the code calls; says so where the database is not reached
	@.ci/vuln

.PHONY: tidy
tidy: ## Tidy go.mod and go.sum, those of the modules beside ours as well
	for module in $(MODULES); do (cd $$module && go mod tidy); done

.PHONY: fmt
fmt: $(GOLANGCI) ## Format the code
	$(GOLANGCI) fmt

$(GOLANGCI):
	@echo "Installing golangci-lint $(GOLANGCI_VERSION) into .cache/bin ..."
	@mkdir -p .cache/bin
	GOBIN=$(CURDIR)/.cache/bin/tmp go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv .cache/bin/tmp/golangci-lint $@ && rmdir .cache/bin/tmp

.PHONY: browser
browser: ## Fetch Chromium without windows (Debian's, 60 MB) and axe-core into .cache/, for the tests of the page
	go test -count 1 -v -run 'TestChromium|TestAxe' ./tests/stack

.PHONY: screenshots
screenshots: build ## Take the pictures of the live page in docs/images anew (2 minutes)
	go test -timeout 5m -count 1 -run '^TestPage$$' ./tests/e2e -screenshots

.PHONY: docs
docs: ## Write docs/configuration.md and docs/metrics.md anew from the code
	go test -count 1 -run TestConfigurationReference ./cmd/data-bridge -update
	go test -count 1 -run TestMetricsReference ./plugins/prometheus -update

.PHONY: docker
docker: ## Build the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg DATE=$(DATE) -t data-bridge:$(VERSION) .

.PHONY: clean
clean: ## Remove what was built; .cache/ keeps the downloads
	rm -rf bin dist
