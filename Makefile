# demo, test, lint, bench, audit, lock, clean. Each brings .venv first up to what it needs, from the locks in requirements/.
# Written for any make and any sh: macOS still has GNU make 3.81.
PYTHON =
TORCH =
BIN = .venv/bin
INSTALL = python=$$(sh requirements/python.sh $(PYTHON)) && "$$python" requirements/install.py $(TORCH:%=--torch=%)

.PHONY: help demo test lint bench audit lock clean

help:
	@echo 'make demo   the whole flow on this machine: pictures in, prediction out'
	@echo 'make test   all tests'
	@echo 'make lint   every check that runs no product code'
	@echo 'make bench  measurements against named baselines'
	@echo 'make audit  the locked packages against known vulnerabilities'
	@echo 'make lock   the locks anew, after a change of dependencies in a pyproject.toml'
	@echo 'make clean  stop the embedded account and remove what was built; .venv stays'
	@echo 'with PYTHON=/path/to/python3.12   that Python; else the one of .venv, else the newest from 3.11 to 3.13'
	@echo 'with TORCH=cpu                    torch without what a GPU needs: on Linux 0.2 GB to fetch instead of 3'

demo:
	@$(INSTALL) local
	@$(BIN)/python deploy.py demo

# More workers than cores: many tests wait for processes, clocks and sockets. Both suites run, whichever fails.
test:
	@$(INSTALL) dev
	@failed=; \
	(cd embedded_account && ../$(BIN)/python -m pytest -n 3) || failed=1; \
	$(BIN)/python -m pytest -n 3 || failed=1; \
	[ -z "$$failed" ] || { echo 'make test: the account, the product or both failed; see above' >&2; exit 1; }

lint:
	@$(INSTALL) dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy deploy.py datasets handlers inference ops reports requirements statemachine training
	$(BIN)/mypy tests bench
	MYPYPATH=embedded_account/src $(BIN)/mypy embedded_account/src
	$(BIN)/mypy --config-file embedded_account/pyproject.toml embedded_account/tests embedded_account/bench
	$(BIN)/lint-imports
	mkdir -p build
	$(BIN)/python -m ops.stack.expand_template > build/expanded.json
	$(BIN)/cfn-lint template.yaml build/expanded.json
	$(BIN)/python -m ops.stack.lint_policies
	$(BIN)/python -m pytest -q tests/test_template.py tests/test_template_stores.py tests/test_template_permissions.py
	@if command -v npx > /dev/null; then \
	  sed 's/$${Partition}/aws-us-gov/' statemachine/pipeline.asl.json > build/pipeline.asl.json; \
	  npx --yes asl-validator@4.0.0 --json-path build/pipeline.asl.json; \
	else \
	  echo 'asl-validator: skipped, it needs node; the tests create the state machine in the embedded account instead'; \
	fi

bench:
	@$(INSTALL) dev
	@ls bench/bench_*.py > /dev/null 2>&1 || { echo 'bench/: there is no bench_*.py yet' >&2; exit 1; }
	@for file in bench/bench_*.py embedded_account/bench/bench_*.py; do $(BIN)/python "$$file" || exit 1; done

# pip-audit asks PyPI's advisory data for each pin. Where it cannot be reached it knows of nothing, so it is tried first on a
# version with known vulnerabilities, and no answer is a failure.
audit:
	@$(INSTALL) dev
	$(BIN)/python requirements/audit.py

lock:
	@$(INSTALL) dev
	$(BIN)/python requirements/lock.py

clean:
	@if [ -x $(BIN)/python ] && [ -d .local ]; then $(BIN)/python deploy.py local stop; fi
	rm -rf build .local .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
