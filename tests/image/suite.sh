#!/bin/sh
# Runs the test suite in a container of the image's own base: the current lane on Debian 13.
#
#   tests/image/suite.sh IMAGE [PYTEST OPTIONS]
#
# The container gets the files that git knows or would add, and data/.cache (an npm package: Debian's npm is 400 others).
# It sets itself up from the lock, as any machine does, and is removed in the end. SSL_CERT_FILE and the variables below
# say what this machine needs to reach its package index.
set -eu

image=$1
shift
CDPATH='' cd -- "$(dirname -- "$0")/../.."
base=$(docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.base.name"}}' "$image")
options=''
for name in PIP_INDEX_URL UV_DEFAULT_INDEX UV_INDEX \
    HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
    eval "value=\${$name:-}"
    [ -z "$value" ] || options="$options --env $name"
done

# Chromium wants more shared memory than the 64 MB of a container. What is started at the end is `make test`.
# shellcheck disable=SC2086 # options are words, one by one
container=$(docker create --init --shm-size 512m --workdir /repo $options "$base" sh -c '
    set -e
    [ ! -f /ca.crt ] || export SSL_CERT_FILE=/ca.crt PIP_CERT=/ca.crt
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    apt-get -qq install --no-install-recommends chromium g++ git make python3-dev python3-venv >/apt.log 2>&1 ||
        { cat /apt.log; exit 2; }
    make setup
    exec .venv/bin/python -m pytest "$@"' suite "$@")
trap 'docker rm --force --volumes "$container" >/dev/null' EXIT
trap 'exit 143' INT TERM
[ ! -f "${SSL_CERT_FILE:-}" ] || docker cp --follow-link "$SSL_CERT_FILE" "$container:/ca.crt"
{ git ls-files --cached --others --exclude-standard && find data/.cache -type f; } | while read -r file; do
    [ ! -e "$file" ] || echo "$file"
done | tar --files-from - --create | docker cp - "$container:/repo"
# In the background, so that a signal ends it at once.
docker start --attach "$container" &
wait $!
