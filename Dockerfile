# One image for every stage on Kubeflow Pipelines, and for the command itself. `make image` builds it.
# The base is any Linux with glibc 2.39 or newer and Python 3.11 to 3.13; deploy/image.sh makes one where none can be had.
ARG BASE_IMAGE=python:3.13-slim-trixie

FROM ${BASE_IMAGE} AS packages
# Where packages come from, for machines that do not ask PyPI itself. Proxies are passed on by Docker unasked.
ARG PIP_INDEX_URL
ARG UV_DEFAULT_INDEX
ARG UV_INDEX
# Two of TFX's dependencies have no wheels. Debian's Python comes without headers and without a way to install uv.
RUN apt-get -qq update \
    && apt-get -qq install --no-install-recommends g++ \
    && { python3 -c 'import ensurepip' || apt-get -qq install --no-install-recommends python3-dev python3-venv; }
WORKDIR /build
COPY deploy/setup.sh deploy/image_slim.sh deploy/
# ca.crt: what this machine trusts, if it said so; for the build only.
COPY pyproject.toml requirements.lock .tools/ca.cr[t] ./
# Every package from the lock, with its hash: one that has none there is refused.
RUN if [ -f ca.crt ]; then export SSL_CERT_FILE="$PWD/ca.crt" PIP_CERT="$PWD/ca.crt"; fi \
    && uv=$(sh deploy/setup.sh uv) \
    && "$uv" venv --quiet --python "$(command -v python3)" /opt/multihead \
    && "$uv" pip install --quiet --no-cache --python /opt/multihead/bin/python \
        --require-hashes --constraint requirements.lock --requirement pyproject.toml --extra kubeflow \
    && sh deploy/image_slim.sh /opt/multihead

FROM packages AS project
COPY LICENSE README.md ./
COPY schema schema
COPY components components
COPY pipeline pipeline
RUN "$(sh deploy/setup.sh uv)" pip install --quiet --no-cache --python /opt/multihead/bin/python --prefix /opt/project \
        --no-deps --no-build-isolation --compile-bytecode .

FROM ${BASE_IMAGE}
# Group 0, so that clusters that choose the user's number themselves (OpenShift) can write to the home folder, too.
RUN mkdir -p /home/multihead && chown 65532:0 /home/multihead && chmod 775 /home/multihead
COPY --from=packages /opt/multihead /opt/multihead
# A layer of its own: a change of the code does not move gigabytes.
COPY --from=project /opt/project /opt/multihead
ENV PATH=/opt/multihead/bin:$PATH \
    HOME=/home/multihead \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 65532:0
WORKDIR /home/multihead
CMD ["multihead", "--help"]
ARG BASE_IMAGE
ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="multihead" \
    org.opencontainers.image.description="A production TFX pipeline: one model, many heads, a gate for each." \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="${BASE_IMAGE}" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
