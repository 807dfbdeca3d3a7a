#!/bin/sh
# Removes from an environment what no stage uses, and compiles what every stage imports: the user of the image could not
# keep the bytecode, and each container would compile for 8 s anew (14 s of imports instead of 6, measured on 2 cores).
#
#   deploy/image_slim.sh FOLDER
set -eu

python=$1/bin/python
packages=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')

# Headers for building TensorFlow's extensions, and the compiler's library that reads them: half a gigabyte.
rm -rf "$packages/tensorflow/include" "$packages/clang/native"
# The client of Vertex AI, which TFX imports for its own Vertex components only.
rm -rf "$packages"/google/cloud/aiplatform* "$packages/agentplatform" "$packages/vertexai"
find "$packages" -type d -name tests -prune -exec rm -rf {} +
# TensorFlow's libraries come with symbols for debuggers. Others do not, and repaired wheels can break by stripping.
find "$packages/tensorflow" -name '*.so*' -type f -exec strip --strip-unneeded {} +
# To import is to compile: 130 MB of bytecode, where all there is would give 360.
env -u PYTHONDONTWRITEBYTECODE TF_CPP_MIN_LOG_LEVEL=3 "$python" - >/dev/null 2>&1 <<'PYTHON'
import apache_beam.runners.direct.direct_runner
import apache_beam.runners.portability.fn_api_runner
import keras
import matplotlib.pyplot
import tensorflow_model_analysis
import tensorflow_transform.beam
import tfx.components
import tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils
import tfx.orchestration.portable.outputs_utils
import tfx_bsl.public.tfxio
PYTHON
