# `make run` or `make test` alone is enough on a fresh machine: each sets up what it needs.
# ARGS passes options on: make run ARGS="--fresh", make test ARGS="-k schema".

BIN := .venv/bin
ARGS ?=
# The runs of whole pipelines are left to those that go through containers; SUITE= runs them, too.
SUITE ?= -m 'not e2e'

.PHONY: help setup run test chaos bench bench-input bench-steps bench-serve bench-flink lint format docs lock image test-image test-flink flink-jar flink-up flink-down clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with the TFX that suits this machine
	@sh deploy/setup.sh

run: setup ## Run the flights pipeline on real data
	@$(BIN)/multihead run flights $(ARGS)

test: setup ## Run the tests
	@$(BIN)/python -m pytest $(ARGS)

chaos: setup ## Kill a run time and again at random moments: it ends as if nothing had been (ARGS="--seed 7 --kills 20")
	@$(BIN)/python -m pytest tests/chaos $(ARGS)

bench: setup ## Time the whole graph against stock TFX's (ARGS="--rows 30000,336776 --rounds 1")
	@$(BIN)/python tests/bench/end_to_end.py $(ARGS)

bench-input: setup ## Time training on what Transform wrote against batches held in memory, of a table and of images
	@$(BIN)/python tests/bench/training_input.py $(ARGS)

bench-steps: setup ## Time a training step of every trunk and way of balancing (ARGS="--rounds 20")
	@$(BIN)/python tests/bench/steps.py $(ARGS)

bench-serve: setup ## Serve under load while versions change; one model of N heads against N models (ARGS="--work FOLDER")
	@$(BIN)/python tests/bench/serving.py $(ARGS)

bench-flink: setup image ## Time Beam's stages on a Flink cluster of one slot and of two; count tasks beside stock TFX's (ARGS="--rows 1000000")
	@$(BIN)/python tests/bench/flink.py $(ARGS)

lint: setup ## Check style, types and the direction of imports
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: setup ## Mend style where a tool can
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

docs: setup ## Write docs/reference.md from the models of task.yaml
	@$(BIN)/python -m pipeline.reference

lock: ## Solve requirements.lock anew from pyproject.toml, for both lanes (ARGS=--upgrade: newest versions)
	@uv=$$(sh deploy/setup.sh uv) && "$$uv" pip compile pyproject.toml --quiet $(ARGS) \
		--all-extras --universal --python-version 3.10 --generate-hashes \
		--custom-compile-command "make lock" --output-file requirements.lock

image: ## Build the image (IMAGE=name:tag; BASE_IMAGE=image, or debootstrap to make one of Debian's packages)
	@sh deploy/image.sh

test-image: setup image ## Run the pipeline, and the tests, in containers (ARGS="-k runs" picks some; SUITE= all tests of the suite)
	@$(BIN)/python -m pytest tests/image --suite="$(SUITE)" $(ARGS)

test-flink: setup image ## Run the pipeline on a Flink cluster in containers, and kill parts of it (ARGS="-k losses" picks some)
	@$(BIN)/python -m pytest tests/flink $(ARGS)

flink-jar: setup ## Make Beam's job server for Flink, where Beam cannot fetch its own
	@sh deploy/flink/job_server.sh

flink-up: setup image ## Start a Flink cluster in containers (TASKMANAGERS=2, CPUS=cores of each, SHARED=folder all see)
	@sh deploy/flink/cluster.sh up

flink-down: ## End it
	@sh deploy/flink/cluster.sh down

clean: ## Remove the environment, the tools and all caches; data/ and runs/ stay
	rm -rf .venv .tools build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find schema components pipeline tests -name __pycache__ -type d -prune -exec rm -rf {} +
