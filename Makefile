# The project's verbs. Everything lives in .venv and data/ beside this file; needs make, a C compiler and Python 3.11+.
.DEFAULT_GOAL := help
.PHONY: help install dev run test lint docs bench bench-quick bench-growth bench-deliveries hooks lock storm soak chaos clean

BIN := .venv/bin
CODE := app tests bench docs
# pip 23.2 and newer, uv: addresses of package sources belong to the machine, never into a lock.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links pyproject.toml --all-extras --group build

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | while IFS='	' read -r verb words; do \
		printf '  make %-12s %s\n' "$$verb" "$$words"; done

install: ## Make .venv with what running needs (again only when the lock changed)
	@tools/install run

dev: ## The same with what developing needs
	@tools/install dev

run: install ## Start the system: server and worker
	@exec $(BIN)/callbacks up

test: lint ## Check everything: style, types, walls, docs, tests
	$(BIN)/pytest -n 2 --dist worksteal

lint: dev ## Everything of `test` but the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(CODE)
	PYTHONPATH=. $(BIN)/lint-imports --no-logo
	$(BIN)/python -m docs.generate --check

docs: dev ## Write the generated sections of docs/ anew
	$(BIN)/python -m docs.generate

bench-growth: dev ## Measure what growth costs: 10 thousand, 1 million, 10 million callbacks (half an hour, 25 GB)
	$(BIN)/python -m bench.growth $(BENCH)
	$(BIN)/python -m docs.generate

bench-deliveries: dev ## Measure how long messages take, and what dead destinations cost the others (3 minutes)
	$(BIN)/python -m bench.deliveries $(BENCH)
	$(BIN)/python -m docs.generate

hooks: dev ## Check before each commit what `lint` checks
	$(BIN)/pre-commit install

bench: dev ## Measure this system and its peers (minutes; writes bench/results/ and its page)
	$(BIN)/python -m bench.run $(BENCH)
	$(BIN)/python -m docs.generate

bench-quick: dev ## The same in small
	$(BIN)/python -m bench.run --quick $(BENCH)

lock: dev ## Write both locks anew, keeping pins that still fit (UPGRADE=1 takes the newest)
	$(LOCK) $(if $(UPGRADE),--upgrade) --output-file requirements.lock
	$(LOCK) $(if $(UPGRADE),--upgrade) --group dev --constraints requirements.lock --output-file requirements-dev.lock

storm: dev ## A minute of all scenarios at full speed under random SIGKILLs, then the books (SECONDS=60 SEED=1)
	$(BIN)/python -m bench.storm --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

soak: dev ## An hour of all scenarios at a steady rate, and whether memory stays flat (SECONDS=3600 SEED=1)
	$(BIN)/python -m bench.soak --seconds $(or $(SECONDS),3600) --seed $(or $(SEED),1)

chaos: dev ## Kill at random and at every write, stop, flood, starve; check the books (45 minutes; SECONDS=60 SEED=1)
	CHAOS_SECONDS=$(or $(SECONDS),60) CHAOS_SEED=$(or $(SEED),1) $(BIN)/pytest -p no:xdist -s --timeout 900 tests/chaos

clean: ## Remove .venv and caches; data/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find app tests bench docs -type d -name __pycache__ -prune -exec rm -rf {} +
