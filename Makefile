# Everything runs from .venv, which the first target that needs it makes.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
OUT ?= demo
BASE ?= /
ARGS ?=
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help demo notebook test test-clients quick lowest build test-wheel lint types format docs docs-version \
	docs-links train readers bench clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.installed  ## install, segment, edit and draw pictures, say where they lie (OUT=demo)
	$(BIN)/textseg demo -o $(OUT)

notebook: $(VENV)/.installed-notebook  ## install, and open JupyterLab on the notebooks
	$(BIN)/jupyter lab notebooks

test: $(VENV)/.installed-test  ## everything that needs no accelerator (ARGS="-k name" narrows it, WORKERS=0)
	tests/browser/install_chromium.sh
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder --durations 30 \
		--durations-min 5 -m "not gpu" $(ARGS)

test-clients: .venv-clients/.installed  ## the tools in a client that needs versions of its own
	.venv-clients/bin/python -m pytest -o addopts= -o filterwarnings= -o asyncio_mode= \
		-o asyncio_default_fixture_loop_scope= tests/clients

quick: $(VENV)/.installed-test  ## the tests that are worth running on every save
	$(BIN)/python -m pytest -m "not gpu and not slow and not browser" $(ARGS)

lowest: .venv-lowest/.installed  ## the same on the oldest versions that pyproject.toml allows
	.venv-lowest/bin/python -m pytest -m "not gpu and not slow and not browser" $(ARGS)

build: .venv-build/.installed  ## the wheel and the source distribution, in dist/
	rm -rf dist
	.venv-build/bin/python -m build

test-wheel: build  ## the wheel in an empty environment, outside of the checkout
	set -e; place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	$(PYTHON) -m venv "$$place/venv"; \
	"$$place/venv/bin/python" -m pip install -c constraints.txt dist/*.whl; \
	cd "$$place"; venv/bin/textseg demo -o demo; ls demo

lint: $(VENV)/.installed-test  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed-test  ## mypy, strict
	$(BIN)/mypy

format: $(VENV)/.installed-test  ## let ruff put things right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.installed-test  ## the documentation, in docs/_build/html; warnings and dead links are errors
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html

docs-version: $(VENV)/.installed-test  ## the same beside those of other versions, in docs/_build/site (BASE=/)
	TEXTSEG_DOCS_BASE=$(BASE) $(BIN)/sphinx-build -q -W --keep-going -b html docs \
		docs/_build/site/$$($(BIN)/python -c 'from textseg.version import __version__ as v; print(v.rpartition(".")[0])')

docs-links: $(VENV)/.installed-test  ## whether what the pages link to elsewhere is there (needs a network)
	$(BIN)/sphinx-build -q -D plot_gallery=0 -b linkcheck docs docs/_build/links

train: $(VENV)/.installed  ## train the embedded model again (hours; resumes where it stopped)
	$(BIN)/python -m textseg.lab.training.train $(ARGS)

readers: $(VENV)/.installed  ## train captioner and judge again
	$(BIN)/python -m textseg.lab.training.train_readers $(ARGS)

bench: $(VENV)/.installed-test  ## the tables of finding and editing
	$(BIN)/textseg bench segment $(ARGS)
	$(BIN)/textseg bench edit $(ARGS)

clean:  ## remove the environment and what tools left behind
	rm -rf $(VENV) .venv-clients .venv-lowest .venv-build build dist docs/_build docs/gallery docs/explained \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis
	find textseg agent_tools tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "textseg needs Python 3.11 or newer; try: make PYTHON=python3.11 ..." >&2; exit 1; }
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/.created
	$(BIN)/python -m pip install -c constraints.txt -e .
	touch $@

.venv-clients/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/python -m pip install smolagents==1.26.0 langchain-core==1.7.2 pytest numpy pillow \
		pydantic scipy
	.venv-clients/bin/python -m pip install --no-deps -e .
	touch $@

.venv-lowest/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install uv
	.venv-lowest/bin/uv pip compile --quiet --python .venv-lowest/bin/python --resolution lowest-direct \
		--extra test pyproject.toml -o .venv-lowest/versions.txt
	.venv-lowest/bin/python -m pip install -c .venv-lowest/versions.txt -e '.[test]'
	touch $@

.venv-build/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-build
	.venv-build/bin/python -m pip install build
	touch $@

$(VENV)/.installed-notebook: pyproject.toml constraints.txt | $(VENV)/.created
	$(BIN)/python -m pip install -c constraints.txt -e '.[notebook,agent]'
	touch $(VENV)/.installed $@

$(VENV)/.installed-test: pyproject.toml constraints.txt | $(VENV)/.created
	$(BIN)/python -m pip install -c constraints.txt -e '.[test]'
	touch $(VENV)/.installed $@
