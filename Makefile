# `make demo` and `make test` need only Python 3.10+ and make: both set up .venv first.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: help demo test check docs bench venv clean

help:
	@echo "make demo    search an architecture on real images (about two minutes on 2 cores)"
	@echo "make test    run the test suite"
	@echo "make check   ruff check, ruff format, mypy"
	@echo "make docs    make the site of the documentation, build/docs/html"
	@echo "make bench   run the benchmarks"
	@echo "make clean   remove .venv and caches"

demo: venv
	$(BIN)/nas-tuners run examples/classic_nas/config.yml

# Two files at a time; `.venv/bin/pytest` runs one after the other.
test: venv
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

check: venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Pages that gave a warning are not read again, and would give none the next time.
docs: venv
	$(BIN)/python -m sphinx -q -j auto --fail-on-warning -c docs -d build/docs/pages . build/docs/html \
		|| { rm -rf build/docs; exit 1; }

bench: venv
	$(BIN)/python -m benchmarks

venv: .venv/installed

# torch comes first and alone: a resolve of everything together could swap its build.
.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=/path/to/python3")'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,docs,examples,cmaes]'
	touch $@

clean:
	rm -rf .venv build/docs .mypy_cache .pytest_cache .ruff_cache .hypothesis
