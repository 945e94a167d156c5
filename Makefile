# `make help` says what there is. A target named here does all of its own set-up.

TARGET ?= calico-v3.31.0
LAUNCH ?= auto
SELECT ?=
PROFILE ?= core
FUZZTIME ?= 1m
SOAKRUNS ?= 200
SOAKREAL ?= 5
SOAKKILLS ?= 10

GOLANGCI_LINT = go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOTESTSUM = go run gotest.tools/gotestsum@v1.13.0
ACTIONLINT = go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
GREMLINS = go run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0

# What `make mutation` changes.
MUTATED ?= harness/oracle harness/handshake harness/matrix pki

OUT = _output
TLSCONFORM = bin/tlsconform

SHELL = bash
.SHELLFLAGS = -euo pipefail -c
MAKEFLAGS += --no-print-directory --no-builtin-rules
.DEFAULT_GOAL = help
.PHONY: help conformance tlsconform test audit lint fmt fuzz mutation bench golden soak release release-check ci clean

help: ## Say what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo 'make conformance takes TARGET=$(TARGET) (a name, or a file), LAUNCH=$(LAUNCH) (auto, container, process or'
	@echo "in-process), SELECT='GLOB' (of case IDs: * within one part, ** across parts) and PROFILE=$(PROFILE) (core; documented: the"
	@echo "page's own promises alone; slow: what takes most of a minute by nature; spiffe-strict: core, and"
	@echo 'what X509-SVIDs ask that Calico does not enforce; or all).'

conformance: tlsconform ## Judge TARGET's components, after the suite has judged its own reference; see _output/.
ifneq ($(TARGET),reference)
	@echo 'First the suite itself: its own reference, in this process.'
	@$(TLSCONFORM) run --target reference --launch in-process --out $(OUT)/self-check --quiet || { \
	  echo >&2 'make: error: the suite did not judge its own reference as expected, so its word on others would be worth nothing'; \
	  echo >&2 'make: hint: see $(OUT)/self-check, or run make conformance TARGET=reference LAUNCH=in-process'; \
	  exit 2; }
endif
	@$(TLSCONFORM) run --target '$(TARGET)' --launch '$(LAUNCH)' --profile '$(PROFILE)' $(if $(SELECT),--select '$(SELECT)') --out $(OUT)

tlsconform: ## Build bin/tlsconform, a static binary.
	@CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o $(TLSCONFORM) ./harness/cmd/tlsconform

# What is tested end to end, with real components and thousands of handshakes, is so without the race detector: it would
# make the cases slow, and the packages that the suites stand on have it. These go twice as many at a time as there are
# processors, as their tests wait a good deal.
SUITES = ./suites/...
TESTED = go test -json -count=1 -timeout 20m

test: tlsconform ## Prove the project itself: every test, below the suites with the race detector.
	$(call need,openssl,openssl)
	$(call need,jq,jq)
	$(call need,ssh-keygen,openssh-client)
	$(call need,$(firstword $(shell go env CC)),gcc libc6-dev)
	$(call need,$(or $(firstword $(notdir $(shell command -v chromium google-chrome google-chrome-stable))),chromium),chromium)
	go vet ./...
	@$(TLSCONFORM) prepare --target calico-v3.31.0
	@$(GOTESTSUM) --format pkgname-and-test-fails --raw-command -- $(SHELL) -c ' \
	  $(TESTED) $(SUITES); first=$$?; \
	  go list ./... | grep -vxFf <(go list $(SUITES)) | xargs $(TESTED) -race -p $$((2 * $$(getconf _NPROCESSORS_ONLN))) && exit $$first'

audit: tlsconform ## Let the suite judge itself: plant every fault into the stubs, and see which cases turn red.
	@mkdir -p $(OUT)
	@go test -v -count=1 -timeout 20m -run '^TestKill' ./suites/audit -args -tlsconform '$(abspath $(TLSCONFORM))' 2>&1 | tee $(OUT)/audit.log | sed -un '/turns\|FAIL\|SKIP\|survives\|^    [a-z_]*test.go/s/^ *[a-z_]*_test.go:[0-9]*: //p'
	@grep '^KILLED' $(OUT)/audit.log

# The shell in workflows is checked by shellcheck too, which actionlint calls.
WORKFLOWS = $(wildcard .github/workflows/*.yml .github/examples/*.yml)
SCRIPTS = .ci/run .ci/release $(filter-out %.yml,$(wildcard .github/actions/*/*))

