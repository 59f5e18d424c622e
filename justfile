# Short names for what CONTRIBUTING.md describes; everything runs in .venv.
python := ".venv/bin/python"

# lint, types, layers, and all tests but the proofs
check: lint types
    {{python}} -m pytest -n auto --dist worksteal -m "not proof"

# make .venv with everything in it
setup:
    python3 -m venv --upgrade-deps .venv
    {{python}} -m pip install -q -e . --group dev

fmt:
    {{python}} -m ruff format
    {{python}} -m ruff check --fix

lint:
    {{python}} -m ruff check
    {{python}} -m ruff format --check
    .venv/bin/lint-imports

types:
    {{python}} -m pyright

# tests that need no other process: the quick ones
test *arguments:
    {{python}} -m pytest -n auto --dist worksteal -m "unit or wire" {{arguments}}

# simulation, kills, mutants, faults and the like
proof *arguments:
    {{python}} -m pytest -n auto --dist worksteal -m proof {{arguments}}

# write the generated parts of the README and docs/ anew, and what registries are told
docs:
    {{python}} scripts/tables.py
    {{python}} scripts/publishing.py

# build what is published and start it as people install it
smoke *ways="wheel lowest tools bundle":
    {{python}} -m pip install -q --group publish
    {{python}} scripts/smoke.py {{ways}}

demo:
    .venv/bin/seedance-mcp demo
