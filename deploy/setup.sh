#!/bin/sh
# Makes .venv: picks the lane (the TFX that this machine can run), finds or fetches uv, installs requirements.lock.
#
#   deploy/setup.sh       make .venv, or see in a moment that nothing changed
#   deploy/setup.sh uv    only print where uv is
#
# MULTIHEAD_PYTHON=/path/to/python picks the Python.
set -eu

# The uv to fetch when PATH has none that is new enough, and the hash of its wheel for Linux on x86_64.
UV_MINIMUM=0.6
UV_VERSION=0.13.9
UV_SHA256=d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19

CDPATH='' cd -- "$(dirname -- "$0")/.."
mkdir -p .tools
log=$PWD/.tools/setup.log
stamp=.venv/setup-stamp # written last: an environment without it is unfinished

die() { # SENTENCE
    printf 'multihead: %s\n' "$1" >&2
    exit 2
}

quietly() { # COMMAND...: its output is shown only if it fails
    "$@" >"$log" 2>&1 </dev/null && return
    cat "$log" >&2
    ! grep -q 'Failed to build' "$log" ||
        die "building what has no wheel takes a C++ compiler and Python's headers (Debian: g++ and python3-dev)"
    die "the set-up failed, see above (after a change of dependencies, \`make lock\` comes first)"
}

at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; } # VERSION MINIMUM

# Reads the stamp: is .venv what it should be?
up_to_date() {
    made_of='' made_by='' wish='' summary=''
    [ ! -f "$stamp" ] || { read -r made_of && read -r made_by && read -r wish && read -r summary; } <"$stamp" || :
    [ "$made_of" = "$sources" ] && [ "${MULTIHEAD_PYTHON:-$wish}" = "$wish" ] && [ -x .venv/bin/python ]
}

# Prints "3.10.13 /real/path" for each of the given Pythons that is usable: it runs (a pyenv shim may exist and fail),
# it is CPython, of 64 bits, and has the GIL (TFX has no wheels for other builds).
probe() { # PYTHON...
    for candidate; do
        [ ! -x "$candidate" ] || "$candidate" - 2>/dev/null <<'PYTHON' || :
import os, platform, sys, sysconfig
if platform.python_implementation() != "CPython" or sys.maxsize < 2**32 or sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
base = getattr(sys, "_base_executable", sys.executable)  # the one behind a virtual environment
print("%d.%d.%d" % sys.version_info[:3], os.path.realpath(base))
PYTHON
    done
}

