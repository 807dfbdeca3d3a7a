#!/bin/sh
# Makes a Debian 13 base image with Python 3.13 out of Debian's packages, for machines that reach no image registry.
#
#   deploy/image_base.sh IMAGE
#
# Needs root, debootstrap and a Docker engine. DEBIAN_MIRROR names another mirror.
set -eu

image=${1:?"usage: deploy/image_base.sh IMAGE"}
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

die() { # SENTENCE
    printf 'multihead: %s\n' "$1" >&2
    exit 2
}

command -v debootstrap >/dev/null || die "making a base image takes debootstrap (Debian: apt-get install debootstrap)"
[ "$(id -u)" = 0 ] || die "debootstrap works as root only: run it as root, or name an image in BASE_IMAGE"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
log=$root.log
debootstrap --variant=minbase --include=ca-certificates,python3 trixie "$root" "$mirror" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    die "debootstrap failed, see above and $log"
}
rm -f "$log"

# As in Debian's own slim images: what is only read by people stays out, also of packages that are installed later.
cat >"$root/etc/dpkg/dpkg.cfg.d/slim" <<'SLIM'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
SLIM
find "$root/usr/share/doc" -type f ! -name copyright -delete
rm -rf "$root"/usr/share/info/* "$root"/usr/share/locale/* "$root"/usr/share/man/*
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/log/*
find "$root" -name __pycache__ -type d -prune -exec rm -rf {} +
tar -C "$root" --numeric-owner -c . | docker import --change 'CMD ["python3"]' - "$image" >/dev/null
