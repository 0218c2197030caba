# mimbench: `make demo` shows the main job, `make test` proves the house. Both set up first.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: help setup setup-cluster demo test lint bench lock clean

VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
UV_VERSION := 0.13.8
# A uv on the PATH, else our own in .uv.
UV := $(shell command -v uv || echo .uv/bin/uv)
# The first interpreter that answers; uv fetches one when none does.
PYTHON ?= $(shell for v in 3.11 3.12; do python$$v -c '' 2>/dev/null && echo $$v && exit; done; echo 3.11)
# Extras behind requirements.txt. Not among them: `cluster` (make setup-cluster).
EXTRAS := det seg video pointcloud medical report dev
INSTALL = $(UV) pip install --quiet --python $(PY) --no-deps

help:
	@echo 'make setup          .venv with the versions of requirements.txt'
	@echo 'make demo           set up, then pre-train, load and transfer a tiny model: the main job on a small scale'
	@echo 'make test           set up, then lint and all tests'
	@echo 'make lint           ruff and mypy'
	@echo 'make bench          the speed measurements alone, in full size'
	@echo 'make setup-cluster  add submitit and Ray'
	@echo 'make lock           resolve requirements*.txt anew from pyproject.toml'
	@echo 'make clean          remove caches and build output; .venv stays'

# `make setup` always looks and repairs, in seconds when nothing is missing; the other targets set up once.
#
# onedl-mmcv exists as source only and compiles against the torch of the environment, so it comes after the rest: ten
# minutes once, then uv keeps the wheel. It is asked offline first, because an index that sends no cache headers makes
# uv fetch the source, and compile, again. A kept wheel that does not load (another torch) is compiled anew. Without a
# compiler only detection and segmentation are lost, so set-up says so and goes on.
MMCV = grep '^onedl-mmcv==' requirements.txt | MMCV_WITH_OPS=1 $(INSTALL) --no-build-isolation -r -
LOADS = $(PY) -c 'import torch, mmcv._ext'

setup: | $(UV)
	@test -x $(PY) || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	@if $(UV) pip show --quiet --python $(PY) opencv-python 2>/dev/null; then \
	    $(UV) pip uninstall --quiet --python $(PY) opencv-python opencv-python-headless; fi
	@echo 'setup: the versions of requirements.txt into $(VENV)'
	@grep -v '^onedl-mmcv==' requirements.txt | $(INSTALL) -r -
	@echo 'setup: onedl-mmcv, kept by uv or else compiled now (about ten minutes on two cores)'
	@$(MMCV) --offline 2>/dev/null || $(MMCV) || true
	@$(LOADS) || { $(UV) cache clean --quiet onedl-mmcv; $(MMCV) --reinstall && $(LOADS); } \
	    || echo 'setup: onedl-mmcv does not compile here, so detection and segmentation cannot run: mimbench doctor' >&2
	@$(INSTALL) --no-build-isolation --config-settings editable_mode=compat -e .
	@$(PY) -m compileall -q -j 0 $(VENV)/lib > /dev/null 2>&1 || true  # else every start compiles where PYTHONDONTWRITEBYTECODE is set
	@touch $(READY)
	@echo 'setup: done; .venv/bin/mimbench --help'

$(READY): requirements.txt pyproject.toml
	@$(MAKE) --no-print-directory setup

.uv/bin/uv:
	python3 -m venv .uv || { echo 'install uv, or what python3 -m venv needs (Debian: python3-venv)' >&2; exit 1; }
	.uv/bin/python -m pip install --quiet uv==$(UV_VERSION)

setup-cluster: $(READY)
	$(INSTALL) -r requirements-cluster.txt

demo: $(READY)
	$(VENV)/bin/mimbench demo

# Side by side on all cores, up to eight; then what measures speed, alone.
test: $(READY) lint
	$(PY) -m pytest -m 'not bench' -n auto --maxprocesses 8 --dist worksteal
	$(PY) -m pytest -m bench

lint: $(READY)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: $(READY)
	BENCH=full $(PY) -m pytest -m bench -s

COMPILE = $(UV) pip compile --quiet --upgrade --python-version 3.11 --no-header --no-annotate \
    --no-emit-package opencv-python pyproject.toml $(EXTRAS:%=--extra %)

# The cluster file holds only what the first one lacks.
lock: | $(UV)
	$(COMPILE) --universal --fork-strategy fewest -o requirements.txt
	$(COMPILE) --extra cluster --python-platform linux -c requirements.txt -o .lock.tmp
	awk -F'==' 'NR == FNR { seen[$$1]; next } !($$1 in seen)' requirements.txt .lock.tmp > requirements-cluster.txt
	rm .lock.tmp

clean:
	rm -rf build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -not -path './.venv/*' -not -path './.uv/*' -prune -exec rm -rf {} +
