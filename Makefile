# The only entry point: every command that people, hooks and CI run is a target here. `make help` prints them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
LOCKS := requirements/dev.txt requirements/tools.txt
# The programs beside the packages: what generates files, what trains the embedded model.
BESIDE := PYTHONPATH=tools $(BIN)/python -m
# The helm that `make helm` builds, unless you name another.
HELM ?= $$($(BIN)/python -c 'from tests.cluster.tools import HELM; print(HELM.program())')
CHART_VERSION = $(shell sed -n 's/^version: //p' charts/bge-reranker/Chart.yaml)

##@ Start here

setup: $(VENV)/.installed ## Make .venv with everything that this tree needs

run: $(VENV)/.installed ## Serve the embedded demonstration model on 127.0.0.1:8000
	@$(BIN)/bge-reranker serve $(ARGS)

test: $(VENV)/.installed ## Run every test that needs neither a cluster nor minutes; ARGS go to pytest
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m "not slow" $(ARGS)

check: $(VENV)/.installed ## Format, lint, types, import contracts, lock freshness, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy service/src operator/src tools tests
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory verify

docs: $(VENV)/.installed ## Build the documentation into build/site; links are checked, code blocks run
	@PYTHONPATH=tools $(BIN)/python -m docs_site
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/docs/test_blocks.py tests/docs/test_guide.py

##@ Everyday

help: ## Print this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup-all: $(VENV)/.installed ## Also install what some tests need: a browser, helm, buildah, Redis; as root where apt-get is
	@$(BIN)/python -m tests.needs

format: $(VENV)/.installed ## Rewrite the code in the one format
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test-slow: $(VENV)/.installed ## Run the tests that need minutes: quantising, long floods of requests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 -m slow $(ARGS)

e2e: $(VENV)/.installed ## End-to-end tests on a cluster of their own, or on CONTEXT of KUBECONFIG
	@$(BIN)/python -m tests.e2e --look $(if $(CONTEXT),--context $(CONTEXT)) $(ARGS)
	@$(MAKE) --no-print-directory image image-operator image-search-pod
	$(BIN)/python -m tests.e2e $(if $(CONTEXT),--context $(CONTEXT)) $(ARGS)

api-server: helm ## Test the operator against a real API server with faults injected, without nodes; ARGS go to pytest
	@$(BIN)/python -m tests.cluster tools kubernetes kwok crds
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/api_server -n 2 --dist loadfile --durations=10 $(ARGS)

e2e-long: $(VENV)/.installed $(if $(filter store-kills operator-kills operator-outage release,$(NAME)),,image image-operator image-search-pod) $(if $(filter finetune,$(NAME)),image-tuning) ## A long proof, NAME=node-death, redis, on-request, crash, store-kills, operator-kills, chart-life, ...; figures go to docs/measurements
	PYTHONPATH=tools $(BIN)/python -m tests.e2e.proofs $(NAME) $(ARGS)

helm: $(VENV)/.installed ## Build helm, with which the chart's tests render
	@$(BIN)/python -m tests.cluster tools helm

package: helm ## Package the Helm chart into dist/
	$(HELM) package charts/bge-reranker --destination dist

push: package ## Push the chart as an OCI artefact: REGISTRY=registry.example/charts
	@test -n "$(REGISTRY)" || { echo "Name the registry: make push REGISTRY=registry.example/charts"; exit 2; }
	$(HELM) push dist/bge-reranker-$(CHART_VERSION).tgz oci://$(REGISTRY) $(ARGS)

release: release-tools ## Build, list, sign, push and verify images and chart, and tag: VERSION= REGISTRY= KEY=cosign.key
	@$(BESIDE) release make --version "$(VERSION)" --registry "$(REGISTRY)" --key "$(KEY)" $(addprefix --image ,$(IMAGES)) $(if $(BASE),--base $(BASE)) $(ARGS)

