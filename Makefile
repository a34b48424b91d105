# The only door. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MATURIN := VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/maturin
DEVELOPERS_TOOLS := hypothesis 'maturin>=1.9,<2' mypy pytest pytest-timeout pytest-xdist ruff
export LITELLM_LOCAL_MODEL_COST_MAP := True

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 16

$(VENV)/.installed: constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "accel needs Python 3.10 or newer")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt 'litellm[proxy]==1.106.2' orjson pydantic wrapt $(DEVELOPERS_TOOLS)
	# Apart, for uvicorn prefers it where it finds it, and LiteLLM's users do not have it.
	$(BIN)/pip install --quiet --constraint constraints.txt --target $(VENV)/httptools httptools
	touch $@

setup: $(VENV)/.installed ## make the project's own virtual environment

build: setup ## build the release module into the environment
	$(MATURIN) develop --quiet --release --locked

build-for-tests: setup
	$(MATURIN) develop --quiet --release --locked --features panic-test

demo: build ## a real LiteLLM proxy with accel on a mock upstream: what ran where
	$(BIN)/accel demo

test: test-rust test-python ## all tests

test-rust: ## the core, without Python
	cargo test --locked --no-default-features

test-python: build-for-tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup

parity: build-for-tests ## the differential tests, larger (minutes)
	PARITY_SCALE=10 $(BIN)/python -m pytest tests/parity

soak: build-for-tests ## 100,000 hand-overs of connections on every parser and loop, and what is left of them (minutes)
	PARITY_SCALE=17 $(BIN)/python -m pytest -s tests/lane/test_flat.py

upstream: build ## LiteLLM's own tests, LITELLM_TESTS=/path/to/litellm [FILES="…"], with accel off and on
	$(BIN)/python scripts/upstream.py $(if $(LITELLM_TESTS),"$(LITELLM_TESTS)") $(FILES)

lint: build-for-tests ## formatting, lints, types, stubs
	cargo fmt --check
	cargo clippy --locked --all-targets --all-features --quiet -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest accel._accel --allowlist tests/stubtest_allowlist.txt --ignore-unused-allowlist

bench-tokens: build ## token counting: LiteLLM, accel, LiteLLM's native bridge, tiktoken, interleaved
	$(BIN)/python benches/tokens.py

bench-proxy: build ## a real proxy plain, with accel, and with its front, under load: what a request costs
	$(BIN)/python benches/proxy.py

bench-proxy-tokens: build ## a proxy whose key has a budget: plain and with accel, the same new prompts to both
	$(BIN)/python benches/proxy_tokens.py

bench-caches: build ## LiteLLM's caches and Redis scripts, plain and with accel, interleaved
	$(BIN)/python benches/caches.py

bench-limits: build ## rate limits and caches: LiteLLM and accel in turn, in memory and on a local Redis
	$(BIN)/python benches/limits.py

bench-routing: build ## the Router: choosing a deployment, and what it does around a call, interleaved
	$(BIN)/python benches/routing.py

profile-sdk: build ## where acompletion's processor time goes, plain and with accel: share, function, seam or why none
	$(BIN)/python benches/profile_sdk.py

limit-accuracy: build ## how many requests limits let through, counted: LiteLLM, accel, and its opt-in features
	$(BIN)/python benches/limit_accuracy.py

profile-proxy: build ## what a chat request costs the proxy, by function, plain and with accel, and what is left to Python and why
	$(BIN)/python benches/profile_proxy.py

fingerprints: build ## make the table of known LiteLLM bodies again
	$(BIN)/python scripts/fingerprints.py 1.106.2 $(RELEASES)

wheel: setup ## a wheel for this platform, in dist/
	$(BIN)/maturin build --quiet --release --locked --out dist

clean: ## remove what the other targets made
	rm -rf $(VENV) target dist

.PHONY: help setup build build-for-tests demo test test-rust test-python parity soak upstream lint bench-tokens bench-proxy bench-proxy-tokens bench-caches bench-limits bench-routing limit-accuracy profile-proxy profile-sdk fingerprints wheel clean
