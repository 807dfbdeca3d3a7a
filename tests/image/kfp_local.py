"""Runs a compiled pipeline by `kfp.local.DockerRunner`; needs the kfp and docker packages, and nothing of ours.

kfp_local.py FILE ROOT NAME=VALUE...: file, pipeline root (which containers see at the same path), parameters.
"""

import sys
from pathlib import Path

import yaml
from google.protobuf import json_format
from kfp import local
from kfp.local import pipeline_orchestrator
from kfp.pipeline_spec import pipeline_spec_pb2

file, root, *parameters = sys.argv[1:]
# The second document is for Kubernetes, and `volumes=` is refused: kfp.local mounts the pipeline root and nothing else.
spec = next(yaml.safe_load_all(Path(file).read_text(encoding="utf-8")))
local.init(runner=local.DockerRunner(network_mode="none", cap_drop=["ALL"]), pipeline_root=root)
pipeline_orchestrator.run_local_pipeline(
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec()), dict(pair.split("=", 1) for pair in parameters)
)
