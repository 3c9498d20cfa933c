# UrbanGrid. `make` prints the targets.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
WEB     := dashboard/web
CACHE   := .cache
LINT    := $(CACHE)/bin/golangci-lint
GO_SRC  := $(shell find . -name '*.go' -not -path './node_modules/*' -not -path './$(WEB)/node_modules/*' 2>/dev/null) $(shell find . \( -name '*.yaml' -o -name '*.geojson' -o -name '*.sql' \) -not -path '*/node_modules/*' 2>/dev/null)
WEB_SRC := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/test/*' -not -path '*/e2e/*' -not -name '*.go' 2>/dev/null)

# say WHAT: what the next step is, and so what is being waited for.
say = @printf '\n==> %s\n' "$(1)"

.PHONY: help
help: ## print the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: run
run: build ## everything on this machine, with a simulated district
	$(call say,starting (the first start reads nothing and takes a second or two))
	@exec bin/urbangrid serve --demo --data data/demo

.PHONY: build
build: bin/urbangrid ## bin/urbangrid, with the page inside

bin/urbangrid: $(GO_SRC) go.mod go.sum $(WEB)/dist/index.html
	@.ci/setup build
	$(call say,building bin/urbangrid (the first time the databases are compiled in: a few minutes))
	@mkdir -p bin
	go build -ldflags '-X main.version=$(VERSION)' -o bin/urbangrid ./cmd/urbangrid

$(WEB)/node_modules/.installed: $(WEB)/package-lock.json
	@.ci/setup build
	$(call say,installing the client's packages)
	cd $(WEB) && npm ci --no-audit --no-fund
	@touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.installed $(WEB_SRC)
	$(call say,building the client)
	cd $(WEB) && npm run build
	@touch $@

.PHONY: test
test: setup-test $(WEB)/dist/index.html ## everything that CI runs, its set-up included
	$(call say,checking and testing the client)
	cd $(WEB) && npm run check && npm test
	$(call say,building the InfluxDB that tests run against (two minutes the first time))
	go run ./internal/influxtest/cmd/build-influxd
	$(MAKE) --no-print-directory lint
	$(call say,testing with the race detector)
	go test -race -timeout 20m ./...
	$(MAKE) --no-print-directory e2e
	$(call say,all tests passed)

.PHONY: setup-test
setup-test:
	@.ci/setup test

.PHONY: check
check: $(LINT) ## fast: format, vet, lint, short tests
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "these files want gofmt -w"; exit 1; }
	go vet ./...
	$(LINT) run
	go test -short ./...

.PHONY: lint
lint: $(LINT) ## golangci-lint and go vet
	$(call say,linting)
	go vet ./...
	$(LINT) run

$(LINT): tools/go.mod
	$(call say,building the linter (a few minutes the first time))
	@mkdir -p $(@D)
	cd tools && go build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: e2e
e2e: bin/urbangrid ## a browser against the real binary
	@.ci/setup test
	$(call say,testing the page in Chromium)
	cd $(WEB) && URBANGRID_BIN="$(CURDIR)/bin/urbangrid" npm run e2e

.PHONY: references
references: bin/urbangrid ## record a moment of the demo and make the reviewed pictures of the views anew; look at them
	cd $(WEB) && export URBANGRID_BIN="$(CURDIR)/bin/urbangrid" && node e2e/record.mjs && URBANGRID_UPDATE=1 node --test --test-reporter=spec e2e/references.e2e.mjs

.PHONY: pictures
pictures: bin/urbangrid ## take the pictures of the README from the running product
	cd $(WEB) && URBANGRID_BIN="$(CURDIR)/bin/urbangrid" node e2e/pictures.mjs

.PHONY: bench
bench: bin/urbangrid setup-test ## what this machine carries, one JSON object a line and a table; an exceeded limit is an error
	@go run ./internal/influxtest/cmd/build-influxd
	@{ { bin/urbangrid bench && \
	   go test -run '^$$' -bench BenchmarkDecode -benchmem ./sensors/codec/... | awk -f bench/decode.awk && \
	   URBANGRID_BIN="$(CURDIR)/bin/urbangrid" go test -run '^$$' -bench . -benchtime 1x -timeout 40m ./bench; } || echo FAIL make bench; } | go run ./bench/cmd/table

.PHONY: evaluate
evaluate: build ## measure the detection against incidents whose truth is known (ten minutes)
	bin/urbangrid evaluate --out docs/evaluation

REQUESTS ?= ../shared/data/myla311_2018-01-01_04_reduced.csv,../shared/data/myla311_2018-12-27_31_reduced.csv

.PHONY: evaluate-real
evaluate-real: build ## the same on real requests: REQUESTS, CSV files with commas between; writes to bin/evaluate-real
	bin/urbangrid evaluate --requests "$(REQUESTS)" --mapping deploy/examples/myla311.yaml \
		--holidays deploy/examples/myla311-holidays.yaml --without "source=Driver Self Report" --out bin/evaluate-real

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME (1m)
	@for p in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
		for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$p/*_test.go | cut -c6-); do \
			echo "==> $$p $$f"; go test $$p -run '^$$' -fuzz "^$$f$$" -fuzztime $${FUZZTIME:-1m} || exit 1; \
		done; \
	done

.PHONY: test-influx2
test-influx2: setup-test ## the series suite against InfluxDB 2.7 (needs cargo to build it the first time)
	URBANGRID_TEST_INFLUX=2 go test -timeout 30m ./internal/influxtest/... ./store/influx/...

.PHONY: soak
soak: setup-test ## long runs: InfluxDB away for five minutes under load
	URBANGRID_TEST_OUTAGE=5m go test -run AwayUnderLoad -timeout 60m ./store/influx

.PHONY: clean
clean: ## remove what was built; data stays
	rm -rf bin $(CACHE) $(WEB)/dist $(WEB)/node_modules
