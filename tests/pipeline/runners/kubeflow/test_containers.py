"""What becomes of a profile in the two documents that KFP reads."""

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.profiles.find import find_profile
from pipeline.profiles.profile import Profile
from pipeline.runners.kubeflow.check import check

PROFILE = """\
all:
  cpu: "2"
  memory: 4Gi
  cpu_request: 500m
  memory_request: 1G
  pull_policy: IfNotPresent
  pull_secrets: [registry]
  env: {LEVEL: "1"}
  volumes: [{claim: shared, path: /data, sub_path: rows}]
stages:
  Trainer: {memory: 16Gi, accelerator: {}, retries: 2, env: {CARD: "0"}, node_selector: {gpu: "yes"}}
  Pusher:
    secrets: [{name: store, env: {AWS_ACCESS_KEY_ID: user, AWS_SECRET_ACCESS_KEY: secret}}]
"""


@pytest.fixture
def read(tmp_path):
    def write(text):
        (tmp_path / "cluster.yaml").write_text(text)
        return find_profile(str(tmp_path / "cluster.yaml"))

    return write


def test_kfp_reads_it(read, compiled):
    made = compiled(profile=read(PROFILE))
    spec, platform = yaml.safe_load_all(made.to_yaml())
    assert check(spec, platform) == []
    json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
    executors = json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig()).executors
    container = executors["Trainer_executor"].container
    assert container.resources.cpu_limit == 2
    assert container.resources.memory_limit == pytest.approx(17.18, abs=0.01)
    assert (container.resources.cpu_request, container.resources.memory_request) == (0.5, 1)
    assert (container.resources.accelerator.type, container.resources.accelerator.count) == ("nvidia.com/gpu", 1)
    assert {variable.name: variable.value for variable in container.env} == {"LEVEL": "1", "CARD": "0"}
    assert not executors["Pusher_executor"].container.resources.HasField("accelerator")
    tasks = spec["root"]["dag"]["tasks"]
    assert tasks["Trainer"]["retryPolicy"]["maxRetryCount"] == 2
    assert "retryPolicy" not in tasks["Transform"]

    config = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert set(config) == {f"{name}_executor" for name in tasks}
    shared = {"runtimeValue": {"constant": "shared"}}
    assert config["Transform_executor"] == {
        "imagePullPolicy": "IfNotPresent",
        "imagePullSecret": [
            {"secretName": "registry", "secretNameParameter": {"runtimeValue": {"constant": "registry"}}}
        ],
        "pvcMount": [{"constant": "shared", "pvcNameParameter": shared, "mountPath": "/data", "subPath": "rows"}],
    }
    assert config["Trainer_executor"]["nodeSelector"] == {"labels": {"gpu": "yes"}}
    [secret] = config["Pusher_executor"]["secretAsEnv"]
    assert secret["keyToEnv"] == [
        {"envVar": "AWS_ACCESS_KEY_ID", "secretKey": "user"},
        {"envVar": "AWS_SECRET_ACCESS_KEY", "secretKey": "secret"},
    ]


def test_without_one_there_is_one_document(compiled):
    assert compiled(profile=Profile()).platform is None
