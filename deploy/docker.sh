# For the scripts that build images, which read this in: `. deploy/docker.sh`, from the project's folder.
# shellcheck shell=sh

die() { # SENTENCE
    printf 'multihead: %s\n' "$1" >&2
    exit 2
}

is_here() { docker image inspect "$1" >/dev/null 2>&1; } # IMAGE

# Puts into a build's context what this machine trusts, if it said so.
trust() { # FILE
    [ ! -f "${SSL_CERT_FILE:-}" ] || cp "$SSL_CERT_FILE" "$1"
}

# Builds an image, with the settings that this machine needs to reach its package index.
build() { # IMAGE OPTIONS-AND-CONTEXT...
    built=$1
    shift
    for setting in PIP_INDEX_URL UV_DEFAULT_INDEX UV_INDEX \
        HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy; do
        eval "value=\${$setting:-}"
        [ -z "$value" ] || set -- --build-arg "$setting" "$@"
    done
    docker build --tag "$built" "$@"
}

docker info >/dev/null 2>&1 || die "no Docker engine answers: start one (Debian: docker.io), and see \`docker info\`"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
image=${IMAGE:-multihead:$version}
