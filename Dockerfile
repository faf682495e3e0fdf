# Four images of one tree: `service` (torch with CUDA), `service-cpu`, `tuning` and `operator`. `make image-gpu`, `make image`,
# `make image-tuning` and `make image-operator` build them.
#
# The base is any image with Python 3.11 or newer as `python3`, with its venv module. Pin it by digest for releases;
# where nothing can be pulled, `make image` makes one from Debian and passes its name.
ARG BASE_IMAGE=docker.io/library/python:3.11.13-slim-bookworm

FROM ${BASE_IMAGE} AS base

# What installs the rest, from its own hashed lock; none of it is in the images. Where packages come from is the
# machine's setting.
FROM base AS installer
ARG SOURCE_DATE_EPOCH
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt UV_LINK_MODE=copy
COPY requirements/image-build.txt /requirements/
RUN ["python3", "-m", "venv", "/installer"]
RUN ["/installer/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--require-hashes", "-r", "/requirements/image-build.txt"]

FROM installer AS environment
RUN ["python3", "-m", "venv", "--without-pip", "/opt/bge-reranker"]

# Dependencies, a layer of their own: it changes with the lock only. Compiled once with hashes instead of times, so that
# the files are the same in every build and a read-only root needs no compiling at start. Beside them a bill of materials
# with licences, in CycloneDX's format.
FROM environment AS dependencies-cpu
COPY requirements/service-cpu.txt /requirements/
RUN ["/installer/bin/uv", "pip", "sync", "--quiet", "--python", "/opt/bge-reranker/bin/python", "--require-hashes", "/requirements/service-cpu.txt"]
RUN ["/opt/bge-reranker/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/bge-reranker/lib"]
RUN ["/installer/bin/cyclonedx-py", "environment", "--output-reproducible", "--output-file", "/opt/bge-reranker/sbom.json", "/opt/bge-reranker/bin/python"]

# torch brings one test of the syntax of later Pythons, which this one cannot compile.
FROM environment AS dependencies-gpu
COPY requirements/service.txt /requirements/
RUN ["/installer/bin/uv", "pip", "sync", "--quiet", "--python", "/opt/bge-reranker/bin/python", "--require-hashes", "/requirements/service.txt"]
RUN ["/opt/bge-reranker/bin/python", "-m", "compileall", "-q", "-x", "torch/testing/", "--invalidation-mode", "unchecked-hash", "/opt/bge-reranker/lib"]
RUN ["/installer/bin/cyclonedx-py", "environment", "--output-reproducible", "--output-file", "/opt/bge-reranker/sbom.json", "/opt/bge-reranker/bin/python"]

# What fine-tuning adds to them, and nothing else: `service` and `tuning` have the large layer in common.
FROM environment AS additions-tuning
COPY requirements/tuning.txt /requirements/
RUN ["/installer/bin/uv", "pip", "sync", "--quiet", "--python", "/opt/bge-reranker/bin/python", "--require-hashes", "/requirements/tuning.txt"]
RUN ["/opt/bge-reranker/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/bge-reranker/lib"]

# Both together, for their bill of materials alone.
FROM dependencies-gpu AS dependencies-tuning
COPY --from=additions-tuning /opt/bge-reranker /opt/bge-reranker
RUN ["/installer/bin/cyclonedx-py", "environment", "--output-reproducible", "--output-file", "/opt/bge-reranker/sbom.json", "/opt/bge-reranker/bin/python"]

# Our own package, built without a network; by pip, since uv leaves the time of the installation beside it.
FROM environment AS application
COPY service /source
RUN ["/installer/bin/python", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-index", "--no-deps", "--no-build-isolation", "--no-compile", "--target", "/application", "/source"]
RUN ["/opt/bge-reranker/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", "/application", "-p", "/opt/application", "/application"]

FROM base AS runtime
ARG SOURCE_DATE_EPOCH
ARG VERSION=0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bge-reranker" \
      org.opencontainers.image.description="A reranking server for cross-encoders" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The root may be read-only: /tmp is the one place that is written to, and only if it is there.
ENV PATH=/opt/bge-reranker/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/opt/application \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
USER 65532:65532
WORKDIR /tmp
EXPOSE 8000 8001
ENTRYPOINT ["/opt/bge-reranker/bin/python", "-m", "bge_reranker"]
CMD ["serve", "--host", "::", "--management-host", "::"]

FROM runtime AS runtime-gpu
COPY --from=dependencies-gpu /opt/bge-reranker /opt/bge-reranker

FROM runtime-gpu AS service
COPY --from=application /application /opt/application

FROM runtime AS service-cpu
COPY --from=dependencies-cpu /opt/bge-reranker /opt/bge-reranker
COPY --from=application /application /opt/application

# Fine-tuning, on GPUs and CPUs.
FROM runtime-gpu AS tuning
LABEL org.opencontainers.image.description="Fine-tuning of rerankers"
COPY --from=additions-tuning /opt/bge-reranker /opt/bge-reranker
COPY --from=dependencies-tuning /opt/bge-reranker/sbom.json /opt/bge-reranker/sbom.json
COPY --from=application /application /opt/application
CMD ["finetune", "--help"]

# The operator: no scorer, no torch; helm and the chart, which is what it renders.
FROM environment AS dependencies-operator
COPY requirements/operator.txt /requirements/
RUN ["/installer/bin/uv", "pip", "sync", "--quiet", "--python", "/opt/bge-reranker/bin/python", "--require-hashes", "/requirements/operator.txt"]
# A third of the image otherwise: the client's generated models and APIs, which the dynamic client never loads.
RUN ["find", "/opt/bge-reranker/lib", "-type", "f", "-path", "*/kubernetes/*client/*", "(", "-path", "*/models/*", "-o", "-path", "*/api/*", ")", "!", "-name", "__init__.py", "-delete"]
RUN ["/opt/bge-reranker/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "/opt/bge-reranker/lib"]
RUN ["/installer/bin/cyclonedx-py", "environment", "--output-reproducible", "--output-file", "/opt/bge-reranker/sbom.json", "/opt/bge-reranker/bin/python"]

FROM environment AS application-operator
COPY operator /source
RUN ["/installer/bin/uv", "pip", "install", "--quiet", "--python", "/installer/bin/python", "--target", "/application", "--no-deps", "--no-build-isolation", "/source"]
RUN ["/opt/bge-reranker/bin/python", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", "/application", "-p", "/opt/application", "/application"]

# `make helm` builds this version from source; any other program is refused.
FROM base AS helm
ARG HELM_VERSION=v4.3.1
ARG HELM_PROGRAM=build/helm
COPY ${HELM_PROGRAM} /helm
RUN ["python3", "-c", "import os, subprocess; said = subprocess.run(['/helm', 'version', '--short'], capture_output=True, text=True, check=True).stdout; assert said.startswith(os.environ['HELM_VERSION']), f'helm is {said}, not ' + os.environ['HELM_VERSION']"]

FROM runtime AS operator
LABEL org.opencontainers.image.description="The operator of bge-reranker"
EXPOSE 8081
ENTRYPOINT ["/opt/bge-reranker/bin/python", "-m", "reranker_operator"]
CMD []
COPY --from=helm /helm /usr/local/bin/helm
COPY --from=dependencies-operator /opt/bge-reranker /opt/bge-reranker
COPY --from=application-operator /application /opt/application
COPY charts/bge-reranker /opt/charts/bge-reranker
