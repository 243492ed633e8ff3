# Every target sets up what it needs, on a machine that has Python 3.11+ and make.
VENV ?= .venv
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BIN = $(VENV)/bin
# Type checkers do not follow the import hook of an editable install; a folder of links shows them the namespace.
TYPING = $(VENV)/typing

.PHONY: demo test coverage lint bench campaign clean

demo: $(VENV)/ready
	$(BIN)/python examples/demo.py

test: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

# With CPython 3.11 a thread may die as its tracer is set (https://github.com/python/cpython/issues/98257), once in some
# runs: an actor is then registered and never runs, and a test waits for it. Nothing of that happens untraced or in 3.12.
coverage: $(VENV)/ready
	$(BIN)/python -m pytest -n 2 -m "not untraced" --cov --cov-report=term $(PYTEST_ARGS)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	mkdir -p $(TYPING)/openmas_assets
	for room in messages actors cli; do ln -sfn $(CURDIR)/$$room $(TYPING)/openmas_assets/$$room; done
	MYPYPATH=$(TYPING) $(BIN)/mypy -p openmas_assets.messages -p openmas_assets.actors -p openmas_assets.cli
	MYPYPATH=$(TYPING) $(BIN)/mypy tests examples benchmarks

bench: $(VENV)/ready
	$(BIN)/python benchmarks/bench.py $(BENCH_ARGS)

campaign: $(VENV)/ready
	$(BIN)/python tests/campaigns/campaign.py $(CAMPAIGN_ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/ready: pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --editable ".[dev]"
	touch $@