bundle: release-tools ## Gather a release that was made here for a site without a network: VERSION= KEY=cosign.key
	@$(BESIDE) release bundle --version "$(VERSION)" --key "$(KEY)" $(ARGS)

release-tools: $(VENV)/.installed ## Build what a release is made with: helm, cosign, oras and syft
	@$(BIN)/python -m tests.cluster tools helm cosign oras syft

##@ Images, and a real cluster on this machine (as root)

image: $(VENV)/.installed ## Build the CPU image with docker, podman or buildah
	$(BESIDE) images service-cpu $(if $(BASE),--base $(BASE))

image-twice: $(VENV)/.installed ## Build the CPU image twice and compare the layers
	$(BESIDE) images service-cpu --twice $(if $(BASE),--base $(BASE))

image-gpu: $(VENV)/.installed ## Build the image with CUDA, and start it once
	$(BESIDE) images service --start $(if $(BASE),--base $(BASE))

image-tuning: $(VENV)/.installed ## Build the image that fine-tunes, on CPUs and GPUs
	$(BESIDE) images tuning $(if $(BASE),--base $(BASE))

image-operator: helm ## Build the operator's image, with the helm that `make helm` builds and the chart inside
	@mkdir -p build && cp "$$($(BIN)/python -c 'from tests.cluster.tools import HELM; print(HELM.program())')" build/helm
	$(BESIDE) images operator $(if $(BASE),--base $(BASE))

image-search-pod: $(VENV)/.installed ## Build the image of the end-to-end tests' search team
	$(BESIDE) images search-pod $(if $(BASE),--base $(BASE))

cluster-up: $(VENV)/.installed ## Bring up Kubernetes with two nodes; GPUS=2 pretends GPUs, WITH="crds redis" adds
	@$(BIN)/python -m tests.cluster up $(if $(GPUS),--gpus $(GPUS)) $(addprefix --with ,$(WITH))

cluster-add: $(VENV)/.installed ## Add to the running cluster: WITH="crds prometheus adapter redis kwok"
	@$(BIN)/python -m tests.cluster add $(WITH)

cluster-down: $(VENV)/.installed ## Take the cluster down, also a half-started one
	@$(BIN)/python -m tests.cluster down

cluster-status: $(VENV)/.installed ## Show its nodes and pods
	@$(BIN)/python -m tests.cluster status

cluster-load: $(VENV)/.installed ## Load IMAGE, or an archive of one, onto its nodes
	@test -n "$(IMAGE)" || { echo "Name the image: make cluster-load IMAGE=localhost/bge-reranker:0.1.0-cpu"; exit 2; }
	@$(BIN)/python -m tests.cluster load $(IMAGE)

cluster-tools: $(VENV)/.installed ## Only build what the cluster runs
	@$(BIN)/python -m tests.cluster tools

##@ Generated files

generate: $(VENV)/.installed ## Write what is generated: tables, schemas, the CRD; the locks if stale
	$(BESIDE) generate
	@$(MAKE) --no-print-directory lock

manifests: helm ## Write manifests/: operator, CRD and samples for people without Helm
	$(BESIDE) generate.manifests

verify: $(VENV)/.installed ## Fail if anything generated or locked is stale
	$(BESIDE) generate --check
	@$(MAKE) --no-print-directory lock-check

lock: $(VENV)/.installed ## Resolve the lock files again, keeping versions that still fit
	$(BESIDE) generate.locks --write

lock-check: $(VENV)/.installed
	@$(BESIDE) generate.locks

##@ Proofs and figures

parity: $(VENV)/.installed ## Compare scores with FlagEmbedding and sentence-transformers
	$(BIN)/python -m tests.parity $(ARGS)

bench: $(VENV)/.installed ## Measure throughput, latency and memory; ARGS="--against REF" compares this tree with a commit
	$(BIN)/python -m tests.bench $(ARGS)

