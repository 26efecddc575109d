# Everything here also works without make: each target is a command or two.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
IMAGE := iterateswarm
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Files that git knows or would take: what a clone will hold.
go_files = $(wildcard $(shell git ls-files -co --exclude-standard -- '*.go'))

.PHONY: help run dev test check fmt vet lint floors fresh clean-tree bench durability e2e-llm test-ollama test-gitea build docker

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## start the server on http://127.0.0.1:8090, data in pb_data
	go run . serve

dev: ## the same, with log output and pb_public read from disk: edits show at once
	go run . serve --dev --publicDir pb_public

test: ## run every test that needs no network and no key
	go test ./...

check: fmt vet lint floors fresh clean-tree ## what a machine can find: format, vet, staticcheck, floors, stale files, stray files

fmt: ## report files that gofmt would change
	@files="$$(gofmt -l $(go_files))"; \
	if [[ -n "$$files" ]]; then echo "run gofmt -w on:"; echo "$$files"; exit 1; fi

vet: ## go vet
	go vet ./...

lint: ## staticcheck, pinned
	go run $(STATICCHECK) ./...

floors: ## the layering test
	go test ./internal/floors

fresh: ## report generated files that are stale
	go test ./internal/config -run TestReferenceIsFresh

clean-tree: ## report secrets and build products in git
	@files="$$(git ls-files | grep -E '(^|/)(\.env(\..*)?|node_modules/.*|pb_data/.*|__pycache__/.*|.*\.(key|pem|p12|pyc|test|prof))$$' | grep -v '/testdata/' || true)"; \
	if [[ -n "$$files" ]]; then echo "these do not belong into git:"; echo "$$files"; exit 1; fi

bench: ## measure the built binary against a bare PocketBase, in a few minutes
	go test ./test/bench -run TestReport -v -timeout 60m -bench.items=2000 -bench.stored=20000

durability: ## kill the server 200 times with 10,000 messages under way
	go test ./test/durability -run TestKill -v -timeout 60m -durability.cycles=200 -durability.items=10000

GITEA_FOLDER ?= $(HOME)/.cache/iterateswarm-test/gitea
test-gitea: ## file, find, close and propose against a real Gitea; builds one the first time, in about 5 minutes
	test/gitea/build.sh "$(GITEA_FOLDER)"
	GITEA_FOLDER="$(GITEA_FOLDER)" go test ./plugins/gitea -run TestReal -count=1 -v

e2e-llm: ## the twelve acceptance checks with the model that ITERATESWARM_LLM_... names; costs a few cents
	ITERATESWARM_TEST_LLM=1 go test ./test/acceptance -run TestTwelveChecksWithARealModel -count=1 -v -timeout 60m

OLLAMA_FOLDER ?= $(HOME)/.cache/iterateswarm-test/ollama
test-ollama: ## judge and embed with a real Ollama and a tiny random model; builds Ollama the first time, in about 8 minutes
	test/ollama/build.sh "$(OLLAMA_FOLDER)"
	ITERATESWARM_TEST_OLLAMA="$(OLLAMA_FOLDER)/ollama" go test ./test/ollama -count=1 -v -timeout 30m

build: ## build bin/iterateswarm, static
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/iterateswarm/iterateswarm/internal/command.Version=$(VERSION)" -o bin/iterateswarm .

docker: ## build the container image
	docker build -f docker/Dockerfile --build-arg VERSION=$(VERSION) -t $(IMAGE) .