# Every usable Python of this machine: on PATH, pyenv's, uv's.
all_pythons() {
    (
        IFS=:
        for dir in $PATH; do
            probe "$dir/python3.13" "$dir/python3.12" "$dir/python3.11" "$dir/python3.10" "$dir/python3"
        done
    )
    probe "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/*/bin/python3
    probe "${UV_PYTHON_INSTALL_DIR:-${XDG_DATA_HOME:-${HOME:-}/.local/share}/uv/python}"/*/bin/python3
}

# Sets `python` to "3.13.0 /real/path": the newest of PYTHONS that a lane of this machine takes.
find_python() { # PYTHONS
    for minor in $minors; do
        ! python=$(printf '%s\n' "$1" | grep -m 1 "^${minor}[.]") || return 0
    done
    return 1
}

# Debian's Python may lack pip, or venv, or both. Either will do, and both put uv at the same place.
fetch_uv() { # PYTHON
    rm -rf .tools/uv
    if "$1" -m pip --version; then
        set -- "$1" -m pip install --target .tools/uv
    else
        "$1" -m venv .tools/uv || return 1
        set -- .tools/uv/bin/python -m pip install
    fi
    "$@" --retries 1 --no-deps --only-binary :all: --require-hashes -r .tools/uv.txt
}

works() { # UV
    [ -x "$1" ] && at_least "$("$1" --version 2>/dev/null | cut -d ' ' -f 2)" "$UV_MINIMUM"
}

# Sets `uv`: the one on PATH, else our own.
find_uv() {
    for uv in "$(command -v uv || :)" "$PWD/.tools/uv/bin/uv"; do
        ! works "$uv" || return 0
    done
    printf 'uv==%s --hash=sha256:%s\n' "$UV_VERSION" "$UV_SHA256" >.tools/uv.txt
    all_pythons | awk '!seen[$0]++' | while read -r _ candidate; do
        ! fetch_uv "$candidate" </dev/null || break
    done >"$log" 2>&1
    works "$uv" || { cat "$log" >&2; die "no Python here could install uv: install uv itself, or python3-venv (Debian)"; }
}

[ "${1:-}" != uv ] || { find_uv && echo "$uv" && exit; }

# Two set-ups at once would undo each other: the second waits, then finds everything done.
sources=$({ pwd && cat pyproject.toml requirements.lock deploy/setup.sh; } | sha256sum)
up_to_date || ! command -v flock >/dev/null || { exec 9>.tools/lock && flock 9; }
! up_to_date || { echo "$summary" && exit; }

[ "$(uname -sm)" = "Linux x86_64" ] || die "TFX has wheels for Linux on x86_64 only, and this is $(uname -sm)"
glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | sed -n 's/^glibc //p')
at_least "${glibc:-0}" 2.17 || die "TFX has wheels for glibc 2.17 and newer only, and this system has ${glibc:-no glibc}"
if at_least "$glibc" 2.39; then minors="3.13 3.12 3.11 3.10"; else minors=3.10; fi
needed="Python $(echo "$minors" | sed 's/ / or /g')"
if [ -n "${MULTIHEAD_PYTHON:-}" ]; then
    find_python "$(probe "$(command -v "$MULTIHEAD_PYTHON")")" ||
        die "MULTIHEAD_PYTHON=$MULTIHEAD_PYTHON does not work here: with glibc $glibc it must be $needed"
elif ! find_python "$(all_pythons)"; then
    # The last try, which fails without network.
    (find_uv && UV_PYTHON_INSTALL_BIN=0 "$uv" python install "${minors%% *}") >/dev/null 2>&1 || :
    find_python "$(all_pythons)" ||
        die "no usable Python found: install $needed (and its headers), or name one in MULTIHEAD_PYTHON"
fi
case "$python $minors" in
3.10.*" 3.10") lane="<" why="glibc $glibc < 2.39 (TFX 1.21 needs 2.39)" ;;
3.10.*) lane="<" why="no newer Python was found" ;;
*) lane=">=" why="glibc $glibc >= 2.39" ;;
esac
[ -z "${MULTIHEAD_PYTHON:-}" ] || why="MULTIHEAD_PYTHON says so"
tfx=$(sed -n "s/.*\"tfx==\([0-9.]*\); python_version $lane .*/\1/p" pyproject.toml)
summary="multihead: Python ${python%% *} (${python#* }), TFX $tfx, because $why"
echo "$summary"

# The environment. It is kept, and only brought up to date, if a set-up at this place and with this Python finished it.
find_uv
if [ "$made_by" = "$PWD $python" ]; then
    rm "$stamp"
else
    rm -rf .venv
    quietly "$uv" venv --python "${python#* }" .venv
fi
# Bytecode now, not at first use: some 20 s here, for 12 s at each start wherever PYTHONDONTWRITEBYTECODE is set.
quietly "$uv" pip sync --python .venv/bin/python --require-hashes --compile-bytecode requirements.lock
# The lock has what this build needs, so it is not isolated and asks no registry.
quietly "$uv" pip install --python .venv/bin/python --no-deps --no-build-isolation --editable .
# Fails if pyproject.toml asks for what the lock does not give: that takes a `make lock`.
quietly "$uv" pip check --python .venv/bin/python
printf '%s\n' "$sources" "$PWD $python" "${MULTIHEAD_PYTHON:-}" "$summary" >"$stamp"