bench-frontend: $(VENV)/.installed ## Measure the server around a pretended GPU; needs wrk; docs/measurements/frontend.json
	$(BIN)/python -m tests.bench.frontend $(ARGS)

bench-peers: $(VENV)/.installed ## Measure beside other rerankers; docs/benchmarks.md, docs/measurements/peers.json
	$(BIN)/python -m tests.bench.peers $(ARGS)

test-gpu: $(VENV)/.installed ## Run the tests that need a GPU; without one each is skipped by name
	$(BIN)/python -m pytest -q -rs -m gpu tests/gpu tests/model $(ARGS)

bench-gpu: $(VENV)/.installed ## Measure the engine on the GPU at hand: share of the matrix rate, precisions, latency, padded peers
	$(BIN)/python -m tests.gpu $(ARGS)

bench-scaling: $(VENV)/.installed ## Measure how cost grows with documents, length and clients
	$(BIN)/python -m tests.bench.scaling $(ARGS)

bench-load: $(VENV)/.installed ## Measure loading 2.2 GB of weights: time, hashing, memory; build/bench-load.json
	$(BIN)/python -m tests.bench.loading $(ARGS)

bench-operator: helm ## Measure the operator with 500 Rerankers on played nodes; figures go to docs/measurements
	$(BIN)/python -m tests.cluster tools kubernetes kwok
	$(BIN)/python -m tests.operator_bench $(ARGS)

monitoring-pictures: $(VENV)/.installed ## Draw every panel of the dashboard from a load test that Prometheus watches; docs/plots
	PYTHONPATH=tools $(BIN)/python -m tests.monitoring.pictures

clients: $(VENV)/.installed ## Try every client library against a live server; writes nothing
	$(BIN)/python -m tests.clients $(ARGS)

fuzz: $(VENV)/.installed ## Throw malformed requests at a live server; CASES=20000
	$(BIN)/python -m tests.fuzz --cases $(or $(CASES),20000)

demo-model: $(VENV)/.installed ## Train the embedded demonstration model from scratch (about an hour); TASK=rebuild keeps its word vectors
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/demo-training.txt
	$(BESIDE) demo_model $(or $(TASK),train) $(ARGS)

demo-eval: $(VENV)/.installed ## Measure the embedded model beside BM25 on held-out texts
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/demo-training.txt
	$(BESIDE) demo_model evaluate $(ARGS)

demo-clip: $(VENV)/.installed ## Train the embedded dual encoder from scratch on pictures that are drawn for it; TASK=evaluate measures it
	$(BESIDE) demo_clip $(or $(TASK),train) $(ARGS)

price: $(VENV)/.installed ## Quantise the embedded model and print what that costs on its held-out texts
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/demo-training.txt
	$(BESIDE) demo_model cases --output build/held-out.jsonl
	rm -rf build/demo-int8
	$(BIN)/bge-reranker quantise demo --to int8 --output build/demo-int8 --golden build/held-out.jsonl --accept-failed-gate

##@ Housekeeping

hooks: $(VENV)/.installed ## Install the pre-commit hooks
	$(BIN)/pre-commit install

clean: ## Remove what was built; the caches under ~/.cache/bge-reranker stay
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A venv first, uv from its hashed lock into it, then everything else by uv from hashed locks.
$(VENV)/.installed: $(LOCKS) service/pyproject.toml operator/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Set PYTHON=/path/to/python3.11.")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-build-isolation --no-deps -e service -e operator
	@touch $@

.PHONY: release bundle release-tools help setup setup-all run test docs test-slow api-server package push e2e e2e-long image image-gpu image-twice image-tuning image-operator image-search-pod cluster-up cluster-add cluster-down cluster-status cluster-load cluster-tools helm check format generate manifests verify lock lock-check parity bench bench-frontend bench-peers test-gpu bench-gpu bench-scaling bench-load bench-operator clients fuzz demo-model demo-eval demo-clip price monitoring-pictures hooks clean
