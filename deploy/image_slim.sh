#!/bin/sh
# Removes from an environment what no stage uses, and compiles the rest: the image's user could not keep the bytecode.
#
#   deploy/image_slim.sh FOLDER
set -eu

python=$1/bin/python
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')

# Headers for building TensorFlow's extensions, and the compiler's library that reads them: half a gigabyte.
rm -rf "$packages/tensorflow/include" "$packages/clang/native"
find "$packages" -type d -name tests -prune -exec rm -rf {} +
# TensorFlow's libraries come with symbols for debuggers. Others do not, and repaired wheels can break by stripping.
find "$packages/tensorflow" -name '*.so*' -type f -exec strip --strip-unneeded {} +
# Files that the interpreter of the image need not look at twice; some packages carry some that never were Python 3.
"$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$packages" >/dev/null 2>&1 || :
