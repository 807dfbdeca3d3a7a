#!/bin/sh
# Builds the image. Settings come from the environment:
#
#   IMAGE        its name and tag; multihead:VERSION if not given
#   BASE_IMAGE   what it is built on. If not given: the Dockerfile's, where a registry has it; else one is made of
#                Debian's packages, as with BASE_IMAGE=debootstrap (needs root and debootstrap)
#   SSL_CERT_FILE, PIP_INDEX_URL, UV_DEFAULT_INDEX, UV_INDEX, HTTP_PROXY, HTTPS_PROXY, NO_PROXY
#                what this machine needs to reach its package index; used while building, not kept in the image
set -eu

CDPATH='' cd -- "$(dirname -- "$0")/.."
. deploy/docker.sh
local_base=multihead-base:trixie
# Seconds for a registry to answer: one that is not there may take minutes to say so.
patience=60

has_registry() { timeout "$patience" docker manifest inspect "$1" >/dev/null 2>&1; } # IMAGE

default_base=$(sed -n 's/^ARG BASE_IMAGE=//p' Dockerfile)

base=${BASE_IMAGE:-$default_base}
if [ -z "${BASE_IMAGE:-}" ] && ! is_here "$base" && ! has_registry "$base"; then
    echo "multihead: no registry has $base for this machine; using $local_base, made of Debian's packages"
    base=debootstrap
fi
if [ "$base" = debootstrap ]; then
    base=$local_base
    is_here "$base" || sh deploy/image_base.sh "$base"
fi

mkdir -p .tools
rm -f .tools/ca.crt
trap 'rm -f .tools/ca.crt' EXIT
trust .tools/ca.crt

revision=$(git rev-parse HEAD 2>/dev/null || :)
build "$image" --build-arg "BASE_IMAGE=$base" --build-arg "VERSION=$version" --build-arg "REVISION=$revision" .
size=$(docker image inspect --format '{{.Size}}' "$image")
echo "multihead: made $image on $base, $((size / 1000000)) MB, $(docker image inspect --format '{{.Id}}' "$image")"