lint: ## Check style, imports, the module files, workflows and shell; change nothing.
	$(call need,shellcheck,shellcheck)
	go mod tidy -diff
	shellcheck $(SCRIPTS)
	$(ACTIONLINT) $(WORKFLOWS)
	$(GOLANGCI_LINT) run

fmt: ## Format all code.
	$(GOLANGCI_LINT) fmt

fuzz: ## Fuzz each target for FUZZTIME (1m).
	@targets=$$(go test -list '^Fuzz' ./... | awk '/^Fuzz/ {names[n++] = $$1} /^ok/ {for (i = 0; i < n; i++) print $$2, names[i]; n = 0}'); \
	[ -n "$$targets" ] || { echo >&2 'make: error: looking for fuzz targets: found none'; exit 1; }; \
	while read -r package name; do \
	  echo "$$name in $$package"; \
	  go test -run '^$$' -fuzz "^$$name\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 20x "$$package" </dev/null; \
	done <<< "$$targets"

mutation: ## Change MUTATED in one place after the other and list what no test minds (slow; see suites/audit/MUTANTS.md).
	@for package in $(MUTATED); do \
	  echo "$$package"; \
	  GOFLAGS="$$(go env GOFLAGS) -count=1" $(GREMLINS) unleash --timeout-coefficient 20 --output-statuses lct "./$$package"; \
	done

bench: ## Measure whole cases against plain handshakes, in one process.
	go test -run '^$$' -bench Ratio -benchtime 1x -count=1 ./harness

soak: tlsconform ## Run again and again, in any order, under load and after kills: the same verdicts, and nothing left.
	@$(TLSCONFORM) prepare --target calico-v3.31.0
	go test -v -count=1 -timeout 3h ./suites/soak -args -inprocess $(SOAKRUNS) -real $(SOAKREAL) -kills $(SOAKKILLS)

golden: ## Write the golden files anew; look at the difference before you commit it.
	@packages=$$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -r -n1 dirname | sort -u); \
	[ -n "$$packages" ] || { echo >&2 'make: error: looking for tests with golden files: found none'; exit 1; }; \
	go test -count=1 $$packages -update

release: ## Build what a release of this commit consists of into _output/release: binaries, images, checksums, bill of materials.
	$(call need,jq,jq)
	@rm -rf $(OUT)/release
	@.ci/release $(OUT)/release

# The second is built elsewhere and from nothing, as the first finds in the cache what it built before.
release-check: release ## Build a release twice, in two places, and compare the two.
	@clone=$$(mktemp -d); trap 'chmod -R u+w "$$clone"; rm -rf "$$clone"' EXIT; \
	git clone -q . "$$clone/tlsconform"; \
	GOCACHE="$$clone/cache" "$$clone/tlsconform/.ci/release" "$$clone/release" >/dev/null; \
	diff $(OUT)/release/SHA256SUMS "$$clone/release/SHA256SUMS" || { echo >&2 'make: error: building the release twice: wanted the same bytes, found the differences above'; exit 1; }; \
	echo "the same bytes twice: $$(wc -l < $(OUT)/release/SHA256SUMS) files"

ci: ## What CI runs: lint, the audit, conformance with what is slow, then every test.
	@echo '1/4 lint'
	@$(MAKE) lint
	@echo '2/4 audit'
	@$(MAKE) audit
	@echo '3/4 conformance, with what is slow'
	@$(TLSCONFORM) prepare --target '$(TARGET)'
	@sync # a disk that catches up with what was built stalls components, and breaks cases that have a deadline
	@$(MAKE) conformance PROFILE=all
	@echo '4/4 test'
	@$(MAKE) test

clean: ## Remove what was made here; built components stay in the user's cache.
	rm -rf bin $(OUT)

# $(call need,PROGRAM,PACKAGES) makes sure of a program: it is there, or root gets it from its Debian packages.
define need
@command -v $(1) >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get -qq update && apt-get -qq install -y --no-install-recommends $(2); } >/dev/null 2>&1 || { \
	  echo >&2 'make: error: looking for $(1), which this needs: it is not installed'; \
	  echo >&2 'make: hint: install it (on Debian: apt-get install $(2))'; \
	  exit 1; }
endef
