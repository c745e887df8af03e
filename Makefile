# Bare `make` lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

COMPONENTS := target/rules
HOST := target/release/policy-host
SAMPLE := tests/sample-repository

export PATH := $(HOME)/.cargo/bin:$(PATH)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "%-12s %s\n", $$1, $$2 }'

.PHONY: demo
demo: build ## Build, and judge a sample repository that has the usual gaps
	cd $(SAMPLE) && $(CURDIR)/$(HOST) eval . || test $$? -eq 1

.PHONY: test
test: build ## Pass all tests
	cargo test --release --quiet -p policy-sdk -p policy-host --lib --bins --test main
	$(HOST) test policies
	python3 tests/engines/check.py $(HOST) target/policies/*.wasm

.PHONY: build
build: rules ## Build the host with the rules and bundles embedded
	cargo build --release --quiet

# The host compiles the rules for itself, so there are two stages: one without, one with them. The
# second only links again.
.PHONY: rules
rules: toolchain ## Build all rules, and the pack that the host embeds
	policies/build.sh
	cargo build --release --quiet
	$(HOST) pack --components $(COMPONENTS) --policies policies --bundles bundles --out target/policies

.PHONY: dist
dist: rules ## Build the program as it is released: target/dist/policy-host
	cargo build --profile dist --quiet

.PHONY: release
release: toolchain ## Make an archive as it is released: make release [TARGET=x86_64-pc-windows-gnu]
	.ci/release/build.sh $(TARGET)

.PHONY: image
image: release ## Build the container image of this machine's Linux release
	docker build --tag policy-host:dev .

.PHONY: install
install: rules ## Build what is released, and install it with cargo
	cargo install --quiet --locked --profile dist --path host

.PHONY: rule
rule: ## Build one rule as a component of its own and run its fixtures: make rule RULE=pss-privileged [UPDATE=--update]
	@QUIET=1 policies/build.sh $(RULE)
	@$(HOST) test --components target/rule policies/*/$(RULE) $(UPDATE)

.PHONY: toolchain
toolchain: ## Install what building needs and this machine lacks
	@tests/toolchain.sh

.PHONY: e2e
e2e: build examples editors ## Prove it against real Gatekeeper, Kyverno, kube-apiserver, registries, cosign and pre-commit
	tests/pre-commit.sh
	tests/e2e/run.sh

.PHONY: render
render: build ## Render charts and kustomizations with real helm and kustomize
	tests/render/run.sh

.PHONY: browser
browser: build ## Use the HTML report in a real Chromium
	tests/browser/run.sh

.PHONY: examples
examples: build ## Begin, build and compare a rule in each language: compilers from npm and PyPI
	tests/examples/run.sh

.PHONY: hcl
hcl: ## Hold the parser of HCL against HashiCorp's own
	cd tests/hcl && go build -o ../../target/hcl/reference .
	HCL_REFERENCE=$(CURDIR)/target/hcl/reference cargo test --release --quiet -p policy-sdk -p policy-host --test main -- \
		--ignored --nocapture hcl_reference

.PHONY: pod-security
pod-security: build ## Hold the Pod Security bundles beside Kubernetes' own library: its fixtures, and 20,000 generated pods
	tests/pod-security/run.sh

.PHONY: engines
engines: build ## Hold the fields that rules read of engines' objects against their definitions: make engines [UPDATE=1]
	@[ -z "$(UPDATE)" ] || tests/engines/run.sh target/policies/*.wasm
	@python3 tests/engines/check.py $(HOST) target/policies/*.wasm

.PHONY: promtool
promtool: build ## Hold rule files beside prometheus' own promtool: those of the corpus, and a folder of broken ones
	tests/promtool/run.sh

.PHONY: schema
schema: ## Write the fields of Kubernetes' own kinds anew, from the Go module of Kubernetes
	tests/schema/run.sh

.PHONY: peers
peers: build ## Hold the rules beside kube-score, hadolint, zizmor, actionlint and checkov, and the lists of checks beside these and Pod Security
	tests/peers/run.sh

.PHONY: editors
editors: build ## Prove the language server with a client made by others, from PyPI
	tests/editors/run.sh

.PHONY: lint
lint: ## Formatting, clippy with warnings denied, licences of dependencies
	@tests/toolchain.sh lint
	cargo fmt --all --check
	rustfmt --edition 2024 --check policies/*/*/policy.rs
	cargo clippy --release --workspace --all-targets --quiet -- -D warnings
	cargo deny --log-level error check bans licenses sources

.PHONY: docs
docs: build ## Write the documents and manifests that are generated from code
	$(HOST) docs --policies policies --bundles bundles --schemas host/schema --cli host/CLI.md --peers tests/peers

.PHONY: catalogue
catalogue: build ## Build 700 rules in 20 packs, and print what a whole catalogue weighs and costs
	tests/catalogue/run.sh 700 20

.PHONY: small-catalogue
small-catalogue: build ## Build a tenth of that, and hold it to its size
	tests/catalogue/run.sh 70 5 small

.PHONY: corpus
corpus: build ## Judge some thirty public projects and hold the findings against the snapshot: make corpus [UPDATE=1]
	UPDATE=$(UPDATE) tests/corpus/run.sh

.PHONY: small-corpus
small-corpus: build ## Judge those of them that take a minute
	tests/corpus/run.sh ci

.PHONY: bench
bench: build ## Print every figure and its budget
	cargo bench --quiet -p policy-host --bench budgets

.PHONY: bench-serve
bench-serve: build ## Print every figure of the server and its budget
	cargo bench --quiet -p policy-host --bench serve

.PHONY: bench-oci
bench-oci: build ## Print every figure of bundles in registries and its budget
	cargo bench --quiet -p policy-host --bench oci

.PHONY: ci
ci: ## Everything that CI runs
	.ci/run

.PHONY: drift
drift: docs ## Fail when generated files are not up to date
	git diff --exit-code --stat -- policies bundles host/schema host/CLI.md README.md
	@new=$$(git ls-files --others --exclude-standard -- policies bundles host/schema host/CLI.md); \
	test -z "$$new" || { echo "generated, but not committed:"; echo "$$new"; exit 1; }

.PHONY: clean
clean: ## Remove what was built
	rm -rf target
